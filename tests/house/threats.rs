//! `docs/threats.md` names a test for each claim, and each of these tests exists.

use std::fs;
use std::path::Path;

use crate::files;

#[test]
fn every_test_and_file_that_the_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/threats.md")).unwrap();
    let sources: String = ["tests/house", "tests/worker", "src"]
        .iter()
        .flat_map(|folder| files(&root.join(folder)))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let is_name = |text: &&str| {
        text.matches('_').count() > 1
            && text.bytes().all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let names: Vec<_> = document.split('`').filter(is_name).collect();
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        assert!(
            sources.contains(&format!("fn {name}()")),
            "docs/threats.md names {name}, and no test has this name"
        );
    }
    for file in document.split('`').filter(|text| text.starts_with("src/")) {
        assert!(root.join(file).exists(), "docs/threats.md names {file}, which does not exist");
    }
}
