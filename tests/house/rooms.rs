//! The laws of the house that the compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files;

/// A file's code without its tests and comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

/// The sources of the library, and those of the admin.
fn crates() -> [PathBuf; 2] {
    ["src", "admin/src"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
}

#[test]
fn a_room_imports_those_below_it_alone() {
    for (sources, fewest) in crates().iter().zip([80, 40]) {
        let map = fs::read_to_string(sources.join("lib.rs")).unwrap();
        let rows = map.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split('`').next());
        let rooms: Vec<_> = rows.collect();
        let place = |room: &str| rooms.iter().position(|known| *known == room);
        let mut imports = 0;
        for file in files(sources) {
            let path = file.strip_prefix(sources).unwrap().with_extension("");
            let room = path.iter().next().unwrap().to_str().unwrap();
            if ["lib", "bin", "cost"].contains(&room) {
                continue;
            }
            let own = place(room).unwrap_or_else(|| panic!("the map in lib.rs lacks {room}"));
            for import in code(&file).split("crate::").skip(1) {
                let other = import.split(|c: char| c != '_' && !c.is_alphanumeric()).next().unwrap();
                let below = place(other).unwrap_or_else(|| panic!("the map in lib.rs lacks {other}"));
                assert!(below >= own, "{room} imports {other}, which stands above it in the map of lib.rs");
                imports += 1;
            }
        }
        assert!(imports > fewest, "only {imports} imports were found");
    }
}

#[test]
fn sql_and_kv_are_in_storage_alone() {
    for (file, sources) in
        crates().iter().flat_map(|sources| files(sources).into_iter().map(move |file| (file, sources)))
    {
        let is_storage = file.starts_with(sources.join("storage"));
        for word in ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "KvNamespace"] {
            assert!(is_storage || !code(&file).contains(word), "{word} in {}", file.display());
        }
    }
}

#[test]
fn every_file_is_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in
        ["src", "admin/src", "tests/worker", "tests/house", "tests/model"].map(|folder| root.join(folder))
    {
        for file in files(&folder) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let parent = file.parent().unwrap();
            if parent == folder && ["lib", "main"].contains(&name) || parent.ends_with("bin") {
                continue;
            }
            let owners = [parent.with_extension("rs"), parent.join("lib.rs"), parent.join("main.rs")];
            let is_named = owners.iter().filter_map(|owner| fs::read_to_string(owner).ok()).any(|text| {
                let line = format!("mod {name};");
                text.lines().any(|other| other.trim_end().ends_with(&line))
            });
            assert!(is_named, "{} needs the line `mod {name};` in {}", file.display(), owners[0].display());
        }
    }
}
