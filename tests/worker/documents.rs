//! The examples of the documents, run without a change.

use std::collections::HashSet;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::database;
use crate::is_there;
use crate::request::{Request, account, sign_up};
use crate::server::{Server, command, fresh, shared};

const README: &str = include_str!("../../README.md");
const API: &str = include_str!("../../docs/api.md");
const OPERATING: &str = include_str!("../../docs/operating.md");

/// The blocks of code in `language`.
pub fn blocks<'a>(document: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("\n```{language}\n");
    let starts: Vec<_> = document.match_indices(&fence).map(|(at, _)| at + fence.len()).collect();
    starts.into_iter().map(|start| &document[start..start + document[start..].find("```").unwrap()])
}

/// Runs a command that must succeed, and gives its output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?} {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_of_the_documents_print_what_they_say() {
    if !["curl", "python3"].iter().all(|program| is_there(program, "the examples of the documents")) {
        return;
    }
    let server = Server::dev(fresh("documents"), &[]);
    let here = |code: &str, server: &Server| code.replace("http://127.0.0.1:8787", &server.url);
    // The output without line ends, because an answer does not end in one, and without the two headers that differ each
    // time.
    let lasting = |output: &str| -> String {
        let is_new = |line: &&str| line.starts_with("X-Request-Id: ") || line.starts_with("X-Runtime: ");
        output.lines().filter(|line| !is_new(line)).collect()
    };

    // The command prints a call to try, after the address.
    let call = format!("curl -i {}/sign-up ", server.url);
    assert!((0..100).any(|_| {
        thread::sleep(Duration::from_millis(20));
        server.log().iter().any(|line| line.starts_with(&call))
    }));
    // The first user of each document has the id 1.
    let another = Server::start("readme", &[]);
    for (document, examples, server) in [(README, 1, &another), (API, 5, &server)] {
        let curl: Vec<_> = blocks(document, "sh").filter(|block| block.contains("curl ")).collect();
        assert_eq!(curl.len(), examples, "the curl examples: {curl:#?}");
        for block in curl {
            let output = run(command("bash").args(["-c", &here(block, server)]));
            let (_, after) = document.split_once(block).unwrap();
            let stated = after.split("```").nth(2).unwrap();
            assert_eq!(
                lasting(&output),
                lasting(stated),
                "left the output, right the document's text, of: {block}"
            );
        }
    }

    for (language, program, arguments, comment) in [
        ("js", "node", ["--input-type=module", "--eval"].as_slice(), " // "),
        ("python", "python3", &["-c"], "  # "),
    ] {
        let example = blocks(API, language).find(|block| block.contains("http://127.0.0.1:8787/")).unwrap();
        let output = run(command(program).args(arguments).arg(here(example, &server)));
        let (_, stated) = example.rsplit_once(comment).unwrap();
        assert_eq!(output, stated, "left the output, right the document's text, of: {example}");
    }
    let stored = |key: &str| server.database().accounts(key).into_iter().map(|account| account.name);
    assert_eq!(stored("☃").chain(stored("zoë")).collect::<Vec<_>>(), ["☃", "Zoë"]);
}

#[test]
fn clients_that_send_latin_1_need_the_extended_form_of_the_document() {
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
        if is_there(program, "the claims of docs/api.md on clients") {
            let output = run(command(program).args(arguments).arg(code).env("URL", &shared().url));
            assert_eq!(
                output, printed,
                "{program} sends such headers in another way now, so docs/api.md must change"
            );
        }
    }
    let stored = ["ë-node", "ë-python"].map(|key| shared().database().accounts(key).len());
    assert_eq!(stored, [1, 1], "the Worker should take a pair of Latin-1 bytes for one character of UTF-8");
}

