//! The files of the element: their size, and the headers that pages of other origins need.

use std::fs;
use std::process::Command;

use crate::request::get;
use crate::server::shared;

/// The most bytes of the element with the client, after `gzip -9`.
const LIMIT: usize = 12_000;

#[test]
fn the_element_with_the_client_is_small() {
    let zipped = Command::new("gzip").args(["-9c", "public/edge-sign-up.js"]).output().unwrap().stdout;
    assert!((6_000..=LIMIT).contains(&zipped.len()), "{} bytes", zipped.len());
}

#[test]
fn pages_of_every_origin_may_load_the_element_and_its_languages() {
    let files =
        fs::read_dir("public").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: Vec<_> = files.filter(|file| file.starts_with("edge-sign-up")).collect();
    // English is in the element.
    assert_eq!(files.len(), 8, "{files:?}");
    for file in files {
        let answer = get(&format!("/{file}")).call(&shared().url).unwrap();
        for (name, value) in [
            ("Access-Control-Allow-Origin", "*"),
            ("Cross-Origin-Resource-Policy", "cross-origin"),
            ("Content-Type", "text/javascript; charset=utf-8"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name} of {file}");
        }
    }
}
