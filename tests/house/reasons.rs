//! The words of `src/reason.rs` are the words that `public/openapi.json` describes.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

#[test]
fn every_word_is_described_and_every_described_word_exists() {
    let source = fs::read_to_string("src/reason.rs").unwrap();
    let words = source.split("Self(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let words: BTreeSet<_> = words.map(str::to_owned).collect();
    let api: Value = serde_json::from_str(&fs::read_to_string("public/openapi.json").unwrap()).unwrap();
    let headers = api["components"]["headers"].as_object().unwrap();
    let described: BTreeSet<_> = headers
        .iter()
        .filter(|(name, _)| name.starts_with("X-Error-Reason"))
        .flat_map(|(_, header)| header["schema"]["oneOf"].as_array().unwrap())
        .map(|word| word["const"].as_str().unwrap().to_owned())
        .collect();
    assert!(words.len() > 30, "{words:?}");
    for word in &words {
        // An answer to a method that no operation describes.
        assert!(
            described.contains(word) || word == "method_not_allowed",
            "src/reason.rs has \"{word}\": describe it in the headers X-Error-Reason-… of public/openapi.json, and \
             provoke it in tests/worker/reasons.rs"
        );
    }
    for word in &described {
        assert!(
            words.contains(word),
            "public/openapi.json describes \"{word}\", which src/reason.rs does not have"
        );
    }
}
