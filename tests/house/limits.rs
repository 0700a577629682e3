//! The limits of a username that documents and pages repeat are those of the code.

use std::fs;

use edge_signup::fields::username::MAX_CHARACTERS;
use serde_json::Value;

#[test]
fn every_file_that_repeats_the_length_of_a_username_has_the_right_one() {
    let with_comma = |number: usize| format!("{},{:03}", number / 1000, number % 1000);
    for (file, text) in [
        ("docs/api.md", format!("| `username` | 1 to {MAX_CHARACTERS} letters")),
        ("public/index.html", format!("1 to {MAX_CHARACTERS} characters")),
        ("docs/threats.md", with_comma(4 * MAX_CHARACTERS)),
        ("docs/verifying.md", with_comma(4 * MAX_CHARACTERS)),
        ("bench/peers/contract.js", format!("1 to {MAX_CHARACTERS} characters")),
    ] {
        let content = fs::read_to_string(file).unwrap();
        assert!(
            content.contains(&text),
            "{file} should have {text:?}, because a username has {MAX_CHARACTERS} characters"
        );
    }
    let api: Value = serde_json::from_str(&fs::read_to_string("public/openapi.json").unwrap()).unwrap();
    let username = &api["components"]["schemas"]["Username"];
    assert_eq!(username["maxLength"], MAX_CHARACTERS, "in the schema Username of public/openapi.json");
}
