//! The descriptions in `openapi.json` and the Workers agree: the public one, and the admin.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::faults;
use crate::guards::{breached_passwords, limits, sign_up_hook};
use crate::http::Answer;
use crate::is_there;
use crate::request::{Request, get, post, preflight};
use crate::rules;
use crate::server::Server;

/// The description of an API.
pub struct Description {
    file: &'static str,
    document: Value,
}

static PUBLIC: LazyLock<Description> = LazyLock::new(|| Description {
    file: "public/openapi.json",
    document: serde_json::from_str(include_str!("../../public/openapi.json")).unwrap(),
});

pub static ADMIN: LazyLock<Description> = LazyLock::new(|| Description {
    file: "admin/public/openapi.json",
    document: serde_json::from_str(include_str!("../../admin/public/openapi.json")).unwrap(),
});

/// The headers that HTTP and `faults.js` add to an answer. `Content-Type` is described as the answer's content.
/// workerd closes a connection on which a part of a body is left.
const UNDESCRIBED: [&str; 10] = [
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "test-memory",
    "test-outcomes",
    "test-reads",
    "test-statements",
    "test-surveys",
    "test-total",
];

/// Draws valid and invalid requests from the description, as `tests/openapi` says, and compares each answer with the
/// description. The test has its own server, because a name that is drawn at random may be another test's.
#[test]
fn thousands_of_requests_get_answers_that_the_description_allows() {
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
        // The files that Python and Hypothesis keep must not stand among the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HYPOTHESIS_STORAGE_DIRECTORY", &server.state)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));

    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let cases = &report["test_cases"];
    assert!(cases["generated"].as_u64() >= Some(2_000), "too few requests: {cases}");
    assert_eq!((&cases["without_checks"], &report["operations"]["tested"]), (&json!(0), &json!(6)));
}

