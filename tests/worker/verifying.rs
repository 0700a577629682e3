//! The code of docs/verifying.md for the service that signs users in. The tests take it from the document and run it
//! against rows that the Worker stored.

use std::collections::HashMap;
use std::io::Write;
use std::process::Stdio;

use argon2::Params;
use edge_signup::fields::password::Password;
use edge_signup::fields::password::pepper::Pepper;
use edge_signup::fields::username::Username;
use edge_signup::unicode::{self, Bounded};
use icu_properties::props::GeneralCategory;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use proptest::{collection, sample};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::can_run;
use crate::database::User;
use crate::documents::blocks;
use crate::request::sign_up;
use crate::server::{command, shared};

#[path = "../verifying/verify.rs"]
mod rust;

const DOCUMENT: &str = include_str!("../../docs/verifying.md");

/// Names and their keys, for authors of such a function in another language.
const LIST: &str = include_str!("../../docs/username_keys.json");

/// Names and ids with their databases, for authors of such a function in another language.
const HOMES: &str = include_str!("../../docs/homes.json");

/// A password with decomposed letters, and with a space that most keyboards do not have.
const PASSWORD: &str = "pa\u{308}ss\u{a0}wörd \u{1112}\u{1161}\u{11ab}🥰";

/// The secrets of two peppers.
const OLD_SECRET: &str = "an-old-secret-of-32-characters--";
const SECRET: &str = "a-new:secret$of+more/than=32-characters";

/// A program that runs a language's code. The code is its last argument.
struct Runtime {
    language: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// Code that fails if the runtime lacks a part that the document's code needs.
    needs: &'static str,
    /// Code that reads JSON from standard input, mostly a list of calls, and writes their results.
    main: &'static str,
}

const PYTHON: Runtime = Runtime {
    language: "python",
    program: ".tools/venv/bin/python",
    arguments: &["-c"],
    needs: "import argon2",
    main: "
import json, sys
print(json.dumps([verify(*call) for call in json.load(sys.stdin)]))
",
};

const PYTHON_PEPPERED: Runtime = Runtime {
    needs: "import argon2, cryptography",
    main: "
import json, sys
print(json.dumps([verify_peppered(*call) for call in json.load(sys.stdin)]))
",
    ..PYTHON
};

const NODE: Runtime = Runtime {
    language: "js",
    program: "node",
    arguments: &["--input-type=module", "--eval"],
    needs: r#"import { argon2 } from "node:crypto""#,
    main: r#"
import { readFileSync } from "node:fs";
const answers = JSON.parse(readFileSync(0, "utf8")).map((call) => verify(...call));
console.log(JSON.stringify(await Promise.all(answers)));
"#,
};

const PHP: Runtime = Runtime {
    language: "php",
    program: "php",
    arguments: &["-r"],
    needs: "exit(defined('PASSWORD_ARGON2ID') && class_exists('Normalizer') ? 0 : 1);",
    main: "
$calls = json_decode(stream_get_contents(STDIN));
echo json_encode(array_map(fn($call) => verify(...$call), $calls));
",
};

const PYTHON_KEYS: Runtime = Runtime {
    needs: "",
    main: "
import json, sys
print(json.dumps([username_key(name) for name in json.load(sys.stdin)]))
",
    ..PYTHON
};

const NODE_KEYS: Runtime = Runtime {
    needs: "",
    main: r#"
import { readFileSync } from "node:fs";
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(usernameKey)));
"#,
    ..NODE
};

const PHP_KEYS: Runtime = Runtime {
    main: "
echo json_encode(array_map('username_key', json_decode(stream_get_contents(STDIN))));
",
    ..PHP
};

const PYTHON_HOMES: Runtime = Runtime {
    needs: "",
    main: "
import json, sys
calls = json.load(sys.stdin)
print(json.dumps([[homes(*call) for call in calls['names']], [database(number) for number in calls['ids']]]))
",
    ..PYTHON
};

const NODE_HOMES: Runtime = Runtime {
    needs: "",
    main: r#"
import { readFileSync } from "node:fs";
const { names, ids } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify([await Promise.all(names.map((call) => homes(...call))), ids.map(database)]));
"#,
    ..NODE
};

const PHP_HOMES: Runtime = Runtime {
    main: "
$calls = json_decode(stream_get_contents(STDIN));
echo json_encode([array_map(fn($call) => homes(...$call), $calls->names), array_map('database', $calls->ids)]);
",
    ..PHP
};

