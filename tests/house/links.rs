//! The links between the documents lead to files and headings that exist.

use std::fs;
use std::path::{Path, PathBuf};

/// The anchor that GitHub gives a heading.
pub fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The anchors of a document's headings. A comment in a block of code may look like a heading, which does no harm.
fn anchors(document: &str) -> Vec<String> {
    let headings = document.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_document = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut documents: Vec<_> = super::all_files(&root.join("docs"));
    documents.extend(fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()));
    let (mut wrong, mut links) = (Vec::new(), 0);
    for file in documents.into_iter().filter(is_document) {
        let text = fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).map(|rest| rest.split([')', ' ']).next().unwrap()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let other = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let is_there = match fs::read_to_string(&other) {
                Ok(text) => heading.is_empty() || anchors(&text).iter().any(|known| known == heading),
                // A folder or a picture.
                Err(_) => heading.is_empty() && other.exists(),
            };
            if !is_there {
                wrong.push(format!("{}: {target}", file.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(links > 150, "only {links} links were found");
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}
