//! Every word of `X-Error-Reason`, and no other than the description lists for its route and status.

use std::collections::BTreeSet;

use serde_json::json;

use crate::faults;
use crate::guards::{breached_passwords, limits, proof_of_work, turnstile};
use crate::http::{JSON, send, user};
use crate::openapi;

type Words = BTreeSet<(u16, String)>;

/// Sends a request and adds the answer's status and reason to `words`.
fn provoke(words: &mut Words, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) {
    let answer = send(faults::server(), "POST", path, headers, body);
    let reason = answer.header("X-Error-Reason").unwrap_or_else(|| panic!("no reason: {answer:?}"));
    words.insert((answer.status, reason.to_owned()));
}

/// What each route refuses alike: the headers of a request that is good but for those.
fn provoke_everywhere(words: &mut Words, path: &str, good: &[(&str, &str)], body: &str) {
    let lazy = proof_of_work::unsolved();
    let (expired, spent) = (proof_of_work::expired(), proof_of_work::solution());
    let elsewhere =
        [("Username", &*format!("reason{}", path.len())), proof_of_work::ON, ("Proof-Of-Work", &spent)];
    assert_eq!(send(faults::server(), "POST", "/users/", &elsewhere, "").status, 201);
    let turnstile = turnstile::settings(&[]);
    let turnstile = ("Test-Vars", &*turnstile);
    for more in [
        [("Idempotency-Key", "a b"), JSON].as_slice(),
        &[("CF-Connecting-IP", "198.51.100.7")],
        &[("Test-Fault", "no-address")],
        &[("Test-Fault", "kv-rejects")],
        &[("Test-Vars", r#"{"PASSWORD_MIN_LENGTH":""}"#)],
        &[proof_of_work::ON],
        &[proof_of_work::ON, ("Proof-Of-Work", "junk")],
        &[proof_of_work::ON, ("Proof-Of-Work", &expired)],
        &[proof_of_work::ON, ("Proof-Of-Work", &lazy)],
        &[proof_of_work::ON, ("Proof-Of-Work", &spent)],
        &[turnstile],
    ] {
        provoke(words, path, &[good, more].concat(), body);
    }
    limits::early_in_a_minute();
    let counted = [good, &[limits::NETWORK, ("CF-Connecting-IP", "198.18.77.1")]].concat();
    for _ in 0..2 {
        send(faults::server(), "POST", path, &counted, body);
    }
    provoke(words, path, &counted, body);
}

#[test]
fn every_reason_of_a_sign_up_is_described_and_no_other() {
    let path = "/sign-up";
    let words = &mut Words::new();
    let good = user("reason", "correct horse", "reasons");
    assert_eq!(send(faults::server(), "POST", path, &[JSON], &good).status, 200);
    provoke_everywhere(words, path, &[JSON], &good);
    provoke(words, path, &[], &good);
    provoke(words, path, &[JSON], "x".repeat(20_000));
    for body in [b"\xff".as_slice(), b"[]", b"{", br#"{"username":"a","username":"a"}"#] {
        provoke(words, path, &[JSON], body);
    }
    for (username, password, client_id) in [
        ("REASON", "x", "reasons"),
        ("", "x", "c"),
        ("a b", "x", "c"),
        ("\u{301}a", "x", "c"),
        ("\u{3164}", "x", "c"),
        ("a", "", "c"),
        ("a", &"x".repeat(1025), "c"),
        ("a", "\0", "c"),
        ("a", "x", "c c"),
    ] {
        provoke(words, path, &[JSON], user(username, password, client_id));
    }
    for member in ["username", "password", "client_id"] {
        provoke(words, path, &[JSON], good.replace(member, "other"));
    }
    let token = json!({ "username": "a", "password": "x", "client_id": "c", "captcha_token": "bad" });
    provoke(words, path, &[JSON, ("Test-Vars", &turnstile::settings(&[]))], token.to_string());
    provoke(words, path, &[JSON, breached_passwords::LIST], user("a", "password", "c"));
    let registered = ("Test-Vars", r#"{"CLIENTS":"registered"}"#);
    provoke(words, path, &[JSON, registered], &good);
    let client = (
        "Test-SQL",
        "INSERT INTO clients (id, name, origins) VALUES ('reasons', 'reasons', 'https://a.example')",
    );
    provoke(words, path, &[JSON, registered, client, ("Origin", "https://b.example")], &good);

    // It takes a client that sends half of its body in a minute.
    words.insert((400, "body_incomplete".to_owned()));
    assert_eq!(words, &mut openapi::reasons(path));
}

#[test]
fn every_reason_of_an_account_is_described_and_no_other() {
    let path = "/users/";
    let words = &mut Words::new();
    let good = ("Username", "reason-of-an-account");
    assert_eq!(send(faults::server(), "POST", path, &[good], "").status, 201);
    provoke_everywhere(words, path, &[good], "");
    provoke(words, path, &[good], "");
    provoke(words, path, &[], "");
    provoke(words, path, &[good, ("Privacy", "friends")], "");
    for name in ["UTF-8''%ZZ", "", "a b", "\u{301}a", "\u{3164}"] {
        provoke(words, path, &[("Username", name)], "");
    }
    let refused = [good, ("Test-Vars", &*turnstile::settings(&[])), ("Captcha-Token", "bad")];
    provoke(words, path, &refused, "");
    assert_eq!(words, &mut openapi::reasons(path));
}
