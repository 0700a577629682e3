//! The paths that `worker/serve.js` counts by name are those of `src/routes.rs`.

use std::fs;

/// The paths in the list that begins with `start` in `file`.
fn paths(file: &str, start: &str) -> Vec<String> {
    let source = fs::read_to_string(file).unwrap();
    let (_, list) = source.split_once(start).unwrap();
    let (list, _) = list.split_once("];").unwrap();
    list.split('"').filter(|text| text.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn the_paths_that_are_counted_are_those_of_the_routes() {
    let routes = paths("src/routes.rs", "const PATHS: ");
    assert!(routes.contains(&"/sign-up".to_owned()));
    assert_eq!(paths("worker/serve.js", "const PATHS = "), routes);
}
