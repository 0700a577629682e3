//! The documents have every guard, in the order in which the guards run.

use std::fs;
use std::path::Path;

/// The guards' modules, in the order of `GUARDS`.
fn modules() -> Vec<String> {
    let code = fs::read_to_string("src/guards.rs").unwrap();
    let list = code.split("const GUARDS: &[Read] = &[").nth(1).unwrap().split("];").next().unwrap();
    list.lines().filter_map(|line| line.trim().strip_suffix("::read,")).map(str::to_owned).collect()
}

/// The cells of the first table of a document, without its head.
fn table(document: &str) -> Vec<Vec<String>> {
    let rows =
        document.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn the_table_of_guards_has_the_order_in_which_they_run() {
    let (modules, document) = (modules(), fs::read_to_string("docs/abuse.md").unwrap());
    let rows = table(&document);
    assert_eq!(rows.len(), modules.len(), "docs/abuse.md has a row for each guard of {modules:?}");
    for (module, row) in modules.iter().zip(&rows) {
        let setting = row[2].trim_matches('`');
        let folder = super::files(Path::new("src/guards"));
        let own =
            folder.iter().filter(|file| file.to_str().unwrap().starts_with(&format!("src/guards/{module}")));
        let code: String = own.map(|file| fs::read_to_string(file).unwrap()).collect();
        assert!(
            code.contains(&format!("\"{setting}\"")),
            "a row of docs/abuse.md has {setting}, and GUARDS has {module} in this place"
        );
    }
}

#[test]
fn each_guard_says_how_to_switch_it_on_and_how_to_try_it() {
    let document = fs::read_to_string("docs/abuse.md").unwrap();
    let sections: Vec<_> = document.split("\n## ").skip(1).collect();
    for row in table(&document) {
        // The link has the anchor of the section.
        let anchor = row[1].split("(#").nth(1).unwrap().trim_end_matches(')');
        let section = sections.iter().find(|section| {
            let title = section.lines().next().unwrap();
            super::links::anchor(title) == anchor
        });
        let section = section.unwrap_or_else(|| panic!("docs/abuse.md has no section {anchor}"));
        for part in ["**On.**", "**Try it"] {
            assert!(section.contains(part), "the section {anchor} of docs/abuse.md has no {part}");
        }
    }
}

#[test]
fn the_list_of_threats_has_each_guard() {
    let threats = fs::read_to_string("docs/threats.md").unwrap().to_lowercase();
    for row in table(&fs::read_to_string("docs/abuse.md").unwrap()) {
        let name = row[1].trim_start_matches('[').split(']').next().unwrap().to_lowercase();
        let name = name.trim_start_matches("sign-up ");
        assert!(threats.contains(&format!("\n| {name}")), "docs/threats.md has no row for {name}");
    }
}
