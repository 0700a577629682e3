//! A lost connection, and a retry that creates no second user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;

/// Presses the button until the service has received something. On a busy machine an attempt can end before.
fn press_until(browser: &Browser, is_done: impl Fn() -> bool) {
    loop {
        browser.run("events.length = 0", &json!([]));
        press(browser);
        wait_for_event(browser, "sign-up-error");
        if is_done() {
            return;
        }
    }
}

#[test]
fn a_retry_after_a_lost_answer_creates_no_second_user() {
    let Some(browser) = Browser::start() else { return };
    let received = Received::default();
    let is_down = Arc::new(AtomicBool::new(true));
    let (kept, down) = (Arc::clone(&received), Arc::clone(&is_down));
    // The service stores the user, and the connection ends before the answer.
    let losing = service("{}", move |question| {
        note(&kept, question);
        let reply = is_sign_up(question).then(|| forward(question, "{}"))?;
        Some(if down.load(Ordering::Relaxed) { Reply::Lost } else { reply })
    });
    open(&browser, &losing, r#"<edge-sign-up client-id="element-lost" timeout="6000"></edge-sign-up>"#);
    fill(&browser, "ada", PASSWORD);
    let is_stored = || !faults::server().database().users("element-lost").is_empty();
    press_until(&browser, is_stored);
    let text = "The connection failed. Your entries are still here: try again.";
    assert_eq!(wait_for(&browser, "form-error"), text);
    assert_eq!(browser.run(&format!("return {}.textContent", part("alert")), &json!([])), text);
    assert_eq!(wait_for_event(&browser, "sign-up-error")["reason"], "unavailable");
    assert_eq!(shown(&browser, "submit"), "Try again");
    // What the user has typed is still there.
    let values = "return [...document.querySelectorAll('input')].map(({ value }) => value)";
    assert_eq!(browser.run(values, &json!([])), json!(["ada", PASSWORD]));
    assert_eq!(faults::server().database().users("element-lost").len(), 1);

    is_down.store(false, Ordering::Relaxed);
    browser.run(&format!("{ELEMENT}.setAttribute('timeout', 60000)"), &json!([]));
    press(&browser);
    assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], "ada");
    assert_eq!(faults::server().database().users("element-lost").len(), 1);
    let received = received.lock().unwrap();
    assert!(received.len() > 1);
    assert!(received.iter().all(|(key, _)| *key == received[0].0), "{received:?}");
}

#[test]
fn a_key_counts_for_the_same_values_until_there_is_an_answer_about_them() {
    let Some(browser) = Browser::start() else { return };
    let received = Received::default();
    let kept = Arc::clone(&received);
    let refusing = service("{}", move |question| {
        note(&kept, question);
        let body: Value = serde_json::from_slice(&question.body).unwrap_or_default();
        let word = body["username"].as_str()?;
        Some(match word {
            "lost" => Reply::Lost,
            "limited" => reply(429, &[("X-Error-Reason", "rate_limited")], "{}"),
            _ => reply(409, &[("X-Error-Reason", "username_taken")], "{}"),
        })
    });
    open(&browser, &refusing, r#"<edge-sign-up client-id="element-keys" timeout="3000"></edge-sign-up>"#);
    let key = |username: &str, password: &str| {
        fill(&browser, username, password);
        press_until(&browser, || !received.lock().unwrap().is_empty());
        let mut received = received.lock().unwrap();
        let key = received[0].0.clone();
        assert!(received.iter().all(|(other, _)| *other == key));
        received.clear();
        key
    };
    let lost = key("lost", PASSWORD);
    assert_eq!(key("lost", PASSWORD), lost);
    let changed = key("lost", "another password");
    assert_ne!(changed, lost);
    let limited = key("limited", PASSWORD);
    assert_ne!(limited, changed);
    assert_eq!(key("limited", PASSWORD), limited);
    let taken = key("taken", PASSWORD);
    assert_ne!(key("taken", PASSWORD), taken);
}

#[test]
fn a_service_that_cannot_be_reached_leaves_a_form_that_says_so() {
    let Some(browser) = Browser::start() else { return };
    let dead =
        service("{}", |question| (!question.line.starts_with("GET /edge-sign-up")).then_some(Reply::Lost));
    open(&browser, &dead, r#"<edge-sign-up client-id="element-dead" timeout="300"></edge-sign-up>"#);
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    assert!(wait_for(&browser, "form-error").starts_with("The connection failed."));
    // An element that leaves the page ends its request, and works when it comes back.
    press(&browser);
    browser.run(&format!("window.element = {ELEMENT}; element.remove()"), &json!([]));
    browser.run("document.querySelector('main').append(element)", &json!([]));
    browser.wait_until(&format!("!{}.ariaDisabled", part("submit")));
}
