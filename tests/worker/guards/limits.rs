//! `SIGN_UP_LIMIT` and `CLIENT_LIMIT`, by a binding that lets two pass a minute.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{breached_passwords, create_account, proof_of_work, sign_up, turnstile};
use crate::faults;
use crate::http::{JSON, send, user};

const LIMITED: &str = r#"{"description":"Too many sign-ups from your network","code":"429"}"#;
const CLIENT_LIMITED: &str = r#"{"description":"Too many sign-ups from this application","code":"429"}"#;

pub const NETWORK: (&str, &str) = ("Test-Bindings", r#"{"SIGN_UP_LIMIT":"LIMIT_OF_TWO"}"#);
pub const CLIENT: (&str, &str) = ("Test-Bindings", r#"{"CLIENT_LIMIT":"LIMIT_OF_TWO"}"#);

fn from(address: &str) -> (&str, &str) {
    ("CF-Connecting-IP", address)
}

/// Waits for the next minute if this one is nearly over: the local binding counts by the minutes of the clock.
pub fn early_in_a_minute() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let left = 60 - now.as_secs() % 60;
    if left < 20 {
        thread::sleep(Duration::from_secs(left));
    }
}

#[test]
fn a_network_that_signs_up_too_often_has_to_wait() {
    // Whose addresses are one network's, and one that is another's.
    for (network, neighbour) in [
        (["198.18.0.1", "198.18.0.1", "198.18.0.1"], "198.18.0.2"),
        (["2001:db8:18:1::1", "2001:db8:18:1::2", "2001:DB8:18:1:F::3"], "2001:db8:18:2::1"),
    ] {
        let [first, second, third] = network.map(from);
        early_in_a_minute();
        assert_eq!(sign_up(&format!("{neighbour}-1"), "limits", &[NETWORK, first]).status, 200);
        // A request that is not of its form is not counted.
        assert_eq!(sign_up("", "limits", &[NETWORK, first]).status, 400);
        assert_eq!(create_account(&format!("{neighbour}-2"), &[NETWORK, second]).status, 201);
        for answer in [
            sign_up(&format!("{neighbour}-3"), "limits", &[NETWORK, third]),
            create_account(&format!("{neighbour}-3"), &[NETWORK, third]),
        ] {
            answer.is(429, LIMITED);
            assert_eq!(answer.header("Retry-After"), Some("60"));
            let line = faults::server().log_line(answer.id());
            assert_eq!((&line["outcome"], line.get("cause")), (&"limited".into(), None));
        }
        let database = faults::server().database();
        assert_eq!(database.accounts(&format!("{neighbour}-3")), []);
        assert!(database.users("limits").iter().all(|user| user.username != format!("{neighbour}-3")));

        // The neighbour has a count of its own, and without the binding there is none.
        assert_eq!(create_account(&format!("{neighbour}-4"), &[NETWORK, from(neighbour)]).status, 201);
        assert_eq!(create_account(&format!("{neighbour}-5"), &[third]).status, 201);
    }
}

#[test]
fn an_application_that_signs_up_too_many_has_to_wait() {
    early_in_a_minute();
    for name in ["one", "two"] {
        assert_eq!(sign_up(name, "busy", &[CLIENT, from("198.18.1.1")]).status, 200);
    }
    let answer = sign_up("three", "busy", &[CLIENT, from("198.18.1.2")]);
    answer.is(429, CLIENT_LIMITED);
    assert_eq!(answer.header("Retry-After"), Some("60"));
    assert_eq!(faults::server().database().users("busy").len(), 2);
    assert_eq!(sign_up("three", "idle", &[CLIENT, from("198.18.1.1")]).status, 200);
    // This route knows no applications.
    for name in ["busy-1", "busy-2", "busy-3"] {
        assert_eq!(create_account(name, &[CLIENT, from("198.18.1.1")]).status, 201);
    }
    assert_eq!(sign_up("three", "busy", &[from("198.18.1.1")]).status, 200);
}

#[test]
fn a_client_is_counted_for_the_sign_ups_that_have_paid() {
    let work = |name: &str, solution: &str| {
        sign_up(name, "work-and-limit", &[CLIENT, proof_of_work::ON, ("Proof-Of-Work", solution)])
    };
    let token =
        |name: &str, token: &str| turnstile::sign_up_with(&json!(token), name, "token-and-limit", &[CLIENT]);
    let password = |name: &str, password: &str| {
        let headers = [JSON, CLIENT, breached_passwords::LIST];
        let body = user(name, password, "password-and-limit");
        send(faults::server(), "POST", "/sign-up", &headers, body)
    };
    let (spent, solved) = (proof_of_work::solution(), proof_of_work::solution());
    let elsewhere = [proof_of_work::ON, ("Proof-Of-Work", &*spent)];
    assert_eq!(sign_up("a", "work-elsewhere", &elsewhere).status, 200);
    // Two pass a minute: no other client takes one of them without having paid.
    for n in 0..3 {
        let name = &*format!("junk-{n}");
        for answer in
            [work(name, "junk"), work(name, &spent), token(name, "bad.junk"), password(name, "password")]
        {
            assert_eq!(answer.status, 400, "{answer:?}");
        }
    }
    for answer in [work("a", &solved), token("a", "good.limit"), password("a", "correct horse")] {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn a_limit_that_cannot_count_lets_nobody_pass() {
    for (fault, status, outcome) in [
        ("limit-rejects", 503, "unavailable"),
        ("limit-hangs", 503, "unavailable"),
        ("limit-wrong", 500, "internal_error"),
    ] {
        for answer in [
            sign_up(fault, "limits", &[("Test-Fault", fault)]),
            create_account(fault, &[("Test-Fault", fault)]),
        ] {
            assert_eq!(answer.status, status, "{fault}: {answer:?}");
            let line = faults::server().log_line(answer.id());
            assert_eq!(line["outcome"], outcome);
            assert!(line["cause"].as_str().unwrap().starts_with("SIGN_UP_LIMIT: "), "{line}");
        }
        assert_eq!(faults::server().database().accounts(fault), []);
    }
}
