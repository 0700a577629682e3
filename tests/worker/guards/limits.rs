//! `SIGN_UP_LIMIT` and `CLIENT_LIMIT`, with a binding that lets two sign-ups pass in a minute.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{breached_passwords, proof_of_work, turnstile};
use crate::faults::server;
use crate::request::{Request, account, sign_up};

const LIMITED: &str = r#"{"description":"Too many sign-ups from your network","code":"429"}"#;
const CLIENT_LIMITED: &str = r#"{"description":"Too many sign-ups from this application","code":"429"}"#;

/// A request from `address`, with a limit for its network.
pub fn of_network(request: Request, address: &str) -> Request {
    request.header("Test-Bindings", r#"{"SIGN_UP_LIMIT":"LIMIT_OF_TWO"}"#).address(address)
}

/// A request with a limit for its client.
pub fn of_client(request: Request) -> Request {
    request.header("Test-Bindings", r#"{"CLIENT_LIMIT":"LIMIT_OF_TWO"}"#)
}

/// Waits for the next minute if this one is nearly over, because the local binding counts by the minutes of the clock.
pub fn early_in_a_minute() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let left = 60 - now.as_secs() % 60;
    if left < 20 {
        thread::sleep(Duration::from_secs(left));
    }
}

#[test]
fn a_network_that_signs_up_too_often_has_to_wait() {
    // Three addresses of one network, and an address of another.
    for (network, neighbour) in [
        (["198.18.0.1", "198.18.0.1", "198.18.0.1"], "198.18.0.2"),
        (["2001:db8:18:1::1", "2001:db8:18:1::2", "2001:DB8:18:1:F::3"], "2001:db8:18:2::1"),
    ] {
        let [first, second, third] = network;
        early_in_a_minute();
        let user = |n| sign_up(&format!("{neighbour}-{n}"), "limits");
        let account = |n| account(&format!("{neighbour}-{n}"));
        assert_eq!(of_network(user(1), first).send_to(server()).status, 200);
        // A sign-up with a bad field is not counted.
        assert_eq!(of_network(sign_up("", "limits"), first).send_to(server()).status, 400);
        assert_eq!(of_network(account(2), second).send_to(server()).status, 201);
        for request in [user(3), account(3)] {
            let answer = of_network(request, third).send_to(server());
            answer.is(429, LIMITED);
            assert_eq!(answer.header("Retry-After"), Some("60"));
            let line = server().log_line(answer.id());
            assert_eq!((&line["outcome"], line.get("cause")), (&"limited".into(), None));
        }
        let database = server().database();
        assert_eq!(database.accounts(&format!("{neighbour}-3")), []);
        assert!(database.users("limits").iter().all(|user| user.username != format!("{neighbour}-3")));

        // The neighbour has its own count, and without the binding the sign-ups are not counted.
        assert_eq!(of_network(account(4), neighbour).send_to(server()).status, 201);
        assert_eq!(account(5).address(third).send_to(server()).status, 201);
    }
}

#[test]
fn an_application_with_too_many_sign_ups_has_to_wait() {
    early_in_a_minute();
    for name in ["one", "two"] {
        assert_eq!(of_client(sign_up(name, "busy")).address("198.18.1.1").send_to(server()).status, 200);
    }
    let answer = of_client(sign_up("three", "busy")).address("198.18.1.2").send_to(server());
    answer.is(429, CLIENT_LIMITED);
    assert_eq!(answer.header("Retry-After"), Some("60"));
    assert_eq!(server().database().users("busy").len(), 2);
    assert_eq!(of_client(sign_up("three", "idle")).address("198.18.1.1").send_to(server()).status, 200);
    // Accounts belong to no application.
    for name in ["busy-1", "busy-2", "busy-3"] {
        assert_eq!(of_client(account(name)).address("198.18.1.1").send_to(server()).status, 201);
    }
    assert_eq!(sign_up("three", "busy").address("198.18.1.1").send_to(server()).status, 200);
}

#[test]
fn only_sign_ups_that_passed_the_other_guards_count_for_a_client() {
    let work =
        |name: &str, solution: &str| proof_of_work::with_work(sign_up(name, "work-and-limit"), solution);
    let token = |name: &str, token: &str| turnstile::with_token(sign_up(name, "token-and-limit"), token);
    let password = |name: &str, password: &str| {
        sign_up(name, "password-and-limit").password(password).vars(breached_passwords::LIST)
    };
    let (spent, solved) = (proof_of_work::solution(), proof_of_work::solution());
    let elsewhere = proof_of_work::with_work(sign_up("a", "work-elsewhere"), &spent);
    assert_eq!(elsewhere.send_to(server()).status, 200);
    // Two sign-ups pass in a minute. A sign-up that another guard refuses must not count as one of them.
    for n in 0..3 {
        let name = &*format!("junk-{n}");
        for request in
            [work(name, "junk"), work(name, &spent), token(name, "bad.junk"), password(name, "password")]
        {
            let answer = of_client(request).send_to(server());
            assert_eq!(answer.status, 400, "{answer:?}");
        }
    }
    for request in [work("a", &solved), token("a", "good.limit"), password("a", "correct horse")] {
        let answer = of_client(request).send_to(server());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn a_limit_that_cannot_count_refuses_every_sign_up() {
    for (fault, status, outcome) in [
        ("limit-rejects", 503, "unavailable"),
        ("limit-hangs", 503, "unavailable"),
        ("limit-wrong", 500, "internal_error"),
    ] {
        for request in [sign_up(fault, "limits"), account(fault)] {
            let answer = request.fault(fault).send_to(server());
            assert_eq!(answer.status, status, "{fault}: {answer:?}");
            let line = server().log_line(answer.id());
            assert_eq!(line["outcome"], outcome);
            assert!(line["cause"].as_str().unwrap().starts_with("SIGN_UP_LIMIT: "), "{line}");
        }
        assert_eq!(server().database().accounts(fault), []);
    }
}
