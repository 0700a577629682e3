//! What the service asks of the browser: proof of work, and the captcha.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::guards::turnstile;

const WORK: &str = r#"{"PROOF_OF_WORK":"12","CHALLENGE_SECRET":"0123456789-0123456789-0123456789"}"#;

#[test]
fn proof_of_work_begins_with_the_user_and_needs_no_thread() {
    let Some(browser) = Browser::start() else { return };
    let threads = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&threads);
    let service = service(WORK, move |question| {
        count.fetch_add(u32::from(question.line == "GET /solver.js"), Ordering::Relaxed);
        None
    });
    let asked = "performance.getEntriesByName(SERVICE + '/challenge').length"
        .replace("SERVICE", &json!(service).to_string());
    // With and without a policy that allows a thread.
    for (policy, name, started) in [("worker-src blob:", "threaded", 1), ("worker-src 'none'", "sliced", 0)] {
        threads.store(0, Ordering::Relaxed);
        Page { policy, ..Page::of(&tag("element-work")) }.open(&browser, &service);
        assert_eq!(browser.run(&format!("return {asked}"), &json!([])), 0);
        browser.click("[name=username]");
        browser.wait_until(&format!("{asked} === 1"));
        fill(&browser, name, PASSWORD);
        press(&browser);
        assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], name);
        assert_eq!(browser.run(&format!("return {asked}"), &json!([])), 1);
        assert_eq!(threads.load(Ordering::Relaxed), started, "{policy}");
    }
}

#[test]
fn a_long_proof_of_work_shows_its_progress() {
    let Some(browser) = Browser::start() else { return };
    let heavy = WORK.replace("12", "26");
    Page { policy: "worker-src blob:", ..Page::of(&tag("element-heavy")) }.open(&browser, &plain(heavy));
    assert_eq!(shown(&browser, "progress"), "");
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    browser.wait_until(&format!("{}.value > 0", part("progress")));
    let script = format!("return [{0}.checkVisibility(), {0}.ariaLabel]", part("progress"));
    assert_eq!(browser.run(&script, &json!([])), json!([true, "Security check"]));
    browser.run(&format!("{ELEMENT}.remove()"), &json!([]));
}

/// In the place of Turnstile's script: `give(token)` gives a token, as if the user had solved the challenge. A widget
/// that has left the page does not work, and its script complains until it is removed.
const TURNSTILE: &str = "window.resets = 0;
    window.widgets = 0;
    window.turnstile = {
        render(node, options) {
            node.textContent = `widget of ${options.sitekey} for ${options.action} in ${options.language}, ${options.theme}`;
            window.give = (token) => node.isConnected && options.callback(token);
            window.expire = options['expired-callback'];
            widgets++;
            return 'widget';
        },
        reset: () => resets++,
        remove: () => widgets--,
    };";

fn with_captcha() -> Option<(Browser, String)> {
    let browser = Browser::start()?;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": TURNSTILE }));
    let vars =
        turnstile::settings(&[("TURNSTILE_SITE_KEY", "0x4AAA-element"), ("TURNSTILE_ACTION", "sign-up")]);
    Some((browser, plain(vars)))
}

#[test]
fn the_captcha_shows_its_widget_and_the_sign_up_waits_for_it() {
    let Some((browser, service)) = with_captcha() else { return };
    open(&browser, &service, &tag("element-captcha"));
    assert_eq!(shown(&browser, "captcha"), "widget of 0x4AAA-element for sign-up in en, light");
    // The widget is a node of the page itself, as its maker supports it.
    assert_eq!(browser.text("edge-sign-up > div"), "widget of 0x4AAA-element for sign-up in en, light");
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    assert_eq!(shown(&browser, "captcha-error"), "Confirm that you are human.");
    assert_eq!(wait_for_event(&browser, "sign-up-error")["detail"], "captcha_token_missing");
    let focus = "return document.activeElement.slot";
    assert_eq!(browser.run(focus, &json!([])), "captcha");
    // The user does not have to press the button again.
    browser.run("give('acted.sign-up.element-1')", &json!([]));
    assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], "ada");
}

