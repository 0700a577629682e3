//! The names of settings are the same in the sources, in the check of the settings, and in the documents.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::files;

/// The configuration of each Worker, and the folder of its sources.
const WORKERS: [(&str, &str); 2] = [("wrangler.toml", "src"), ("admin/wrangler.toml", "admin/src")];

/// The names that scripts/settings.js knows for the Worker of this configuration.
fn known(configuration: &str) -> Vec<String> {
    let print = "const { binding, ...names } = require('./scripts/settings.js').NAMES[process.argv[1]];
         console.log(JSON.stringify([names, binding].flatMap(Object.values).flat()))";
    let output = Command::new("node").args(["-e", print, configuration]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Words in capitals in the sources that are not the name of a setting or a binding.
const OTHER_WORDS: &[&str] = &[
    "C",
    "CARGO_PKG_VERSION",
    "D1_TYPE_ERROR",
    "DELETE",
    "GET",
    "HEAD",
    "KV",
    "NFC",
    "NFKC",
    "OPTIONS",
    "PATCH",
    "POST",
    "PUT",
    "RS256",
    "RSA",
    "SAMEORIGIN",
    "SQLITE_CONSTRAINT",
    "SQLITE_ERROR",
    "SQLITE_MISMATCH",
];

/// The texts of capitals, digits and underscores in the sources of a folder, each with its file, without unit
/// tests.
fn words_in_capitals(folder: &str) -> Vec<(String, String)> {
    let is_word = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let mut words = Vec::new();
    for file in files(Path::new(folder)).iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
        let source = fs::read_to_string(file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        let found = source.split('"').filter(is_word);
        words.extend(found.map(|word| (word.to_owned(), file.display().to_string())));
    }
    words
}

#[test]
fn the_names_that_are_checked_are_those_that_the_workers_read() {
    for (configuration, folder) in WORKERS {
        let known = known(configuration);
        let words = words_in_capitals(folder);
        for (word, file) in &words {
            assert!(
                known.contains(word) || OTHER_WORDS.contains(&word.as_str()),
                "{file} has \"{word}\": if it is a setting, a secret or a binding, add it to NAMES in \
                 scripts/settings.js, and otherwise to OTHER_WORDS here"
            );
        }
        for name in &known {
            assert!(
                words.iter().any(|(word, _)| word == name),
                "nothing in {folder}/ reads {name}: remove it from NAMES in scripts/settings.js"
            );
        }
    }
}

#[test]
fn every_name_that_a_configuration_offers_is_known() {
    for (configuration, _) in WORKERS {
        let known = known(configuration);
        let text = fs::read_to_string(configuration).unwrap();
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim_start_matches("# ").split_once(" = "))
            .filter_map(
                |(key, value)| {
                    if key == "name" { value.strip_prefix('"')?.strip_suffix('"') } else { Some(key) }
                },
            )
            .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'))
            .collect();
        assert!(names.len() > 3, "{names:?}");
        for name in names {
            assert!(
                known.iter().any(|known| known == name),
                "{configuration} offers {name}, which scripts/settings.js does not know"
            );
        }
    }
}

#[test]
fn every_name_is_offered_and_explained() {
    let documents =
        ["docs/abuse.md", "docs/admin.md", "docs/operating.md"].map(|file| fs::read_to_string(file).unwrap());
    let secrets = secrets();
    for (configuration, _) in WORKERS {
        let text = fs::read_to_string(configuration).unwrap();
        for name in known(configuration).into_iter().filter(|name| !["DB", "BLOCKLIST"].contains(&&**name)) {
            assert!(
                secrets.contains(&name) || text.contains(&name),
                "{configuration} has no line for {name}"
            );
            assert!(
                documents.iter().any(|text| text.contains(&format!("`{name}"))),
                "none of docs/abuse.md, docs/admin.md and docs/operating.md explains `{name}`"
            );
        }
    }
}

/// The names that scripts/settings.js knows as secrets.
fn secrets() -> Vec<String> {
    let print = "const { NAMES } = require('./scripts/settings.js');
         console.log(JSON.stringify(Object.values(NAMES).flatMap(({ secret }) => secret)))";
    let output = Command::new("node").args(["-e", print]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
