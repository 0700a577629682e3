//! The files that repeat the length of a username have the one of the code.

use std::fs;
use std::path::Path;

use edge_signup::fields::username::MAX_CHARACTERS;
use serde_json::Value;

/// Files that repeat the number, and the text that each of them has then.
fn places() -> Vec<(&'static str, String)> {
    // The most code points of a name before its normalisation.
    let bytes = 4 * MAX_CHARACTERS;
    let with_comma = match bytes / 1000 {
        0 => bytes.to_string(),
        thousands => format!("{thousands},{:03}", bytes % 1000),
    };
    vec![
        ("docs/api.md", format!("| `username` | 1 to {MAX_CHARACTERS} letters")),
        ("docs/api.md", format!("\"username\":{{\"max_characters\":{MAX_CHARACTERS}}}")),
        ("docs/threats.md", with_comma.clone()),
        ("docs/verifying.md", with_comma),
        ("public/index.html", format!("1 to {MAX_CHARACTERS} characters")),
        ("public/gallery.js", format!("username: {{ max_characters: {MAX_CHARACTERS} }}")),
        (
            "public/openapi.json",
            format!("\"description\": \"1 to {MAX_CHARACTERS} characters, counted after"),
        ),
        ("public/openapi.json", format!("\"max_characters\": {MAX_CHARACTERS}")),
        ("public/openapi.json", format!("The name is empty or has more than {MAX_CHARACTERS} characters")),
        ("bench/peers/contract.js", format!("must have 1 to {MAX_CHARACTERS} characters")),
        (
            "bench/peers/contract.js",
            format!("text.length > {MAX_CHARACTERS} && [...text].length > {MAX_CHARACTERS}"),
        ),
        ("packages/client/src/client.ts", format!("At most {MAX_CHARACTERS} characters.")),
        ("scripts/commands/verify.js", format!("\"x\".repeat({})", MAX_CHARACTERS + 1)),
    ]
}

/// The numbers that follow `text` in `content`.
fn numbers_after<'a>(content: &'a str, text: &'a str) -> impl Iterator<Item = usize> + 'a {
    content.split(text).skip(1).filter_map(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    })
}

#[test]
fn every_file_that_repeats_the_length_of_a_username_has_the_right_one() {
    let mut wrong: Vec<String> = places()
        .into_iter()
        .filter(|(file, text)| !fs::read_to_string(file).unwrap().contains(text))
        .map(|(file, text)| format!("{file} should have {text:?}"))
        .collect();
    for file in ["public/openapi.json", "admin/public/openapi.json"] {
        let api: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let length = &api["components"]["schemas"]["Username"]["maxLength"];
        if *length != MAX_CHARACTERS {
            wrong.push(format!("{file} has the maxLength {length} in its schema Username"));
        }
    }
    // The sentence of the error, wherever a test or a document repeats it.
    for folder in ["admin/src", "docs", "packages/client/src", "public", "scripts", "src", "tests/worker"] {
        for file in super::all_files(Path::new(folder)) {
            let Ok(content) = fs::read_to_string(&file) else { continue };
            let numbers = numbers_after(&content, "username must have 1 to ");
            let others = numbers.filter(|number| *number != MAX_CHARACTERS);
            wrong.extend(others.map(|number| format!("{} has the sentence with {number}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "a username has at most {MAX_CHARACTERS} characters:\n{}", wrong.join("\n"));
}

#[test]
fn the_schema_takes_every_username_that_the_code_takes() {
    let mut files = super::all_files(Path::new("migrations"));
    files.sort();
    let content: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let limit = numbers_after(&content, "length(username) BETWEEN 1 AND ").last().unwrap();
    assert!(limit >= MAX_CHARACTERS, "the schema refuses a username of more than {limit} characters");
}
