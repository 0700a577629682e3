//! Tests that only read the project's files: the laws of the house that the compiler does not check. They need neither
//! the Worker nor a server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

mod guards;
mod links;
mod reasons;
mod rooms;
mod routes;
mod settings;
mod texts;
mod third_party;
mod threats;
mod username_length;

/// The files below `folder`.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

/// The Rust files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    all_files(folder).into_iter().filter(is_rust).collect()
}
