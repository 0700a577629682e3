//! The receivers of docs/events.md. The tests take them from the document and give them events that the Worker sent.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::*;
use crate::can_run;
use crate::documents::blocks;
use crate::server::command;

#[path = "../../events/receive.rs"]
mod rust;

const DOCUMENT: &str = include_str!("../../../docs/events.md");

/// A language of the document.
struct Language {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// Code that fails if something is missing that the document's code needs.
    needs: &'static str,
    /// Code that reads a list of calls as JSON from standard input, and writes their results.
    main: &'static str,
}

const LANGUAGES: [Language; 4] = [
    Language {
        name: "js",
        program: "node",
        arguments: &["--input-type=module", "--eval"],
        needs: r#"import "standardwebhooks""#,
        main: r#"
import { readFileSync } from "node:fs";
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((call) => receive(...call))));
"#,
    },
    Language {
        name: "python",
        program: ".tools/venv/bin/python",
        arguments: &["-c"],
        needs: "import standardwebhooks",
        main: "
import json, sys
print(json.dumps([receive(*call) for call in json.load(sys.stdin)]))
",
    },
    Language {
        name: "php",
        program: "php",
        arguments: &["-r"],
        needs: "",
        main: "
echo json_encode(array_map(fn($call) => receive(...$call), json_decode(stream_get_contents(STDIN), true)));
",
    },
    Language {
        name: "ruby",
        program: "ruby",
        arguments: &["-e"],
        needs: "require 'openssl'",
        main: "
puts JSON.generate(JSON.parse($stdin.read).map { |call| receive(*call) })
",
    },
];

/// A call of a receiver: the secret, the headers and the body.
type Call = (String, [(&'static str, String); 3], String);

/// The only block of a language in the document.
fn code(language: &str) -> &'static str {
    let [code] = blocks(DOCUMENT, language).collect::<Vec<_>>().try_into().unwrap();
    code
}

/// The results of calls in a language, if it is there.
fn run(language: &Language, calls: &Value) -> Option<Value> {
    let start = |code: &str| {
        command(language.program)
            .args(language.arguments)
            .arg(code)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let has = start(language.needs).is_ok_and(|process| process.wait_with_output().unwrap().status.success());
    if !can_run(has, language.program, "the receivers of docs/events.md") {
        return None;
    }
    let mut process = start(&[code(language.name), language.main].concat()).unwrap();
    process.stdin.take().unwrap().write_all(calls.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", language.name, String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Calls with deliveries of the Worker, and with forged ones, each with the event that a receiver should give.
fn calls() -> Vec<(Call, Option<Value>)> {
    let server = start("events-receivers");
    let receiver = Receiver::taking();
    let endpoint = add(&server, &receiver, &json!({}));
    user(&server, "Adà\"☃🥰", "receivers");
    receiver.wait_for(1);
    let rotated = admin("POST", &format!("{}/secret", endpoint.path)).ask_at(&server);
    let secret = rotated.json()["secret"].as_str().unwrap().to_owned();
    user(&server, "grace", "receivers");
    let [first, second] = receiver.wait_for(2).try_into().unwrap();

    let call = |secret: &str, delivery: &Delivery| -> Call {
        let headers = [
            ("webhook-id", delivery.id.clone()),
            ("webhook-timestamp", delivery.timestamp.to_string()),
            ("webhook-signature", delivery.signatures.clone()),
        ];
        (secret.to_owned(), headers, delivery.body.clone())
    };
    let forged = |change: &dyn Fn(&mut Delivery)| {
        let mut delivery = first.clone();
        change(&mut delivery);
        (call(&endpoint.secret, &delivery), None)
    };
    vec![
        (call(&endpoint.secret, &first), Some(first.json())),
        // After a rotation both secrets are good.
        (call(&endpoint.secret, &second), Some(second.json())),
        (call(&secret, &second), Some(second.json())),
        (call(&secret, &first), None),
        forged(&|delivery| delivery.body.push(' ')),
        forged(&|delivery| delivery.id.push('0')),
        forged(&|delivery| delivery.timestamp += 1),
        forged(&|delivery| delivery.signatures = delivery.signatures.replace("v1,", "v2,")),
        forged(&|delivery| delivery.signatures = format!("v1,{}=", "A".repeat(43))),
        old(&first, &endpoint.secret),
    ]
}

/// A delivery with a good signature that is ten minutes old.
fn old(delivery: &Delivery, secret: &str) -> (Call, Option<Value>) {
    let time = delivery.timestamp - 600;
    let signature = Webhook::new(secret).unwrap().sign(&delivery.id, time, delivery.body.as_bytes()).unwrap();
    let headers = [
        ("webhook-id", delivery.id.clone()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", signature),
    ];
    ((secret.to_owned(), headers, delivery.body.clone()), None)
}

#[test]
fn the_receivers_take_the_events_of_the_service_and_no_others() {
    let calls = calls();
    let expected: Vec<_> = calls.iter().map(|(_, event)| event.clone()).collect();
    let as_json: Vec<_> = calls
        .iter()
        .map(|((secret, headers, body), _)| {
            let headers: serde_json::Map<String, Value> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            json!([secret, headers, body])
        })
        .collect();
    for language in &LANGUAGES {
        if let Some(answers) = run(language, &json!(as_json)) {
            assert_eq!(answers, json!(expected), "{}", language.name);
        }
    }

    for ((secret, headers, body), event) in &calls {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        assert_eq!(rust::receive(secret, &headers, body.as_bytes()), *event);
    }
    assert_eq!(
        code("rust"),
        include_str!("../../events/receive.rs"),
        "the document should show the code of tests/events/receive.rs"
    );
}

#[test]
fn the_document_has_the_waits_of_the_retries() {
    let text = |seconds: i64| match seconds {
        0..60 => format!("{seconds} seconds"),
        60..3600 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3600),
    };
    for (try_before, wait) in retrying::RETRIES.into_iter().enumerate() {
        let row = format!("\n| {} | {} | ", try_before + 2, text(wait));
        assert!(DOCUMENT.contains(&row), "docs/events.md should have the row {row}");
    }
}
