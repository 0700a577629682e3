//! The names of settings are the same in the sources, in the check of `wrangler.toml`, and in the documents.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::files;

/// The names that scripts/settings.js knows.
fn known() -> Vec<String> {
    let print = "const { binding, ...names } = require('./scripts/settings.js').NAMES;
         console.log(JSON.stringify([names, binding].flatMap(Object.values).flat()))";
    let output = Command::new("node").args(["-e", print]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Words in capitals in the sources that are not the name of a setting or a binding.
const OTHER_WORDS: &[&str] = &[
    "C",
    "CARGO_PKG_VERSION",
    "D1_TYPE_ERROR",
    "GET",
    "HEAD",
    "NFC",
    "NFKC",
    "OPTIONS",
    "POST",
    "SAMEORIGIN",
    "SQLITE_CONSTRAINT",
    "SQLITE_ERROR",
    "SQLITE_MISMATCH",
];

/// The texts of capitals, digits and underscores in the sources, each with its file. Unit tests are left out.
fn words_in_capitals() -> Vec<(String, String)> {
    let is_word = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let mut words = Vec::new();
    for file in &files(Path::new("src")) {
        let source = fs::read_to_string(file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        let found = source.split('"').filter(is_word);
        words.extend(found.map(|word| (word.to_owned(), file.display().to_string())));
    }
    words
}

#[test]
fn the_names_that_are_checked_are_those_that_the_worker_reads() {
    let known = known();
    let words = words_in_capitals();
    for (word, file) in &words {
        assert!(
            known.contains(word) || OTHER_WORDS.contains(&word.as_str()),
            "{file} has \"{word}\": if it is a setting, a secret or a binding, add it to NAMES in scripts/settings.js, \
             and otherwise to OTHER_WORDS here"
        );
    }
    for name in &known {
        assert!(
            words.iter().any(|(word, _)| word == name),
            "nothing in src/ reads {name}: remove it from NAMES in scripts/settings.js"
        );
    }
}

#[test]
fn every_name_that_wrangler_toml_offers_is_known() {
    let known = known();
    let names: Vec<_> = include_str!("../../wrangler.toml")
        .lines()
        .filter_map(|line| line.trim_start_matches("# ").split_once(" = "))
        .filter_map(
            |(key, value)| if key == "name" { value.strip_prefix('"')?.strip_suffix('"') } else { Some(key) },
        )
        .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(
            known.iter().any(|known| known == name),
            "wrangler.toml offers {name}, which scripts/settings.js does not know"
        );
    }
}

#[test]
fn every_name_is_offered_and_explained() {
    let configuration = fs::read_to_string("wrangler.toml").unwrap();
    let documents =
        ["docs/abuse.md", "docs/operating.md", "docs/admin.md"].map(|file| fs::read_to_string(file).unwrap());
    for name in known().into_iter().filter(|name| !["DB", "BLOCKLIST"].contains(&&**name)) {
        let is_secret = ["PASSWORD_PEPPER", "CHALLENGE_SECRET", "TURNSTILE_SECRET", "SIGN_UP_HOOK_SECRET"]
            .contains(&&*name);
        assert!(is_secret || configuration.contains(&name), "wrangler.toml has no line for {name}");
        assert!(
            documents.iter().any(|text| text.contains(&format!("`{name}"))),
            "neither docs/abuse.md nor docs/operating.md nor docs/admin.md explains `{name}`"
        );
    }
}