#[test]
fn a_spent_or_refused_token_is_replaced() {
    let Some((browser, service)) = with_captcha() else { return };
    open(&browser, &service, &tag("element-captcha-2"));
    browser.run("give('bad.element')", &json!([]));
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    assert_eq!(
        wait_for(&browser, "captcha-error"),
        "The check has expired. Confirm again that you are human."
    );
    assert_eq!(browser.run("return resets", &json!([])), 1);
    // A token without a pending sign-up only removes the error.
    browser.run("give('acted.sign-up.element-2'); expire(); events.length = 0", &json!([]));
    assert_eq!(shown(&browser, "captcha-error"), "");
    press(&browser);
    assert_eq!(wait_for_event(&browser, "sign-up-error")["detail"], "captcha_token_missing");
    browser.run("give('acted.sign-up.element-3')", &json!([]));
    wait_for_event(&browser, "sign-up");
    assert_eq!(faults::server().database().users("element-captcha-2").len(), 1);

    // A token is good for one name: after a taken name, the next name needs a new one.
    open(&browser, &service, &tag("element-captcha-2"));
    browser.run("give('acted.sign-up.element-4')", &json!([]));
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    wait_for(&browser, "username-error");
    assert_eq!(browser.run("return resets", &json!([])), 1);
    browser.run("give('acted.sign-up.element-5')", &json!([]));
    browser.fill("[name=username]", "grace");
    press(&browser);
    wait_for_event(&browser, "sign-up");
}

#[test]
fn a_form_that_is_shown_again_or_moved_has_a_widget_that_works() {
    let Some((browser, service)) = with_captcha() else { return };
    open(&browser, &service, &tag("element-captcha-4"));
    let sign_up = |username: &str, number: u32, between: &str| {
        browser.run(&format!("{ELEMENT}.reset(); events.length = 0"), &json!([]));
        assert_eq!(shown(&browser, "captcha"), "widget of 0x4AAA-element for sign-up in en, light");
        fill(&browser, username, PASSWORD);
        press(&browser);
        assert_eq!(wait_for_event(&browser, "sign-up-error")["detail"], "captcha_token_missing");
        browser.run(between, &json!([]));
        assert_eq!(browser.run("return widgets", &json!([])), 1);
        browser.run(&format!("give('acted.sign-up.element-{number}')"), &json!([]));
        assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], username);
        assert_eq!(browser.run("return widgets", &json!([])), 0);
    };
    let to_the_end = format!("document.querySelector('main').append({ELEMENT})");
    sign_up("ada", 6, "");
    sign_up("grace", 7, "");
    // The sign-up that waits for a token goes on with that of the new widget.
    sign_up("hedy", 8, &to_the_end);
    // The form that comes back after it was moved has a widget too.
    browser.run(&to_the_end, &json!([]));
    sign_up("mary", 9, "");
    assert_eq!(faults::server().database().users("element-captcha-4").len(), 4);
    assert_no_complaints(&browser);
}

#[test]
fn a_captcha_that_cannot_be_loaded_is_reported_next_to_its_place() {
    let Some(browser) = Browser::start() else { return };
    let vars = turnstile::settings(&[("TURNSTILE_SITE_KEY", "0x4AAA-element")]);
    // The policy does not allow the script.
    let body = tag("element-captcha-3");
    let page = Page { policy: "worker-src 'none'", ..Page::of(&body) };
    page.open(&browser, &plain(vars));
    assert_eq!(wait_for(&browser, "captcha-error"), "The check could not be loaded. Try again.");
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    assert_eq!(wait_for_event(&browser, "sign-up-error")["detail"], "captcha_unavailable");
    // The next attempt loads the script again.
    let scripts = "return document.querySelectorAll('script[src*=turnstile]').length";
    assert_eq!(browser.run(scripts, &json!([])), 2);
}