/// Provokes every answer that has an example, including those of a failing platform. So the test notices each
/// difference between the description and the Worker.
#[test]
#[expect(clippy::too_many_lines, reason = "one line for each example")]
fn every_example_in_the_description_is_a_live_answer() {
    let parameter = |name: &str| {
        let parameter = &PUBLIC.document["components"]["parameters"][name];
        (parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap())
    };
    let (key, name, privacy) = (parameter("IdempotencyKey"), parameter("Username"), parameter("Privacy"));
    let body = &PUBLIC.document["paths"]["/sign-up"]["post"]["requestBody"]["content"]["application/json"];
    let body = body["examples"]["username"]["value"].to_string();
    let user = || post("/sign-up").json(&body);
    let account = || post("/users/").headers([name]);
    let blocked = |request: Request| request.address("198.51.100.7");
    let unverified = |request: Request| request.fault("no-address");
    let unavailable = |request: Request| request.fault("kv-throws");
    let internal = |request: Request| request.vars(r#"{"PASSWORD_MIN_LENGTH":""}"#);
    let work =
        |request: Request| request.vars(json!({ "PROOF_OF_WORK": "20", "CHALLENGE_SECRET": "x".repeat(32) }));
    let captcha = |request: Request| request.vars(r#"{"TURNSTILE_SECRET":"secret"}"#);
    let registered = |request: Request| request.vars(r#"{"CLIENTS":"registered"}"#);
    let hooked = |request: Request, path: &str| request.vars(sign_up_hook::settings(path, &[]));
    let network = |request: Request| limits::of_network(request, "203.0.113.98");
    // The client lists an origin, and a page of another origin uses it.
    let elsewhere = user()
        .member("client_id", "described")
        .header("Test-SQL", "INSERT OR IGNORE INTO clients (id, name, origins) VALUES ('described', 'described', 'https://described.example')")
        .header("Origin", "https://other.example");

    let mut shown = BTreeSet::new();
    let mut provoke = |request: Request, status: u16, example: &str| {
        let answer = request.send_to(faults::server());
        let (method, path) = (request.method.to_lowercase(), request.path);
        assert_eq!(answer.status, status, "{answer:?}");
        let operation = &PUBLIC.document["paths"][&path][&method];
        let response = PUBLIC.resolved(&operation["responses"][status.to_string()]);
        if status != 204 {
            let expected = &response["content"]["application/json"]["examples"][example]["value"];
            let mut body: Value = serde_json::from_str(&answer.body).unwrap();
            // These members differ in every answer.
            for unique in ["/user/id", "/challenge"] {
                if let Some(value) = body.pointer_mut(unique) {
                    *value = expected.pointer(unique).unwrap().clone();
                }
            }
            assert_eq!(&body, expected);
        }
        shown.insert((path, method, status.to_string(), example.to_owned()));
    };
    provoke(user().headers([key]), 200, "username");
    provoke(user().member("username", ""), 400, "field");
    provoke(post("/sign-up").json("[]"), 400, "body");
    provoke(work(user()), 400, "work");
    provoke(registered(user()), 400, "client");
    provoke(captcha(user()), 400, "captcha");
    provoke(user().vars(breached_passwords::LIST), 400, "breached");
    provoke(hooked(user(), "deny-username"), 400, "hook");
    provoke(registered(elsewhere), 403, "origin");
    provoke(hooked(user(), "deny"), 403, "hook");
    provoke(user(), 409, "username");
    provoke(post("/sign-up").json("x".repeat(16_385)), 413, "body");
    provoke(post("/sign-up").body(&body), 415, "type");
    provoke(account().headers([privacy, key]), 201, "public");
    provoke(account().privacy("Privacy setting"), 400, "privacy");
    provoke(post("/users/"), 400, "missing");
    provoke(work(account()), 400, "work");
    provoke(captcha(account()), 400, "captcha");
    provoke(hooked(account(), "deny-username"), 400, "hook");
    provoke(hooked(account(), "deny"), 403, "hook");
    provoke(account(), 409, "name");
    limits::early_in_a_minute();
    for _ in 0..2 {
        network(account()).send_to(faults::server());
        limits::of_client(user()).send_to(faults::server());
    }
    provoke(network(user()), 429, "network");
    provoke(limits::of_client(user()), 429, "application");
    provoke(network(account()), 429, "network");
    for path in ["/sign-up", "/users/"] {
        provoke(blocked(post(path)), 403, "blocked");
        provoke(unverified(post(path)), 403, "unverified");
        provoke(internal(post(path)), 500, "internal");
        provoke(unavailable(post(path)), 503, "unavailable");
        provoke(preflight(path), 204, "");
        provoke(internal(preflight(path)), 500, "internal");
    }
    let strict = json!({
        "PASSWORD_MIN_LENGTH": "8",
        "PROOF_OF_WORK": "20",
        "CHALLENGE_SECRET": "x".repeat(32),
        "TURNSTILE_SECRET": "secret",
        "TURNSTILE_SITE_KEY": "0x4AAAAAAA-public",
        "TURNSTILE_ACTION": "sign-up",
    });
    provoke(get(rules::PATH).vars(strict), 200, "rules");
    provoke(preflight(rules::PATH), 204, "");
    for request in [get(rules::PATH), preflight(rules::PATH)] {
        provoke(internal(request), 500, "internal");
    }
    let challenge = work(get("/challenge"));
    provoke(challenge.clone(), 200, "challenge");
    provoke(blocked(challenge.clone()), 403, "blocked");
    provoke(unverified(challenge.clone()), 403, "unverified");
    provoke(unavailable(challenge), 503, "unavailable");
    provoke(work(preflight("/challenge")), 204, "");
    for request in [get("/challenge"), preflight("/challenge")] {
        provoke(request.clone(), 404, "off");
        provoke(internal(request), 500, "internal");
    }
    assert_eq!(shown, described());
}

/// The reasons that the description lists for a `POST` to `path`, each with its status.
pub fn reasons(path: &str) -> BTreeSet<(u16, String)> {
    let responses = members(&PUBLIC.document["paths"][path]["post"]["responses"]);
    let words = responses.flat_map(|(status, response)| {
        let reason = PUBLIC.resolved(&PUBLIC.resolved(response)["headers"]["X-Error-Reason"]);
        constants(&reason["schema"]).map(|word| (status.parse().unwrap(), word.to_owned()))
    });
    words.collect()
}

/// Every example of every answer, as path, method, status and name. An answer without a body has the empty name.
fn described() -> BTreeSet<(String, String, String, String)> {
    let mut all = BTreeSet::new();
    for (path, methods) in members(&PUBLIC.document["paths"]) {
        for (method, operation) in members(methods) {
            for (status, response) in members(&operation["responses"]) {
                let examples = &PUBLIC.resolved(response)["content"]["application/json"]["examples"];
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

/// Asserts that an answer of the public Worker fits the description, if the description has its route.
pub fn assert_described(method: &str, path: &str, answer: &Answer) {
    let path = match path.split('?').next().unwrap() {
        "/sign-up/" => "/sign-up",
        "/users" | "/connectmypairs/users/" | "/connectmypairs/users" => "/users/",
        other => other,
    };
    PUBLIC.assert_described(method, path, answer);
}

impl Description {
    /// Asserts that an answer fits the description, if the description has its route.
    pub fn assert_described(&'static self, method: &str, path: &str, answer: &Answer) {
        let Some(operation) = self.path(path).and_then(|path| path.get(method.to_lowercase())) else {
            return;
        };
        let response = operation["responses"].get(answer.status.to_string());
        let response = response.unwrap_or_else(|| panic!("{method} {path} may not give {answer:?}"));
        let response = self.resolved(response);
        self.assert_headers_are(answer, response);
        let Some((kind, content)) = response["content"].as_object().and_then(|content| content.iter().next())
        else {
            return assert_eq!(answer.body, "");
        };
        assert_eq!(answer.header("Content-Type"), Some(&*format!("{kind}; charset=utf-8")));
        // The schema of lines is that of each line.
        let values =
            if kind == "application/json" { vec![&*answer.body] } else { answer.body.lines().collect() };
        for value in values {
            self.assert_fits(&value.parse().unwrap(), &content["schema"]);
        }
    }

    /// The path item of a path, whose parameters may have any value.
    fn path(&'static self, path: &str) -> Option<&'static Value> {
        let fits = |described: &str| {
            described.matches('/').count() == path.matches('/').count()
                && described
                    .split('/')
                    .zip(path.split('/'))
                    .all(|(part, own)| part.starts_with('{') || part == own)
        };
        members(&self.document["paths"]).find(|(described, _)| fits(described)).map(|(_, item)| item)
    }

    /// Asserts that the answer has the headers that `response` describes and no others, and the values that it fixes.
    fn assert_headers_are(&'static self, answer: &Answer, response: &'static Value) {
        let file = self.file;
        let mut undescribed: BTreeSet<_> = answer.headers.keys().map(ToString::to_string).collect();
        undescribed.retain(|name| !UNDESCRIBED.contains(&name.as_str()));
        for (name, header) in members(&response["headers"]) {
            let header = self.resolved(header);
            let Some(value) = answer.header(name) else {
                assert_eq!(header["required"], false, "no {name}: {answer:?}");
                continue;
            };
            let mut fixed = constants(&header["schema"]).peekable();
            assert!(
                fixed.peek().is_none() || fixed.any(|constant| constant == value),
                "{file} does not list \"{value}\" for the header {name} of this answer: {answer:?}"
            );
            undescribed.remove(&name.to_lowercase());
        }
        assert_eq!(undescribed, BTreeSet::new(), "{file}: {answer:?}");
    }

    /// Asserts that `value` is of the type of `schema`, has the members that `schema` asks for and no others, and the
    /// texts that it fixes.
    fn assert_fits(&'static self, value: &Value, schema: &'static Value) {
        let schema = self.resolved(schema);
        let types =
            schema.get("type").map(|types| types.as_array().map_or(vec![types], |all| all.iter().collect()));
        if let Some(types) = types {
            assert!(
                types.iter().any(|name| is_of(name.as_str().unwrap(), value)),
                "{value} should be of {types:?}"
            );
        }
        if let Some(constant) = schema.get("const") {
            assert_eq!(value, constant);
        }
        if let Some(values) = schema.get("enum") {
            assert!(values.as_array().unwrap().contains(value), "{value} should be one of {values}");
        }
        for item in value.as_array().into_iter().flatten() {
            self.assert_fits(item, &schema["items"]);
        }
        if let Some(value) = value.as_object() {
            assert_eq!(schema["additionalProperties"], false, "{schema}");
            for required in schema["required"].as_array().unwrap() {
                assert!(value.contains_key(required.as_str().unwrap()), "{required} is missing");
            }
            for (name, member) in value {
                self.assert_fits(member, schema["properties"].get(name).expect(name));
            }
        }
    }

    /// The part of the description that `node` refers to, or `node` itself.
    fn resolved(&'static self, node: &'static Value) -> &'static Value {
        match node["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => node,
        }
    }
}

/// Whether `value` is of the type `name` of JSON Schema.
fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        _ => panic!("the type {name} is unknown"),
    }
}

/// The texts that a schema allows, if it lists them.
fn constants(schema: &'static Value) -> impl Iterator<Item = &'static str> {
    let choices = schema["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
    [schema].into_iter().chain(choices).filter_map(|schema| schema["const"].as_str())
}

fn members(node: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    node.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value))
}
