//! The code that docs/verifying.md gives to the service that signs users in, taken from the document
//! itself and run against rows that the Worker stored.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

use argon2::Params;
use edge_signup::password::Password;
use edge_signup::pepper::Pepper;
use edge_signup::unicode;
use icu_properties::props::GeneralCategory;
use serde_json::{Value, json};

use crate::can_run;
use crate::database::User;
use crate::http::{sign_up, user};
use crate::server::shared;

#[path = "../verifying/verify.rs"]
mod rust;

const DOCUMENT: &str = include_str!("../../docs/verifying.md");

/// Decomposed letters and a space that is none on most keyboards.
const PASSWORD: &str = "pa\u{308}ss\u{a0}wörd \u{1112}\u{1161}\u{11ab}🥰";

/// The secrets of two peppers.
const OLD_SECRET: &str = "an-old-secret-of-32-characters--";
const SECRET: &str = "a-new:secret$of+more/than=32-characters";

/// What runs a language's code: a program and its arguments, the last of which is the code.
struct Runtime {
    language: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// Fails where the runtime lacks a part that the code needs.
    needs: &'static str,
    /// Reads a JSON list of calls from standard input and writes the list of what they return.
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

const PHP_KEYS: Runtime = Runtime {
    main: "
$calls = json_decode(stream_get_contents(STDIN));
echo json_encode(array_map(fn($call) => username_key(...$call), $calls));
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
    assert_eq!(code("rust"), include_str!("../verifying/verify.rs"), "the document shows other code");
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
fn the_code_for_php_finds_every_name() {
    let names = ["Zoe\u{308}", "ＡＤＡ", "Straße", "ΌΣΟΣ", "ﬁsh\u{3164}①", "Ǆ", "이름"];
    let stored: Vec<String> =
        names.iter().map(|name| stored("verifying-names", name, "x").username_key).collect();
    let calls: Vec<_> = names.iter().map(|name| json!([name])).collect();
    if let Some(keys) = run(&PHP_KEYS, &json!(calls)) {
        assert_eq!(keys, json!(stored));
    }
}

/// Runs the document's code on every case.
fn holds(runtime: &Runtime) {
    let cases = cases(runtime.language);
    let calls: Vec<_> = cases.iter().map(|(hash, password, _)| json!([hash, password])).collect();
    let right: Vec<_> = cases.iter().map(|(_, _, right)| right).collect();
    if let Some(answers) = run(runtime, &json!(calls)) {
        assert_eq!(answers, json!(right), "{cases:?}");
    }
}

/// Hashes and passwords, and whether they belong together; `username` is free.
fn cases(username: &str) -> Vec<(String, String, bool)> {
    let stored = stored("verifying", username, PASSWORD).password_hash;
    let every_space: String =
        ('\0'..=char::MAX).filter(|&c| unicode::category(c) == GeneralCategory::SpaceSeparator).collect();
    let dummy = DOCUMENT.lines().find(|line| line.starts_with("$argon2id$")).expect("the dummy hash");
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

/// The hash of a password as a Worker with other settings, and perhaps a pepper, stores it.
fn other_settings(password: &str, pepper: Option<&str>) -> String {
    let pepper = pepper.map(|pepper| Pepper::parse(pepper).unwrap());
    let params = Params::new(12288, 3, 1, Some(edge_signup::password::TAG_BYTES)).unwrap();
    Password::parse(password, 1).unwrap().hash(&params, pepper.as_ref(), *b"0123456789abcdef").unwrap()
}

/// Signs a user up and reads the row.
fn stored(client_id: &str, username: &str, password: &str) -> User {
    let answer = sign_up(&user(username, password, client_id));
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.body.parse::<Value>().unwrap()["user"]["id"].as_i64();
    shared().database().users(client_id).into_iter().find(|user| Some(user.id) == id).expect("the row")
}

/// All the document's code in a language.
fn code(language: &str) -> String {
    let fence = format!("\n```{language}\n");
    let blocks: String =
        DOCUMENT.split(&fence).skip(1).map(|rest| rest.split_inclusive("\n```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "no code for {language}");
    blocks.replace("\n```", "\n")
}

/// The answers to `calls`; `None` where the runtime is missing, which in CI it must not be.
fn run(runtime: &Runtime, calls: &Value) -> Option<Value> {
    let start = |code: &str| {
        Command::new(runtime.program)
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
    // Dropped at once: the program reads to the end.
    process.stdin.take().unwrap().write_all(calls.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