#[test]
fn the_code_for_python_takes_the_right_password_and_no_other() {
    holds(&PYTHON);
}

#[test]
fn the_code_for_node_takes_the_right_password_and_no_other() {
    holds(&NODE);
}

#[test]
fn the_code_for_php_takes_the_right_password_and_no_other() {
    holds(&PHP);
}

#[test]
fn the_code_for_rust_takes_the_right_password_and_no_other() {
    for (hash, password, right) in cases("rust") {
        assert_eq!(rust::verify(&hash, &password), right, "{hash} {password:?}");
    }
    assert_eq!(
        code("rust"),
        include_str!("../verifying/verify.rs"),
        "the document should show the code of tests/verifying/verify.rs"
    );
}

#[test]
fn the_code_for_a_pepper_takes_the_right_password_with_it_and_no_other() {
    let all = HashMap::from([("2025", OLD_SECRET), ("2026", SECRET)]);
    let exchanged = HashMap::from([("2025", SECRET), ("2026", OLD_SECRET)]);
    let peppered = other_settings(PASSWORD, Some(&format!("2026:{SECRET}")));
    let old = other_settings(PASSWORD, Some(&format!("2025:{OLD_SECRET}")));
    let plain = other_settings(PASSWORD, None);
    let cases = [
        (&peppered, "päss wörd 한🥰", &all, true),
        (&old, "päss wörd 한🥰", &all, true),
        (&plain, "päss wörd 한🥰", &all, true),
        (&peppered, "päss wörd 한", &all, false),
        (&plain, "päss wörd 한", &all, false),
        (&peppered, PASSWORD, &exchanged, false),
    ];
    let calls: Vec<_> =
        cases.iter().map(|(hash, password, peppers, _)| json!([hash, password, peppers])).collect();
    let right: Vec<_> = cases.iter().map(|(.., right)| right).collect();
    for runtime in [&PYTHON_PEPPERED, &NODE] {
        if let Some(answers) = run(runtime, &json!(calls)) {
            assert_eq!(answers, json!(right), "{} {cases:?}", runtime.language);
        }
    }
    for (hash, password, peppers, right) in cases {
        assert_eq!(rust::verify_peppered(hash, password, peppers), Some(right), "{hash} {password:?}");
    }

    assert_eq!(rust::verify_peppered(&peppered, PASSWORD, &HashMap::new()), None);
    assert!(!rust::verify(&peppered, PASSWORD));
    if let Some(answers) = run(&PHP, &json!([[peppered, PASSWORD]])) {
        assert_eq!(answers, json!([false]));
    }
}

#[test]
fn every_key_of_the_list_is_the_one_that_the_worker_stores() {
    assert!(
        LIST.is_ascii(),
        "every character beyond ASCII should be escaped, because an editor could change it"
    );
    for (n, entry) in list().iter().enumerate() {
        let name = Username::parse(&entry.username).unwrap_or_else(|error| panic!("{entry:?} {error}"));
        assert_eq!(name.key(), entry.key, "the host's key for {entry:?}");
        // Each name has its own client, because some of the names share their key.
        let stored = stored(&format!("verifying-keys-{n}"), &entry.username, "x");
        assert_eq!(stored.username_key, entry.key, "the Worker's key for {entry:?}");
    }
}

#[test]
fn the_code_finds_every_name_of_the_list() {
    let list = list();
    for entry in &list {
        assert_eq!(rust::username_key(&entry.username).as_deref(), Some(&*entry.key), "{entry:?}");
    }
    assert_eq!(rust::username_key("a b"), None, "a text that is not a name should have no key");

    let names: Vec<_> = list.iter().map(|entry| &entry.username).collect();
    for (runtime, version) in [
        (&PYTHON_KEYS, "\nimport sys\nsys.stdin.read()\nprint(unicodedata.unidata_version.split('.')[0])"),
        (&NODE_KEYS, "\nconsole.log(parseInt(process.versions.unicode))"),
        (&PHP_KEYS, "\necho IntlChar::getUnicodeVersion()[0];"),
    ] {
        let Some(keys) = run(runtime, &json!(names)) else { continue };
        let version = run(&Runtime { main: version, ..*runtime }, &json!([])).unwrap().as_u64().unwrap();
        let known: Vec<_> =
            list.iter().zip(keys.as_array().unwrap()).filter(|(e, _)| e.unicode <= version).collect();
        assert!(
            known.len() > 40,
            "{} should know more of the list; it has Unicode {version}",
            runtime.program
        );
        for (entry, key) in known {
            assert_eq!(*key, *entry.key, "the key by {}, Unicode {version}, for {entry:?}", runtime.program);
        }
    }
}

