//! The texts of the element: every language has the same keys, and a text for every word of `X-Error-Reason`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use serde::Deserialize;

type Texts = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Printed {
    languages: Vec<String>,
    texts: BTreeMap<String, Texts>,
    words: BTreeMap<String, Texts>,
}

/// The words of the client for a call that got no answer.
const OWN_WORDS: [&str; 3] = ["no_answer", "timed_out", "unreadable_answer"];

fn words() -> Vec<String> {
    let source = fs::read_to_string("src/reason.rs").unwrap();
    let words = source.split("Self(\"").skip(1).filter_map(|rest| rest.split('"').next());
    words.chain(OWN_WORDS).map(str::to_owned).collect()
}

/// The output of `texts.ts`, which writes one file: so only one test may run it.
static PRINTED: LazyLock<Printed> = LazyLock::new(|| {
    let bundle = concat!(env!("CARGO_TARGET_TMPDIR"), "/texts.cjs");
    let built = Command::new("node_modules/.bin/esbuild")
        .args(["tests/house/texts.ts", "--bundle", "--platform=node", "--log-level=error"])
        .arg(format!("--outfile={bundle}"))
        .status();
    assert!(built.unwrap().success());
    let output = Command::new("node").arg(bundle).args(words()).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
});

/// The values that a text takes.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

#[test]
fn every_language_has_the_same_keys_and_its_own_texts() {
    let Printed { languages, texts, .. } = &*PRINTED;
    let mut languages: Vec<_> = languages.iter().map(String::as_str).chain(["en"]).collect();
    languages.sort_unstable();
    assert_eq!(texts.keys().collect::<Vec<_>>(), languages);
    assert_eq!(languages.len(), 8);
    let english = &texts["en"];
    for (language, own) in texts {
        assert_eq!(own.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{language}");
        for (key, text) in own {
            assert!(!text.is_empty(), "{language}: {key}");
            assert_eq!(placeholders(text), placeholders(&english[key]), "{language}: {key}");
            // A sentence is translated; a name such as "E-mail" may be the same.
            assert!(language == "en" || !text.contains(' ') || *text != english[key], "{language}: {key}");
        }
    }
}

#[test]
fn every_word_of_the_service_has_a_text_in_every_language() {
    let Printed { texts, words: found, .. } = &*PRINTED;
    for (language, own) in texts {
        for word in words() {
            let text = &found[language][&word];
            assert!(own.values().any(|known| known == text), "{language}: {word} has the text {text:?}");
        }
    }
    // A user can do something about each of these, so none of them has the text for the owner of the page.
    let told: BTreeSet<_> = found["en"].iter().filter(|(_, text)| **text == texts["en"]["refused"]).collect();
    let told: BTreeSet<_> = told.into_iter().map(|(word, _)| word.as_str()).collect();
    let owners = [
        "body_encoding",
        "body_member_twice",
        "body_not_json",
        "body_not_object",
        "body_too_large",
        "client_id_denied",
        "client_id_invalid",
        "client_id_missing",
        "client_id_unknown",
        "content_type_not_json",
        "idempotency_key_invalid",
        "method_not_allowed",
        "not_found",
        "origin_refused",
        "privacy_invalid",
    ];
    assert_eq!(told, BTreeSet::from(owners));
}

#[test]
fn a_word_shares_the_text_of_its_field_on_purpose() {
    let Printed { texts, words: found, .. } = &*PRINTED;
    let english = &texts["en"];
    let shared: BTreeSet<_> = found["en"]
        .iter()
        .filter(|(word, text)| !english.contains_key(*word) && is_of_a_field(english, text))
        .map(|(word, _)| word.as_str())
        .collect();
    let fitting = [
        "password_characters",
        "proof_expired",
        "proof_missing",
        "proof_unsolved",
        "proof_used",
        "username_characters",
        "username_encoding",
        "username_invisible",
        "username_leading_mark",
    ];
    assert_eq!(
        shared,
        BTreeSet::from(fitting),
        "give a new word a text in packages/element/src/texts/, or add it here if the text of its field is true of it"
    );
}

/// Whether a text is the one that the words of a field share.
fn is_of_a_field(english: &Texts, text: &str) -> bool {
    english.iter().any(|(key, own)| key.ends_with("_invalid") && own == text)
}
