//! A search for the most expensive input of each field, on the runtime's own engine.
//!
//! It runs only in V8, because the host has another normaliser, which is slow for other texts.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::clock;
use crate::config::Config;
use crate::endpoints::sign_up::BODY_LIMIT;
use crate::fields::password::{Password, SALT_BYTES};
use crate::fields::username::{MAX_CHARACTERS, Username};
use crate::http::header_value;
use crate::http::json;

/// The most bytes of a request's headers, as the platform lets them through.
const HEADERS: usize = 128 * 1024;

/// Characters with special rules in Unicode: marks of many combining classes, letters that compose or decompose, the
/// character with the longest mapping, joiners, and characters that a password may contain in some contexts only.
const CHARACTERS: &[&str] = &[
    "\u{301}",
    "\u{334}",
    "\u{345}",
    "\u{5b0}",
    "\u{64b}",
    "\u{93c}",
    "\u{94d}",
    "\u{f71}",
    "\u{302a}",
    "\u{1d165}",
    "a",
    "é",
    "α",
    "\u{1f82}",
    "\u{390}",
    "\u{1100}",
    "\u{1161}",
    "\u{11a8}",
    "각",
    "\u{fb2c}",
    "\u{1d160}",
    "\u{fdfa}",
    "\u{200c}",
    "\u{200d}",
    "\u{628}",
    "l·l",
    "\u{375}α",
    "א\u{5f3}",
    "・",
    "あ",
    "漢",
    "٠",
    "۰",
    "\u{3000}",
    "\0",
    "\u{3164}",
    "🥰",
    "𝔄",
    "ꓮ",
    "ﬃ",
    "İ",
    "ß",
    "%CC%81",
    "%F0%9D%94%84",
    "\\u0301",
    "\\\"",
    "\"\":[",
    "{\"\":",
];

/// A text in parts, each a short text that is repeated.
type Parts = Vec<(String, usize)>;

fn part(limit: usize) -> impl Strategy<Value = (String, usize)> {
    let known = select(CHARACTERS).prop_map(str::to_owned);
    let text = prop_oneof![
        4 => known.clone(),
        2 => (known.clone(), known).prop_map(|(a, b)| a + &b),
        1 => any::<char>().prop_map(String::from),
    ];
    // Around the limits of the fields, and as often as the text fits.
    let times = prop_oneof![
        1..4_usize,
        Just(127),
        Just(MAX_CHARACTERS),
        Just(2 * MAX_CHARACTERS),
        Just(768),
        Just(1536),
        Just(limit)
    ];
    (text, times)
}

fn text(parts: &Parts, limit: usize) -> String {
    let mut text = String::new();
    for (part, times) in parts {
        let room = (limit - text.len()) / part.len();
        text.push_str(&part.repeat(room.min(*times)));
    }
    text
}

/// How long `work` takes, in microseconds: the shortest time of `tries` runs.
fn time(tries: u32, work: impl Fn()) -> u64 {
    let once = |_| {
        let start = clock::now();
        work();
        clock::now() - start
    };
    (0..tries).map(once).min().unwrap()
}

/// The time of a plain sign-up's hash, in microseconds. It is nearly all of the sign-up's time.
fn plain() -> u64 {
    let config = Config::read(|_| None).unwrap();
    let password = Password::parse("correct horse", 1).unwrap();
    time(3, || drop(password.hash(&config.argon2, None, [0; SALT_BYTES]).unwrap()))
}

/// Searches for the text of up to `limit` bytes for which `work` takes longest. It must not take longer than a plain
/// sign-up: a valid input is hashed as well, so one field adds the cost of one plain sign-up at most.
fn search(field: &str, limit: usize, work: impl Fn(&str)) {
    let runner = &mut TestRunner::deterministic();
    let mut draw =
        |strategy: &dyn Fn() -> BoxedStrategy<Parts>| strategy().new_tree(runner).unwrap().current();
    let any_parts = || prop::collection::vec(part(limit), 1..5).boxed();
    let cost = |parts: Parts| (time(1, || work(&text(&parts, limit))), parts);
    let mut worst: Vec<(u64, Parts)> = (0..300).map(|_| cost(draw(&any_parts))).collect();
    for _ in 0..6 {
        worst.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        worst.truncate(10);
        // Neighbours of the worst: the same text with one part changed.
        for n in 0..worst.len() {
            let mut parts = worst[n].1.clone();
            let at = n % parts.len();
            let mut other = draw(&any_parts);
            parts[at] = other.remove(0);
            worst.push(cost(parts));
        }
    }
    worst.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    let plain = plain();
    for (_, parts) in worst.iter().take(3) {
        let text = text(parts, limit);
        let time = time(3, || work(&text));
        assert!(time <= plain, "{field}: {time} µs, a plain sign-up {plain} µs: {parts:?}");
    }
}

#[test]
fn no_username_costs_more_than_a_plain_sign_up() {
    search("username", BODY_LIMIT, |text| {
        let name = Username::parse(text);
        #[cfg(feature = "confusables")]
        drop(name.map(|name| crate::fields::confusables::Confusables::Deny.skeletons(&name)));
        #[cfg(not(feature = "confusables"))]
        drop(name);
    });
}

#[test]
fn no_password_costs_more_than_a_plain_sign_up() {
    search("password", BODY_LIMIT, |text| drop(Password::parse(text, 1)));
}

#[test]
fn no_header_costs_more_than_a_plain_sign_up() {
    search("Username", HEADERS, |text| {
        for raw in [text, &format!("UTF-8''{text}")] {
            drop(header_value::decode(raw).map(|name| Username::parse(&name)));
        }
    });
}

#[test]
fn no_body_costs_more_than_a_plain_sign_up() {
    search("body", BODY_LIMIT, |text| {
        for body in [text, &format!("{{\"username\":\"{text}\"}}")] {
            drop(json::members(body, ["username", "password", "client_id"]));
        }
    });
}