#[test]
fn the_code_finds_the_database_of_every_name_and_id_of_the_list() {
    assert!(
        HOMES.is_ascii(),
        "every character beyond ASCII should be escaped, because an editor could change it"
    );
    let list: Homes = serde_json::from_str(HOMES).expect("the list should be JSON");
    for entry in &list.names {
        assert_eq!(rust::homes(&entry.name, &entry.sizes), entry.homes, "{entry:?}");
    }
    for entry in &list.ids {
        assert_eq!(rust::database(entry.id), entry.database, "{entry:?}");
    }

    let names: Vec<_> = list.names.iter().map(|entry| json!([entry.name, entry.sizes])).collect();
    let ids: Vec<_> = list.ids.iter().map(|entry| entry.id).collect();
    let homes: Vec<_> = list.names.iter().map(|entry| &entry.homes).collect();
    let databases: Vec<_> = list.ids.iter().map(|entry| entry.database).collect();
    for runtime in [&PYTHON_HOMES, &NODE_HOMES, &PHP_HOMES] {
        if let Some(answers) = run(runtime, &json!({ "names": names, "ids": ids })) {
            assert_eq!(answers, json!([homes, databases]), "{}", runtime.program);
        }
    }
}

#[test]
fn the_code_for_node_folds_every_character_as_the_worker_does() {
    let texts = texts();
    let Some(keys) = run(&NODE_KEYS, &json!(texts)) else { return };
    for (text, key) in texts.iter().zip(keys.as_array().unwrap()) {
        assert_eq!(*key, key_of(text), "the key by Node for {text:?}");
    }
}

#[test]
fn the_code_for_python_folds_every_character_that_it_knows_as_the_worker_does() {
    const KNOWN: &str = "
import json, sys
print(json.dumps([
    [username_key(text), all(unicodedata.category(c) != 'Cn' for c in text)] for text in json.load(sys.stdin)
]))
";
    let texts = texts();
    let Some(keys) = run(&Runtime { main: KNOWN, ..PYTHON_KEYS }, &json!(texts)) else { return };
    let mut known = 0;
    for (text, answer) in texts.iter().zip(keys.as_array().unwrap()) {
        let (key, is_known) = (answer[0].as_str().unwrap(), answer[1].as_bool().unwrap());
        if is_known {
            assert_eq!(key, key_of(text), "the key by Python for {text:?}");
            known += 1;
        }
    }
    assert!(known > 280_000, "Python should know more of the texts: {known} of {}", texts.len());
}

#[test]
fn the_code_for_python_knows_the_invisible_characters() {
    const IGNORED: &str = "
import json, sys
print(json.dumps([bool(IGNORABLE.match(c)) for c in json.load(sys.stdin)]))
";
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    let Some(ignored) = run(&Runtime { main: IGNORED, ..PYTHON_KEYS }, &json!(all)) else { return };
    for (c, ignored) in all.iter().zip(ignored.as_array().unwrap()) {
        assert_eq!(ignored.as_bool(), Some(unicode::is_ignorable(*c)), "{c:?} in the document's IGNORABLE");
    }
}

/// A name of `docs/username_keys.json`.
#[derive(Debug, Deserialize)]
struct Entry {
    username: String,
    key: String,
    /// The version of Unicode that brought its newest character; 0 if all are old.
    #[serde(default)]
    unicode: u64,
}

/// The content of `docs/homes.json`.
#[derive(Deserialize)]
struct Homes {
    names: Vec<NameEntry>,
    ids: Vec<IdEntry>,
}

#[derive(Debug, Deserialize)]
struct NameEntry {
    name: String,
    sizes: Vec<u32>,
    homes: Vec<u32>,
}

#[derive(Debug, Deserialize)]
struct IdEntry {
    id: u64,
    database: u64,
}

fn list() -> Vec<Entry> {
    serde_json::from_str(LIST).expect("the list should be JSON")
}

