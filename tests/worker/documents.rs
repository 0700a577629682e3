//! The examples of the documents, run as they stand.

use std::process::Command;

use crate::is_there;
use crate::server::{Server, command, shared};

const README: &str = include_str!("../../README.md");

/// The blocks of code in `language`.
pub fn blocks<'a>(document: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("\n```{language}\n");
    let starts: Vec<_> = document.match_indices(&fence).map(|(at, _)| at + fence.len()).collect();
    starts.into_iter().map(|start| &document[start..start + document[start..].find("```").unwrap()])
}

/// Runs a command that must succeed: what it prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?} {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_of_the_readme_print_what_it_says() {
    if !["curl", "python3"].iter().all(|program| is_there(program, "the examples of the README")) {
        return;
    }
    let server = Server::start("readme", &[]);
    let here = |code: &str| code.replace("http://127.0.0.1:8787", &server.url);
    // An answer does not end in a new line, and two of its headers are new each time.
    let lasting = |output: &str| -> String {
        let is_new = |line: &&str| line.starts_with("X-Request-Id: ") || line.starts_with("X-Runtime: ");
        output.lines().filter(|line| !is_new(line)).collect()
    };

    let curl: Vec<_> = blocks(README, "sh").filter(|block| block.contains("curl ")).collect();
    assert_eq!(curl.len(), 4, "the README's curl examples: {curl:#?}");
    for block in curl {
        let output = run(command("bash").args(["-c", &here(block)]));
        let (_, after) = README.split_once(block).unwrap();
        let stated = after.split("```").nth(2).unwrap();
        assert_eq!(
            lasting(&output),
            lasting(stated),
            "left what this prints, right what the README says: {block}"
        );
    }

    for (language, program, arguments, comment) in [
        ("js", "node", ["--input-type=module", "--eval"].as_slice(), " // "),
        ("python", "python3", &["-c"], "  # "),
    ] {
        let example = blocks(README, language).find(|block| block.contains("http://")).unwrap();
        let output = run(command(program).args(arguments).arg(here(example)));
        let (_, stated) = example.rsplit_once(comment).unwrap();
        assert_eq!(output, stated, "left what this prints, right what the README says: {example}");
    }
    let stored = |key: &str| server.database().accounts(key).into_iter().map(|account| account.name);
    assert_eq!(stored("☃").chain(stored("zoë")).collect::<Vec<_>>(), ["☃", "Zoë"]);
}

#[test]
fn clients_that_send_latin_1_are_why_the_readme_asks_for_the_extended_form() {
    const NODE: &str = r#"
for (const name of ["Zoë-node", "Ã«-node", "☃"])
  await fetch(`${process.env.URL}/users/`, { method: "POST", headers: { Username: name } })
    .then((answer) => console.log(answer.status), (error) => console.log(error.name));
"#;
    const PYTHON: &str = r#"
import os
from urllib.error import HTTPError
from urllib.request import Request, urlopen
for name in ["Zoë-python", "Ã«-python", "☃"]:
    try:
        print(urlopen(Request(os.environ["URL"] + "/users/", method="POST", headers={"Username": name})).status)
    except (HTTPError, UnicodeEncodeError) as error:
        print(getattr(error, "status", type(error).__name__))
"#;
    for (program, arguments, code, printed) in [
        ("node", ["--input-type=module", "--eval"].as_slice(), NODE, "400\n201\nTypeError\n"),
        ("python3", &["-c"], PYTHON, "400\n201\nUnicodeEncodeError\n"),
    ] {
        if is_there(program, "the claims of the README on clients") {
            let output = run(command(program).args(arguments).arg(code).env("URL", &shared().url));
            assert_eq!(output, printed, "what {program} sends has changed, and the README with it");
        }
    }
    let stored = ["ë-node", "ë-python"].map(|key| shared().database().accounts(key).len());
    assert_eq!(stored, [1, 1], "a pair of Latin-1 bytes is taken for one character of UTF-8");
}
