//! `make verify`, against the service, and against a service behind an edge that changes its answers.

use std::process::Command;

use crate::database;
use crate::faults;
use crate::request::{request, sign_up};
use crate::server::{Server, shared};
use crate::stand_in::{self, Question, Reply};

/// Checks the service at `url`. Gives whether the command succeeded, and the lines that it printed.
fn verify(url: &str, arguments: &[&str]) -> (bool, Vec<String>) {
    let url = format!("URL={url}");
    let output = Command::new("make").args(["--silent", "verify", &url]).args(arguments).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), text.lines().map(str::to_owned).collect())
}

/// The checks with this outcome.
fn with<'a>(lines: &'a [String], outcome: &str) -> Vec<&'a str> {
    lines.iter().filter_map(|line| line.strip_prefix(outcome)).map(str::trim).collect()
}

/// An answer on its way through an edge.
pub struct Passing {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Passing {
    fn remove(&mut self, header: &str) {
        self.headers.retain(|(name, _)| name != header);
    }

    fn change(&mut self, header: &str, change: impl Fn(&str) -> String) {
        for (_, value) in self.headers.iter_mut().filter(|(name, _)| name == header) {
            *value = change(value);
        }
    }
}

/// Starts an edge before a server. The edge adds headers to each request, and may change each answer.
pub fn edge(
    server: &'static Server,
    more: &'static [(&str, &str)],
    change: impl Fn(&Question, &mut Passing) + Send + Sync + Clone + 'static,
) -> String {
    stand_in::start(move |question| {
        let (method, path) = question.line.split_once(' ').unwrap();
        let headers = question.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        // The edge sets the lengths itself, and asks for no compression, because it looks into the bodies.
        let own = ["host", "connection", "content-length", "accept-encoding"];
        let headers = headers.filter(|(name, _)| !own.contains(name)).chain(more.iter().copied());
        let request = request(method, path).headers(headers).body(&question.body);
        let answer = request.call(&server.url).unwrap();
        let headers = answer.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let mut passing = Passing { status: answer.status, headers: headers.collect(), body: answer.body };
        passing.remove("connection");
        change(question, &mut passing);
        let length = passing.body.len().to_string();
        passing.change("content-length", |_| length.clone());
        Reply::Whole(passing.status, passing.headers, passing.body)
    })
}

#[test]
fn a_service_passes_for_a_registered_client_and_the_names_can_be_removed() {
    let server = Server::start("verify", &["--var", "CLIENTS:registered"]);
    let client = "it's-\"$HOME\"";
    database::execute(
        &server.state,
        "INSERT INTO clients (id, name) VALUES ('it''s-\"$HOME\"', 'verify'), ('another', 'another')",
    );
    for (name, client) in [("verify-1", client), ("zoe", client), ("verify-1", "another")] {
        assert_eq!(sign_up(name, client).send_to(&server).status, 200);
    }

    let (succeeded, lines) = verify(&server.url, &[]);
    assert!(succeeded, "{lines:#?}");
    let of_sign_ups = [
        "a sign-up gets an id",
        "a page of another origin can read the answer to its sign-up",
        "a sign-up with a long name, and one with letters of several scripts",
        "a name is signed up once, in any spelling",
        "a sign-up repeated with its key gets the first answer",
        "of 20 sign-ups with one name at once, one succeeds",
        "20 repeats of a sign-up at once get the same answer",
    ];
    assert_eq!(with(&lines, "not run"), of_sign_ups, "{lines:#?}");
    assert_eq!((with(&lines, "ok").len(), with(&lines, "FAILED")), (16, vec![]));

    let (succeeded, lines) = verify(&server.url, &["CLIENT_ID=it's-\"$HOME\""]);
    assert!(succeeded, "{lines:#?}");
    assert_eq!((with(&lines, "FAILED"), with(&lines, "not run")), (vec![], vec![]));
    assert_eq!(with(&lines, "ok").len(), 23, "{lines:#?}");
    let prefix = lines
        .iter()
        .find_map(|line| line.strip_prefix("The names of this run begin with ")?.split(';').next());
    let account = format!("{}race", prefix.unwrap());
    let stored = || {
        let database = database::open(&server.state);
        (database.users(client).len(), database.users("another").len(), database.accounts(&account).len())
    };
    assert_eq!(stored(), (11, 1, 1));

    server.kill();
    let command = lines.iter().find(|line| line.starts_with("npx wrangler d1 execute DB --remote ")).unwrap();
    let local = format!("--local --persist-to '{}'", server.state.display());
    let output = Command::new("sh").args(["-c", &command.replace("--remote", &local)]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stored(), (2, 1, 0));
}

#[test]
fn a_change_that_an_edge_may_make_is_a_warning() {
    let url = edge(shared(), &[], |_, answer| {
        answer.change("etag", |value| format!("W/{value}"));
        if answer.status == 200 {
            answer.remove("content-length");
        }
    });
    let (succeeded, lines) = verify(&url, &[]);
    assert!(succeeded, "{lines:#?}");
    assert_eq!((with(&lines, "FAILED"), with(&lines, "not run")), (vec![], vec![]));
    assert_eq!(with(&lines, "warning"), ["a body has no Content-Length", "an ETag is weak"]);
    assert!(lines.iter().any(|line| line.ends_with("in docs/operating.md")), "{lines:#?}");
}

#[test]
fn each_fault_is_reported_once() {
    let url = edge(shared(), &[], |question, answer| {
        let body = String::from_utf8_lossy(&question.body);
        let name = question.header("username").unwrap_or_default();
        answer.remove("x-frame-options");
        answer.change("access-control-expose-headers", |list| list.replace("X-Runtime, ", ""));
        answer.change("x-request-id", |_| "00000000-0000-4000-8000-000000000000".to_owned());
        // All sign-ups of one name succeed, a repeat does not get the first answer, and text loses a character beyond
        // ASCII.
        if body.contains("-race\"") {
            answer.status = 200;
        }
        if name.ends_with("-retry") {
            answer.status = 409;
        }
        answer.body = answer.body.replace("raw-☃", "raw-?");
        if question.line.starts_with("GET ") {
            answer.remove("allow");
        }
    });
    let (succeeded, lines) = verify(&url, &[]);
    assert!(!succeeded);
    assert_eq!(
        with(&lines, "FAILED"),
        [
            "another method gets 405",
            "of 20 sign-ups with one name at once, one succeeds",
            "a name in raw UTF-8",
            "an account repeated with its key gets the first answer",
            "X-Frame-Options should be SAMEORIGIN",
            "Access-Control-Expose-Headers should be ETag, X-Request-Id, X-Runtime, X-Error-Reason, Retry-After",
            "X-Request-Id should be a new one for each request",
            "X-Error-Reason should be missing, because this is not an error",
            "ETag should be the MD5 of the body in double quotes",
            "X-Error-Reason should be a word, because this is an error",
            "ETag should be missing, because this is an error",
        ],
        "{lines:#?}"
    );
    for detail in [
        "         expected 1 times 200, 19 times 409",
        "         actual   20 times 200",
        "         first    OPTIONS /sign-up: 204, X-Frame-Options: none",
    ] {
        assert!(lines.iter().any(|line| line == detail), "{detail}: {lines:#?}");
    }
}

#[test]
fn a_check_that_a_limit_stops_counts_as_not_run() {
    let more =
        &[("Test-Bindings", r#"{"SIGN_UP_LIMIT":"LIMIT_OF_TWO"}"#), ("CF-Connecting-IP", "198.18.7.1")];
    let (succeeded, lines) = verify(&edge(faults::server(), more, |_, _| {}), &[]);
    assert!(succeeded, "{lines:#?}");
    assert_eq!(with(&lines, "FAILED"), [""; 0], "{lines:#?}");
    let forbidden = with(&lines, "not run");
    for check in [
        "of 20 sign-ups with one name at once, one succeeds",
        "of 20 accounts with one name at once, one is created",
    ] {
        assert!(forbidden.contains(&check), "{lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("429 {\"description\":\"Too many sign-ups")), "{lines:#?}");
}

#[test]
fn a_server_that_is_not_the_service_is_not_checked_further() {
    let elsewhere = stand_in::start(|_| Reply::Answer(200, "<html>".to_owned()));
    for url in [stand_in::nobody(), elsewhere] {
        let (succeeded, lines) = verify(&url, &[]);
        assert!(!succeeded);
        assert_eq!(with(&lines, "FAILED"), ["the service is ready: a sign-up without members gets 400"]);
    }
    for url in ["", "sign-up.example.com", "ftp://127.0.0.1"] {
        let (succeeded, lines) = verify(url, &[]);
        assert!(!succeeded && lines[0].starts_with("Give the service's address"), "{lines:?}");
    }
}