/// The key of any text, whether it is a name or not.
fn key_of(text: &str) -> String {
    let nfc = unicode::nfc(Bounded::new(text, Bounded::MAX).unwrap());
    unicode::nfkc_casefold(Bounded::new(&nfc, Bounded::MAX).unwrap())
}

/// Every assigned character by itself, and random texts of marks and of the characters that folding changes.
fn texts() -> Vec<String> {
    let all = ('\0'..=char::MAX).filter(|c| unicode::category(*c) != GeneralCategory::Unassigned);
    let mut texts: Vec<String> = all.map(String::from).collect();
    let is_special = |text: &String| key_of(text) != *text || text.starts_with(unicode::is_mark);
    let special: Vec<String> = texts.iter().filter(|text| is_special(text)).cloned().collect();
    let random = collection::vec(sample::select(special), 2..12);
    let mut runner = TestRunner::deterministic();
    texts.extend((0..50_000).map(|_| random.new_tree(&mut runner).unwrap().current().concat()));
    texts
}

/// Asserts that the document's code is right in every case.
fn holds(runtime: &Runtime) {
    let cases = cases(runtime.language);
    let calls: Vec<_> = cases.iter().map(|(hash, password, _)| json!([hash, password])).collect();
    let right: Vec<_> = cases.iter().map(|(_, _, right)| right).collect();
    if let Some(answers) = run(runtime, &json!(calls)) {
        assert_eq!(answers, json!(right), "{cases:?}");
    }
}

/// Hashes and passwords, and whether they belong together. `username` must be free.
fn cases(username: &str) -> Vec<(String, String, bool)> {
    let stored = stored("verifying", username, PASSWORD).password_hash;
    let every_space: String =
        ('\0'..=char::MAX).filter(|&c| unicode::category(c) == GeneralCategory::SpaceSeparator).collect();
    let dummy = DOCUMENT.lines().find(|line| line.starts_with("$argon2id$")).expect("a dummy hash");
    [
        (&stored, PASSWORD, true),
        (&stored, "päss wörd 한🥰", true),
        (&stored, "päss\u{3000}wörd\u{2009}한🥰", true),
        (&stored, "päss wörd 한", false),
        (&stored, "Päss wörd 한🥰", false),
        (&stored, " päss wörd 한🥰", false),
        (&stored, "", false),
        (&other_settings(&every_space, None), " ".repeat(every_space.chars().count()).as_str(), true),
        (&other_settings(&" ".repeat(17), None), &every_space, true),
        (&other_settings("x", None), "y", false),
        (&dummy.to_owned(), "x", false),
    ]
    .map(|(hash, password, right)| (hash.clone(), password.to_owned(), right))
    .into()
}

/// The hash of a password that a Worker with other settings, and perhaps a pepper, would store.
fn other_settings(password: &str, pepper: Option<&str>) -> String {
    let pepper = pepper.map(|pepper| Pepper::parse(pepper).unwrap());
    let params = Params::new(12288, 3, 1, Some(edge_signup::fields::password::TAG_BYTES)).unwrap();
    Password::parse(password, 1).unwrap().hash(&params, pepper.as_ref(), *b"0123456789abcdef").unwrap()
}

/// Signs a user up, and reads the row.
fn stored(client_id: &str, username: &str, password: &str) -> User {
    let answer = sign_up(username, client_id).password(password).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.body.parse::<Value>().unwrap()["user"]["id"].as_i64();
    shared().database().users(client_id).into_iter().find(|user| Some(user.id) == id).expect("a stored row")
}

/// All the document's code in a language.
fn code(language: &str) -> String {
    let blocks: String = blocks(DOCUMENT, language).collect();
    assert!(!blocks.is_empty(), "the document should have code for {language}");
    blocks
}

/// The results of `calls`, or `None` if the runtime is missing. In CI it must be there.
fn run(runtime: &Runtime, calls: &Value) -> Option<Value> {
    let start = |code: &str| {
        command(runtime.program)
            .args(runtime.arguments)
            .arg(code)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let found =
        start(runtime.needs).and_then(|mut process| process.wait()).is_ok_and(|status| status.success());
    if !can_run(found, &format!("{} with its packages", runtime.program), "the tests of docs/verifying.md") {
        return None;
    }
    let mut process = start(&(code(runtime.language) + runtime.main)).unwrap();
    // Standard input is closed at once, because the program reads to its end.
    process.stdin.take().unwrap().write_all(calls.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