#[test]
fn the_everyday_queries_find_what_the_document_says() {
    let server = Server::start("queries", &[]);
    let send = |request: Request, status: u16| {
        let answer = request.send_to(&server);
        assert_eq!(answer.status, status, "{answer:?}");
        answer.id().to_owned()
    };
    send(sign_up("early", "demo").key("everyday"), 200);
    let request = send(sign_up("Straße", "demo"), 200);
    send(sign_up("Ada", "demo").key("everyday"), 200);
    send(sign_up("Ada", "shop"), 200);
    send(account("STRASSE"), 201);
    server.kill();
    database::execute(
        &server.state,
        "UPDATE users SET created_at = unixepoch('2026-11-21 22:49:39') WHERE username = 'early'",
    );

    let section = OPERATING.split("\n## ").find(|section| section.starts_with("Everyday queries\n")).unwrap();
    let mut queries = Vec::new();
    for block in blocks(section, "sh").flat_map(|block| block.split("\n\n")) {
        let (command, sql) = block.split_once('"').unwrap();
        let (sql, after) = sql.rsplit_once('"').unwrap();
        let command: Vec<_> = command.split_whitespace().filter(|word| *word != "\\").collect();
        assert_eq!(command.join(" "), "npx wrangler d1 execute DB --remote --command");
        assert!(after.is_empty() || after.trim_start().starts_with('#'), "{block}");
        queries.push(
            sql.replace("695a5522-b30e-4108-a5a2-60d0985c1ad6", &request).replace("(814, 1729)", "(4, 1729)"),
        );
    }
    // One command runs all of them: it gives the rows of each statement.
    let mut wrangler = crate::server::command("npx");
    let wrangler = wrangler.args(["wrangler", "d1", "execute", "DB", "--local", "--json", "--persist-to"]);
    let answers = run(wrangler.arg(&server.state).arg("--command").arg(queries.join(";\n")));
    let answers: Vec<Value> = serde_json::from_str(&answers).unwrap();
    let mut answers = queries.iter().zip(answers);
    let mut next = |index: &str| -> Value {
        let (sql, answer) = answers.next().expect("the document should have another command");
        let plan = server.database().plan(sql);
        assert!(plan.iter().any(|step| step.contains(index)), "{sql} should go by {index}: {plan:?}");
        // The times are those of the test.
        let mut rows = answer["results"].clone();
        for row in rows.as_array_mut().unwrap() {
            row.as_object_mut().unwrap().remove("created_at");
        }
        rows
    };

    let newest = "SCAN users";
    let hours = next(newest);
    let hours = hours.as_array().unwrap();
    // The test may run across a full hour.
    assert_eq!(hours.iter().map(|row| row["sign_ups"].as_u64().unwrap()).sum::<u64>(), 3, "{hours:?}");
    assert!(hours.iter().all(|row| row["hour"].as_str().unwrap().ends_with(":00")), "{hours:?}");
    let clients = json!([{ "client_id": "demo", "sign_ups": 2 }, { "client_id": "shop", "sign_ups": 1 }]);
    assert_eq!(next(newest), clients);

    assert_eq!(next(newest), json!([{ "id": 2, "client_id": "demo", "username": "Straße" }]));
    let early = json!([{ "id": 1, "client_id": "demo", "username": "early", "request_key": "everyday" }]);
    assert_eq!(next(newest), early);

    let by_user = "USING INDEX users_name (client_id=? AND username_key=?)";
    let by_account = "USING INDEX accounts_name (name_key=?)";
    assert_eq!(next(by_user), json!([{ "id": 2, "username": "Straße" }]));
    assert_eq!(next(by_account), json!([{ "id": 1, "name": "STRASSE", "privacy": "Public" }]));

    assert_eq!(next(by_user), json!([{ "id": 2 }]));
    assert_eq!(next(by_account), json!([{ "id": 1 }]));
    assert_eq!(next("USING INTEGER PRIMARY KEY"), json!([{ "id": 4 }]));
    let database = server.database();
    let left: Vec<_> = database.users("demo").into_iter().map(|user| user.username).collect();
    assert_eq!(left, ["early", "Ada"]);
    assert_eq!((database.users("shop"), database.accounts("strasse")), (vec![], vec![]));
    assert_eq!(answers.next(), None, "the test should know every command of the document");
}

#[test]
fn the_capacity_is_computed_from_the_constants_that_the_document_states() {
    run(command("node").args(["bench/capacity.js", "--check"]));
}

#[test]
fn each_example_of_the_document_has_a_folder_of_its_own() {
    let folders: Vec<_> =
        OPERATING.split(&[' ', '`', '=', '\n']).filter(|word| word.starts_with("/tmp/")).collect();
    assert_eq!(folders.len(), 2, "{folders:?}");
    let different: HashSet<_> = folders.iter().collect();
    assert_eq!(
        different.len(),
        folders.len(),
        "the second example would find the database of the first: {folders:?}"
    );
}
