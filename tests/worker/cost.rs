//! No input costs more than two plain sign-ups, however it is built.
//!
//! The unit tests search for the most expensive text of each field. These tests send the worst ones that are known over
//! HTTP, at the largest size that the service or the platform lets through.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use edge_signup::fields::username::MAX_CHARACTERS;

use crate::report;
use crate::request::{Request, account, post, sign_up};

const CLIENT: &str = "cost";

/// The largest body that the service takes, and the largest headers that the platform takes.
const LARGEST_BODY: usize = 16 * 1024;
const LARGEST_HEADER: usize = 120 * 1024;

/// `unit` as often as it fits into `bytes`.
fn full(unit: &str, bytes: usize) -> String {
    unit.repeat(bytes / unit.len())
}

/// The time of `request`, as a multiple of that of a plain sign-up. Each is sent five times, in turns, and the fastest
/// counts. On a loaded machine it takes more of them until both had a moment of their own.
fn cost(name: &str, request: &Request) -> f64 {
    static ONE_AT_A_TIME: Mutex<u32> = Mutex::new(0);
    let mut sign_ups = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let time = |request: &Request| {
        let start = Instant::now();
        let answer = request.send();
        (start.elapsed(), answer.status)
    };
    let mut plain = Duration::MAX;
    let mut costly = Duration::MAX;
    for round in 0..50 {
        if round >= 5 && costly <= 2 * plain {
            break;
        }
        *sign_ups += 1;
        let (elapsed, status) = time(&sign_up(&format!("plain-{sign_ups}"), CLIENT));
        assert_eq!(status, 200);
        plain = plain.min(elapsed);
        let (elapsed, status) = time(request);
        assert!(matches!(status, 200 | 201 | 400 | 409), "{name}: {status}");
        costly = costly.min(elapsed);
    }
    costly.as_secs_f64() / plain.as_secs_f64()
}

#[test]
fn no_password_costs_more_than_two_plain_sign_ups() {
    let room = LARGEST_BODY - sign_up("cost", CLIENT).password("").body.len();
    let marks = |bytes| full("\u{301}", bytes / 2) + &full("\u{334}", bytes / 2);
    for (name, password) in [
        ("middle dots, a good password", "・".repeat(340) + "あ"),
        ("middle dots", "・".repeat(1600) + "あ"),
        ("middle dots without their script", full("・", room)),
        ("middle dots before their script", full("・", room - 3) + "あ"),
        ("two kinds of digits", full("٠", room - 2) + "۰"),
        ("digits", full("٠", room)),
        ("keraias", full("\u{375}α", room)),
        ("gereshes", full("א\u{5f3}", room)),
        ("joiners", full("\u{628}\u{64b}\u{200c}", room)),
        ("transparent marks around a joiner", "\u{628}".to_owned() + &full("\u{64b}", 1000) + "\u{200c}"),
        ("marks in the wrong order", "a".to_owned() + &marks(room - 8)),
        ("as many of them as may be normalised", "a".to_owned() + &marks(3070)),
        ("escapes", full("\u{1}", room / 6)),
        ("spaces", full("\u{3000}", room)),
    ] {
        let cost = cost(name, &sign_up("cost", CLIENT).password(&password));
        report(&format!("cost: {cost:.2} of a plain sign-up: a password of {name}"));
        assert!(cost <= 2.0, "{name}: {cost}");
    }
}

#[test]
fn no_name_costs_more_than_two_plain_sign_ups() {
    let marks = |bytes| full("\u{301}", bytes / 2) + &full("\u{334}", bytes / 2);
    for (name, username) in [
        ("marks in the wrong order, half a header", "a".to_owned() + &marks(62 * 1024)),
        ("marks in the wrong order", "a".to_owned() + &marks(LARGEST_HEADER)),
        ("as many of them as may be normalised", "a".to_owned() + &marks(2 * (4 * MAX_CHARACTERS - 2))),
        ("as many of them as a name has", "a".to_owned() + &marks(2 * (MAX_CHARACTERS - 1))),
        ("the longest mapping", "\u{fdfa}".repeat(MAX_CHARACTERS)),
        ("percent signs", "UTF-8''".to_owned() + &full("%CC%81%CC%B4", LARGEST_HEADER)),
        ("letters", full("é", LARGEST_HEADER)),
        ("invisible characters", full("\u{3164}", LARGEST_HEADER)),
    ] {
        let cost = cost(name, &account(&username));
        report(&format!("cost: {cost:.2} of a plain sign-up: a name of {name}"));
        assert!(cost <= 2.0, "{name}: {cost}");
    }
    for (header, value) in [
        ("Privacy", full("é", LARGEST_HEADER)),
        ("Idempotency-Key", full("k", LARGEST_HEADER)),
        ("Proof-Of-Work", full("a:", LARGEST_HEADER)),
        ("Captcha-Token", full("a", LARGEST_HEADER)),
    ] {
        let cost = cost(header, &account("cost").header(header, &value));
        assert!(cost <= 2.0, "{header}: {cost}");
    }
}

#[test]
fn no_body_costs_more_than_two_plain_sign_ups() {
    for (name, body) in [
        ("nested arrays", format!(r#"{{"a":{}"#, "[".repeat(LARGEST_BODY - 6))),
        ("nested objects", format!("{{{}", full(r#""":{"#, LARGEST_BODY - 6))),
        ("members", format!(r#"{{{}"b":1}}"#, full(r#""":1,"#, LARGEST_BODY - 16))),
        (
            "members of a field's name",
            format!(r#"{{{}"b":1}}"#, full(r#""username":"","#, LARGEST_BODY - 16)),
        ),
        ("escaped surrogates", format!(r#"{{"username":"{}"}}"#, full(r"\ud800", LARGEST_BODY - 20))),
        ("digits", format!(r#"{{"a":{}}}"#, "9".repeat(LARGEST_BODY - 8))),
        ("bytes that are not UTF-8", "\u{fffd}".repeat(LARGEST_BODY / 3)),
    ] {
        let cost = cost(name, &post("/sign-up").json(&body));
        assert!(cost <= 2.0, "{name}: {cost}");
    }
}
