//! The description in `public/openapi.json` says what the Worker does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::faults;
use crate::guards::limits;
use crate::http::{Answer, JSON, send};
use crate::is_there;
use crate::server::Server;

static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../public/openapi.json")).unwrap());

/// What HTTP and the faults add to an answer; `Content-Type` is described as its content.
const UNDESCRIBED: [&str; 6] =
    ["content-length", "content-type", "test-memory", "test-reads", "test-statements", "test-total"];

/// Draws requests from the description, valid ones and others, and holds each answer to it. How, is
/// in `tests/openapi`. The server is its own: names drawn at random are no other test's.
#[test]
fn thousands_of_requests_get_no_answer_that_the_description_does_not_allow() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schemathesis = folder.join(".tools/venv/bin/schemathesis");
    if !is_there(schemathesis.to_str().unwrap(), "the tests of the description") {
        return;
    }
    let server = Server::start("openapi", &[]);
    let report = server.state.join("report.json");
    let output = Command::new(schemathesis)
        .current_dir("tests/openapi")
        .arg("run")
        .arg(folder.join("public/openapi.json"))
        .args(["--no-color", "--url", &server.url, "--report", "json", "--report-json-path"])
        .arg(&report)
        // What Python and Hypothesis keep is none of the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HYPOTHESIS_STORAGE_DIRECTORY", &server.state)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));

    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let cases = &report["test_cases"];
    assert!(cases["generated"].as_u64() >= Some(2_000), "too few: {cases}");
    assert_eq!((&cases["without_checks"], &report["operations"]["tested"]), (&json!(0), &json!(4)));
}

