//! A page of another origin calls both routes with `fetch` in headless Chromium.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::shared;
use crate::stand_in::{self, Reply};
use crate::verify::edge;
use crate::webdriver::Browser;

const PAGE: &str = include_str!("browser.html");

#[test]
fn a_page_of_another_origin_calls_both_routes_and_reads_every_answer() {
    let Some(browser) = Browser::start() else { return };
    // Behind this edge, the browser has a blocked address.
    let blocking = edge(shared(), &[("CF-Connecting-IP", "198.51.100.7")], |_, _| {});
    let (sender, report) = mpsc::channel();
    let origin = stand_in::start(move |question| {
        if question.line.starts_with("POST ") {
            let results: Value = serde_json::from_slice(&question.body).unwrap();
            let _ = sender.send(results);
        }
        let html = ("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned());
        Reply::Whole(200, vec![html], PAGE.to_owned())
    });
    browser.open(&format!("{origin}/?service={}&blocking={}", shared().url, blocking));
    let results =
        report.recv_timeout(Duration::from_mins(2)).expect("the page should report within two minutes");

    let readable = json!({ "etag": true, "requestId": true });
    let unreadable = json!({ "etag": false, "requestId": true });
    let user = &shared().database().users("browser")[0];
    for (call, status, body, headers) in [
        ("signUp", 200, json!({ "user": { "id": user.id, "username": "Зоя" } }), &readable),
        (
            "signUpTaken",
            409,
            json!({ "username": "зоя", "code": "409", "description": "Username already in use" }),
            &unreadable,
        ),
        (
            "signUpInvalid",
            400,
            json!({ "description": "username must have 1 to 254 characters", "code": "400", "field": "username" }),
            &unreadable,
        ),
        ("account", 201, json!({ "name": "名前-☃", "privacy": "Private" }), &readable),
        ("accountRepeated", 201, json!({ "name": "名前-☃", "privacy": "Private" }), &readable),
        ("accountTaken", 409, json!({ "name": "名前-☃", "code": "409" }), &unreadable),
        (
            "accountInvalid",
            400,
            json!({ "name": "browser", "privacy": "friends", "code": "400", "description": "Privacy was invalid" }),
            &unreadable,
        ),
        (
            "blocked",
            403,
            json!({ "description": "Your IP address was blocked.", "code": "403" }),
            &unreadable,
        ),
    ] {
        let expected = json!({ "status": status, "body": body, "headers": headers });
        assert_eq!(results[call], expected, "{call}");
    }
    assert_eq!(shared().database().accounts("名前-☃").len(), 1);
}
