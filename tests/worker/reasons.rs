//! The words of `X-Error-Reason`: a route gives all those that the description lists for it and its statuses, and no
//! others.

use std::collections::BTreeSet;

use crate::faults;
use crate::guards::{breached_passwords, limits, proof_of_work, sign_up_hook, turnstile};
use crate::openapi;
use crate::request::{Request, account, post, sign_up};

type Words = BTreeSet<(u16, String)>;

/// Sends a request, and adds the answer's status and reason to `words`.
fn provoke(words: &mut Words, request: &Request) {
    let answer = request.send_to(faults::server());
    let reason = answer.header("X-Error-Reason").unwrap_or_else(|| panic!("no reason: {answer:?}"));
    words.insert((answer.status, reason.to_owned()));
}

/// Provokes the refusals that both routes have, each by one change to the `good` request.
fn provoke_everywhere(words: &mut Words, good: &Request) {
    let lazy = proof_of_work::unsolved();
    let (expired, spent) = (proof_of_work::expired(), proof_of_work::solution());
    let elsewhere = proof_of_work::with_work(account(&format!("reason{}", good.path.len())), &spent);
    assert_eq!(elsewhere.send_to(faults::server()).status, 201);
    let good = || good.clone();
    for request in [
        good().key("a b"),
        good().address("198.51.100.7"),
        good().fault("no-address"),
        good().fault("kv-rejects"),
        good().vars(r#"{"PASSWORD_MIN_LENGTH":""}"#),
        good().vars(proof_of_work::ON),
        proof_of_work::with_work(good(), "junk"),
        proof_of_work::with_work(good(), &expired),
        proof_of_work::with_work(good(), &lazy),
        proof_of_work::with_work(good(), &spent),
        good().vars(turnstile::settings(&[])),
        good().vars(sign_up_hook::settings("deny", &[])),
        good().vars(sign_up_hook::settings("deny-username", &[])),
    ] {
        provoke(words, &request);
    }
    limits::early_in_a_minute();
    let counted = limits::of_network(good(), "198.18.77.1");
    for _ in 0..2 {
        counted.send_to(faults::server());
    }
    provoke(words, &counted);
}

/// The words that a route's requests provoked are those of its description.
fn assert_described(words: &Words, path: &str) {
    let described = openapi::reasons(path);
    let without_request: Vec<_> = described.difference(words).collect();
    let undescribed: Vec<_> = words.difference(&described).collect();
    assert!(
        without_request.is_empty() && undescribed.is_empty(),
        "{path}: public/openapi.json lacks {undescribed:?}, and this file lacks a request for {without_request:?}"
    );
}

#[test]
fn every_reason_of_a_sign_up_is_described_and_no_other() {
    let words = &mut Words::new();
    let good = sign_up("reason", "reasons");
    assert_eq!(good.send_to(faults::server()).status, 200);
    provoke_everywhere(words, &good);
    provoke(words, &post("/sign-up").body(&good.body));
    provoke(words, &post("/sign-up").json("x".repeat(20_000)));
    for body in [
        b"\xff".as_slice(),
        b"[]",
        b"{",
        br#"{"username":"a","username":"a"}"#,
        br#"{"password":"x","client_id":"c"}"#,
        br#"{"username":"a","client_id":"c"}"#,
        br#"{"username":"a","password":"x"}"#,
    ] {
        provoke(words, &post("/sign-up").json(body));
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
        provoke(words, &sign_up(username, client_id).password(password));
    }
    provoke(words, &turnstile::with_token(sign_up("a", "c"), "bad"));
    provoke(words, &sign_up("a", "c").vars(sign_up_hook::settings("deny-client", &[])));
    provoke(words, &sign_up("a", "c").password("password").vars(breached_passwords::LIST));
    let registered = good.vars(r#"{"CLIENTS":"registered"}"#);
    provoke(words, &registered);
    let client = "INSERT INTO clients (id, name, origins) VALUES ('reasons', 'reasons', 'https://a.example')";
    provoke(words, &registered.header("Test-SQL", client).header("Origin", "https://b.example"));

    // To get this word, a client has to stop in the middle of its body for a minute.
    words.insert((400, "body_incomplete".to_owned()));
    assert_described(words, "/sign-up");
}

#[test]
fn every_reason_of_an_account_is_described_and_no_other() {
    let words = &mut Words::new();
    let good = account("reason-of-an-account");
    assert_eq!(good.send_to(faults::server()).status, 201);
    provoke_everywhere(words, &good);
    provoke(words, &good);
    provoke(words, &post("/users/"));
    provoke(words, &good.clone().privacy("friends"));
    for name in ["UTF-8''%ZZ", "", "a b", "\u{301}a", "\u{3164}"] {
        provoke(words, &account(name));
    }
    provoke(words, &turnstile::with_token(good, "bad"));
    assert_described(words, "/users/");
}