/// Provokes every answer that has an example, those of a failing platform included, so that nothing
/// of the description can drift from the Worker unseen.
#[test]
fn every_example_in_the_description_is_a_live_answer() {
    let parameter = |name: &str| {
        let parameter = &DESCRIPTION["components"]["parameters"][name];
        (parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap())
    };
    let (key, name, privacy) = (parameter("IdempotencyKey"), parameter("Username"), parameter("Privacy"));
    let request = &DESCRIPTION["paths"]["/sign-up"]["post"]["requestBody"]["content"]["application/json"];
    let user = &request["examples"]["username"]["value"].to_string();
    let nameless = &user.replace("username\":\"username", "username\":\"");
    let long = &"x".repeat(16_385);
    let blocked = ("CF-Connecting-IP", "198.51.100.7");
    let unverified = ("Test-Fault", "no-address");
    let unavailable = ("Test-Fault", "kv-throws");
    let internal = ("Test-Vars", r#"{"PASSWORD_MIN_LENGTH":""}"#);
    let work = &json!({ "PROOF_OF_WORK": "20", "CHALLENGE_SECRET": "x".repeat(32) }).to_string();
    let work = ("Test-Vars", work.as_str());
    let captcha = ("Test-Vars", r#"{"TURNSTILE_SECRET":"secret"}"#);
    let breached = ("Test-Vars", r#"{"BREACHED_PASSWORDS":"list"}"#);
    let registered = ("Test-Vars", r#"{"CLIENTS":"registered"}"#);
    // A client that lists an origin; another page calls for it.
    let client = (
        "Test-SQL",
        "INSERT OR IGNORE INTO clients (id, name, origins) VALUES ('described', 'described', 'https://described.example')",
    );
    let page = ("Origin", "https://other.example");
    let of_client = &user.replace("g7kj2axpf13umghr5m9xl6aiordknff", "described");
    let (network, application) = (limits::NETWORK, limits::CLIENT);
    let from = ("CF-Connecting-IP", "203.0.113.98");

    let mut shown = BTreeSet::new();
    let mut provoke =
        |method: &str, path: &str, status: u16, example: &str, headers: &[(&str, &str)], body: &str| {
            let answer = send(faults::server(), method, path, headers, body);
            assert_eq!(answer.status, status, "{answer:?}");
            let operation = &DESCRIPTION["paths"][path][method.to_lowercase()];
            let response = resolved(&operation["responses"][status.to_string()]);
            if status != 204 {
                let expected = &response["content"]["application/json"]["examples"][example]["value"];
                let mut body: Value = serde_json::from_str(&answer.body).unwrap();
                // What no two answers share.
                for unique in ["/user/id", "/challenge"] {
                    if let Some(value) = body.pointer_mut(unique) {
                        *value = expected.pointer(unique).unwrap().clone();
                    }
                }
                assert_eq!(&body, expected);
            }
            shown.insert((path.to_owned(), method.to_lowercase(), status.to_string(), example.to_owned()));
        };
    provoke("POST", "/sign-up", 200, "username", &[JSON, key], user);
    provoke("POST", "/sign-up", 400, "field", &[JSON], nameless);
    provoke("POST", "/sign-up", 400, "body", &[JSON], "[]");
    provoke("POST", "/sign-up", 400, "work", &[JSON, work], user);
    provoke("POST", "/sign-up", 400, "client", &[JSON, registered], user);
    provoke("POST", "/sign-up", 400, "captcha", &[JSON, captcha], user);
    provoke("POST", "/sign-up", 400, "breached", &[JSON, breached], user);
    provoke("POST", "/sign-up", 403, "origin", &[JSON, registered, client, page], of_client);
    provoke("POST", "/sign-up", 409, "username", &[JSON], user);
    provoke("POST", "/sign-up", 413, "body", &[JSON], long);
    provoke("POST", "/sign-up", 415, "type", &[], user);
    provoke("POST", "/users/", 201, "public", &[name, privacy, key], "");
    provoke("POST", "/users/", 400, "privacy", &[name, ("Privacy", "Privacy setting")], "");
    provoke("POST", "/users/", 400, "missing", &[], "");
    provoke("POST", "/users/", 400, "work", &[name, work], "");
    provoke("POST", "/users/", 400, "captcha", &[name, captcha], "");
    provoke("POST", "/users/", 409, "name", &[name], "");
    limits::early_in_a_minute();
    for _ in 0..2 {
        send(faults::server(), "POST", "/users/", &[name, network, from], "");
        send(faults::server(), "POST", "/sign-up", &[JSON, application], user);
    }
    provoke("POST", "/sign-up", 429, "network", &[JSON, network, from], user);
    provoke("POST", "/sign-up", 429, "application", &[JSON, application], user);
    provoke("POST", "/users/", 429, "network", &[name, network, from], "");
    for path in ["/sign-up", "/users/"] {
        provoke("POST", path, 403, "blocked", &[blocked], "");
        provoke("POST", path, 403, "unverified", &[unverified], "");
        provoke("POST", path, 500, "internal", &[internal], "");
        provoke("POST", path, 503, "unavailable", &[unavailable], "");
        provoke("OPTIONS", path, 204, "", &[], "");
        provoke("OPTIONS", path, 500, "internal", &[internal], "");
    }
    provoke("GET", "/challenge", 200, "challenge", &[work], "");
    provoke("GET", "/challenge", 403, "blocked", &[work, blocked], "");
    provoke("GET", "/challenge", 403, "unverified", &[work, unverified], "");
    provoke("GET", "/challenge", 503, "unavailable", &[work, unavailable], "");
    provoke("OPTIONS", "/challenge", 204, "", &[work], "");
    for method in ["GET", "OPTIONS"] {
        provoke(method, "/challenge", 404, "off", &[], "");
        provoke(method, "/challenge", 500, "internal", &[internal], "");
    }
    assert_eq!(shown, described());
}

/// The reasons of each status that the description lists for a `POST` to `path`.
pub fn reasons(path: &str) -> BTreeSet<(u16, String)> {
    let responses = members(&DESCRIPTION["paths"][path]["post"]["responses"]);
    let words = responses.flat_map(|(status, response)| {
        let reason = resolved(&resolved(response)["headers"]["X-Error-Reason"]);
        constants(&reason["schema"]).map(|word| (status.parse().unwrap(), word.to_owned()))
    });
    words.collect()
}

/// Every example of every answer, as path, method, status and name; an answer without a body is one too.
fn described() -> BTreeSet<(String, String, String, String)> {
    let mut all = BTreeSet::new();
    for (path, methods) in members(&DESCRIPTION["paths"]) {
        for (method, operation) in members(methods) {
            for (status, response) in members(&operation["responses"]) {
                let examples = &resolved(response)["content"]["application/json"]["examples"];
                let names = examples.as_object().map_or(vec![""], |e| e.keys().map(String::as_str).collect());
                all.extend(
                    names
                        .into_iter()
                        .map(|name| (path.to_owned(), method.to_owned(), status.to_owned(), name.to_owned())),
                );
            }
        }
    }
    all
}

/// Holds an answer to what the description says of it, where it knows the route.
pub fn assert_described(method: &str, path: &str, answer: &Answer) {
    let path = match path.split('?').next().unwrap() {
        "/sign-up/" => "/sign-up",
        "/users" | "/connectmypairs/users/" | "/connectmypairs/users" => "/users/",
        other => other,
    };
    let Some(operation) = DESCRIPTION["paths"][path].get(method.to_lowercase()) else { return };
    let response = operation["responses"].get(answer.status.to_string());
    let response = resolved(response.unwrap_or_else(|| panic!("{method} {path} may not give {answer:?}")));
    assert_headers_are(answer, response);
    match response["content"]["application/json"].get("schema") {
        Some(schema) => assert_fits(&answer.body.parse().unwrap(), schema),
        None => assert_eq!(answer.body, ""),
    }
}

/// The answer has the headers that `response` describes, with the values that it fixes, and no other.
fn assert_headers_are(answer: &Answer, response: &'static Value) {
    let mut undescribed: BTreeSet<_> = answer.headers.keys().map(ToString::to_string).collect();
    undescribed.retain(|name| !UNDESCRIBED.contains(&name.as_str()));
    for (name, header) in members(&response["headers"]) {
        let header = resolved(header);
        let Some(value) = answer.header(name) else {
            assert_eq!(header["required"], false, "no {name}: {answer:?}");
            continue;
        };
        let mut fixed = constants(&header["schema"]).peekable();
        assert!(fixed.peek().is_none() || fixed.any(|constant| constant == value), "{name} of {answer:?}");
        undescribed.remove(&name.to_lowercase());
    }
    assert_eq!(undescribed, BTreeSet::new(), "{answer:?}");
}

/// The texts that a schema allows, if it allows only some.
fn constants(schema: &'static Value) -> impl Iterator<Item = &'static str> {
    let choices = schema["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
    [schema].into_iter().chain(choices).filter_map(|schema| schema["const"].as_str())
}

/// `value` has the members that `schema` asks for and no other, and the texts that it fixes.
fn assert_fits(value: &Value, schema: &'static Value) {
    let schema = resolved(schema);
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant);
    }
    if let Some(values) = schema.get("enum") {
        assert!(values.as_array().unwrap().contains(value), "{value} is none of {values}");
    }
    if let Some(value) = value.as_object() {
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        for required in schema["required"].as_array().unwrap() {
            assert!(value.contains_key(required.as_str().unwrap()), "{required} is missing");
        }
        for (name, member) in value {
            assert_fits(member, schema["properties"].get(name).expect(name));
        }
    }
}

/// What `node` stands for: itself, or the part of the description that it refers to.
fn resolved(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str() {
        Some(reference) => DESCRIPTION.pointer(reference.trim_start_matches('#')).unwrap(),
        None => node,
    }
}

fn members(node: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    node.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value))
}
