//! The admin on a database that misbehaves, as `faulty.js` says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    BCRYPT, INTERNAL, TOKEN, admin, audited, faulty, import_at, line, send, signed_up_at, start_beside,
    text_of, until,
};
use crate::request::{Request, account};
use crate::server::Server;

const KEY: (&str, &str) = ("WEBHOOK_KEY", "a-key-of-the-tests-of-32-characters");
const NO_ENDPOINT: &str = r#"{"description":"There is no such endpoint","code":"404"}"#;

/// Starts the admin, and beside it the faulty one.
fn start(name: &str) -> Server {
    let worker = format!("{name}-faulty");
    start_beside(
        name,
        &[&format!("{}:{}", KEY.0, KEY.1)],
        &[&*faulty(&worker, &[("ADMIN_TOKEN", TOKEN), KEY])],
    )
}

impl Request {
    /// Asks for a fault of `faulty.js`.
    fn with_fault(self, fault: &Value) -> Self {
        self.header("Test-Fault", fault.to_string())
    }
}

/// The URL of the faulty admin.
fn url<'a>(server: &'a Server, name: &str) -> &'a str {
    server.beside(&format!("{name}-faulty"))
}

#[test]
fn an_import_whose_work_fails_is_cut_off() {
    let server = start("admin-cut");
    let lines: Vec<_> = (0..1200).map(|n| line(&format!("cut-{n}"), "cut", BCRYPT)).collect();
    let body = text_of(&lines);
    let host = url(&server, "admin-cut").strip_prefix("http://").unwrap();
    let fault = json!({ "sql": "^INSERT INTO users", "after": 1, "fault": "down" });
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!(
        "POST /imports HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/x-ndjson\r\n\
         Test-Fault: {fault}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut answer = Vec::new();
    // The connection may be reset.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains(r#"{"line":501,"#), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "the answer should have no end");

    // The log finds the failure by the id of the request.
    let (_, id) = answer.split_once("X-Request-Id: ").unwrap();
    let id = id.split("\r\n").next().unwrap();
    let logged = || server.log().into_iter().filter(|line| line.contains(id)).collect::<Vec<_>>();
    until(|| logged().len() == 2, "a line of the request and one of the failure");
    let logged: Vec<Value> = logged().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&logged[0]["status"], &logged[1]["status"]), (&json!(200), &json!(503)));
    assert!(logged[1]["cause"].as_str().unwrap().contains("D1 DB is overloaded"), "{logged:?}");
    // The same import goes on.
    assert_eq!(server.database().users("cut").len(), 500);
    assert!(import_at(&server, &lines).iter().all(|answer| answer["status"] == "stored"));
    assert_eq!(server.database().users("cut").len(), 1200);
}

#[test]
fn a_change_whose_answer_was_lost_succeeds() {
    let server = start("admin-lost");
    let url = url(&server, "admin-lost");
    let lost = |sql: &str| json!({ "sql": sql, "fault": "lost" });
    let id = signed_up_at(&server, "lost", "lost");
    let erase = || admin("DELETE", &format!("/users/{id}"));
    erase().with_fault(&lost("^DELETE FROM users")).ask_url(url).is(204, "");
    assert_eq!(audited(&server, &id.to_string()), ["admin-token user_erased"]);
    // A user who was erased earlier is missing, whether the answer is lost or not.
    assert_eq!(erase().ask_url(url).status, 404);
    assert_eq!(account("lost").send_to(&server).status, 201);
    let found = admin("GET", "/accounts?name=lost").ask_at(&server).json()["accounts"][0]["id"].clone();
    let erase = admin("DELETE", &format!("/accounts/{found}"));
    erase.with_fault(&lost("^DELETE FROM accounts")).ask_url(url).is(204, "");

    let added = send("POST", "/webhooks", &json!({ "url": "http://127.0.0.1:1/" })).ask_at(&server).json();
    let path = format!("/webhooks/{}", added["id"].as_str().unwrap());
    let keys = || {
        let keys = server.database().texts("SELECT keys FROM webhooks WHERE '' = ?", "").concat();
        keys.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let before = keys();
    let rotate = || admin("POST", &format!("{path}/secret"));
    let rotated = rotate().with_fault(&lost("^UPDATE webhooks SET keys")).ask_url(url);
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let after = keys();
    assert_eq!((after.len(), &after[1]), (2, &before[0]), "the older key should be left");
    assert_ne!(after[0], after[1]);
    admin("DELETE", &path).with_fault(&lost("^DELETE FROM webhooks")).ask_url(url).is(204, "");
    assert_eq!(rotate().ask_url(url).status, 404);
}

#[test]
fn an_endpoint_that_is_deleted_meanwhile_gets_no_secret() {
    let server = start("admin-meanwhile");
    let added = send("POST", "/webhooks", &json!({ "url": "http://127.0.0.1:1/" })).ask_at(&server).json();
    let path = format!("/webhooks/{}", added["id"].as_str().unwrap());
    let fault = json!({ "sql": "FROM webhooks WHERE id", "fault": "late",
        "until": "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM webhooks)" });
    let answer = thread::scope(|scope| {
        let rotating = scope.spawn(|| {
            let request = admin("POST", &format!("{path}/secret")).with_fault(&fault);
            request.ask_url(url(&server, "admin-meanwhile"))
        });
        until(|| server.log().concat().contains("A late answer waits"), "a late answer");
        admin("DELETE", &path).ask_at(&server).is(204, "");
        rotating.join().unwrap()
    });
    answer.is_refusal(404, "not_found", NO_ENDPOINT);
}

#[test]
fn a_broken_statement_is_explained_only_in_the_log() {
    let server = start("admin-down");
    let fault = json!({ "sql": "FROM users", "fault": "down" });
    let answer = admin("GET", "/users").with_fault(&fault).ask_url(url(&server, "admin-down"));
    assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("5")));
    assert_ne!(answer.body, INTERNAL);
    let line = server.log_line(answer.id());
    assert!(line["cause"].as_str().unwrap().contains("overloaded"), "{line}");
}
