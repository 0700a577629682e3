//! The states of the form: ready, at fault, busy and done.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::guards::sign_up_hook;

#[test]
fn one_tag_signs_a_user_up() {
    let Some(browser) = Browser::start() else { return };
    open(&browser, &plain("{}"), &tag("element-one"));
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    let detail = wait_for_event(&browser, "sign-up");
    let users = faults::server().database().users("element-one");
    assert_eq!(users.len(), 1);
    assert_eq!(detail, json!({ "user": { "id": users[0].id, "username": "ada" }, "fields": [] }));
    // The result takes the place of the form, and has the focus.
    assert_eq!(shown(&browser, "success"), "Welcome, ada!Your account is ready.");
    assert_eq!((shown(&browser, "form"), focused(&browser)), (String::new(), "success".to_owned()));
    assert_eq!(browser.run("return document.querySelectorAll('input').length", &json!([])), 0);
    let names: Vec<_> = events(&browser).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["before-sign-up", "sign-up"]);
    assert_no_complaints(&browser);

    // An application may show an empty form again.
    browser.run(&format!("{ELEMENT}.reset()"), &json!([]));
    assert_eq!(browser.run("return document.querySelector('[name=password]').value", &json!([])), "");
    fill(&browser, "grace", PASSWORD);
    press(&browser);
    browser.wait_until("events.length === 4");
    assert_eq!(faults::server().database().users("element-one").len(), 2);
}

#[test]
fn an_attribute_asks_for_an_e_mail_address() {
    let Some(browser) = Browser::start() else { return };
    let taken = service("{}", |question| {
        is_sign_up(question).then(|| reply(409, &[("X-Error-Reason", "username_taken")], "{}"))
    });
    for (attribute, label, kind, autocomplete, empty, bad, error, full) in [
        (
            "",
            "Username",
            "text",
            "username",
            "Enter a username.",
            "a b",
            "This username is taken. Choose another one.",
            "",
        ),
        (
            "email",
            "E-mail",
            "email",
            "email",
            "Enter your e-mail address.",
            "ada",
            "Enter a valid e-mail address.",
            "This e-mail address already has an account.",
        ),
    ] {
        open(
            &browser,
            &taken,
            &format!("<edge-sign-up client-id=\"element-email\" {attribute}></edge-sign-up>"),
        );
        let seen = browser.run(
            "const { labels, type, autocomplete, name } = document.querySelector('[name=username]');
             return [labels[0].textContent, type, autocomplete, name]",
            &json!([]),
        );
        assert_eq!(seen, json!([label, kind, autocomplete, "username"]));
        fill(&browser, "", PASSWORD);
        press(&browser);
        assert_eq!(shown(&browser, "username-error"), empty);
        fill(&browser, bad, PASSWORD);
        press(&browser);
        assert_eq!(wait_for(&browser, "username-error"), error);
        if !full.is_empty() {
            fill(&browser, "ada@mail.example", PASSWORD);
            press(&browser);
            assert_eq!(wait_for(&browser, "username-error"), full);
        }
    }
    // The attribute may change later.
    browser.run(&format!("{ELEMENT}.removeAttribute('email')"), &json!([]));
    assert_eq!(shown(&browser, "username-label"), "Username");
}

#[test]
fn the_password_has_a_button_to_show_it_and_the_services_length_rule() {
    let Some(browser) = Browser::start() else { return };
    open(&browser, &plain(r#"{"PASSWORD_MIN_LENGTH":"9"}"#), &tag("element-password"));
    assert_eq!(shown(&browser, "hint"), "At least 9 characters");
    let input = "const input = document.querySelector('[name=password]')";
    let script = format!(
        "{input}; return [input.type, input.getAttribute('passwordrules'), input.minLength, input.autocomplete]"
    );
    assert_eq!(browser.run(&script, &json!([])), json!(["password", "minlength: 9;", 9, "new-password"]));

    fill(&browser, "ada", "12345678");
    press(&browser);
    assert_eq!(shown(&browser, "password-error"), "Use at least 9 characters.");
    assert_eq!(focused(&browser), "password");
    // Eight characters of nine units.
    browser.fill("[name=password]", "1234567\u{1f40e}");
    press(&browser);
    assert_eq!(shown(&browser, "password-error"), "Use at least 9 characters.");
    browser.fill("[name=password]", &"\u{1f40e}".repeat(257));
    press(&browser);
    assert_eq!(shown(&browser, "password-error"), "This password is too long. Choose a shorter one.");

    let state =
        format!("{input}; return [input.type, {0}.textContent, {0}.ariaLabel, {0}.type]", part("show"));
    assert_eq!(browser.run(&state, &json!([])), json!(["password", "Show", "Show password", "button"]));
    browser.click_on(&part("show"));
    assert_eq!(browser.run(&state, &json!([])), json!(["text", "Hide", "Hide password", "button"]));
    // Other changes leave a shown password as it is.
    browser.run(&format!("{ELEMENT}.toggleAttribute('email')"), &json!([]));
    assert_eq!(browser.run(&state, &json!([]))[0], "text");
    browser.click_on(&part("show"));
    assert_eq!(browser.run(&state, &json!([]))[0], "password");

    // Without a rule there is nothing to say about it.
    open(&browser, &plain("{}"), &tag("element-password"));
    assert_eq!(shown(&browser, "hint"), "");
}

#[test]
fn an_error_stands_next_to_its_field_and_is_announced() {
    let Some(browser) = Browser::start() else { return };
    let refusing = service("{}", |question| {
        let body: Value = serde_json::from_slice(&question.body).unwrap_or_default();
        let word = body["username"].as_str()?;
        let status = if word == "rate_limited" { 429 } else { 400 };
        Some(reply(
            status,
            &[("X-Error-Reason", word), ("Retry-After", "90")],
            r#"{"description":"A sentence"}"#,
        ))
    });
    open(&browser, &refusing, &tag("element-errors"));
    for (word, place, text) in [
        ("username_taken", "username", "This username is taken. Choose another one."),
        ("username_characters", "username", "Use letters, numbers and symbols, without spaces."),
        ("password_breached", "password", "This password is known from data breaches. Choose another one."),
        ("password_characters", "password", "This password has a character that cannot be used."),
        ("address_blocked", "form", "You cannot sign up from this network."),
        ("rate_limited", "form", "Too many sign-ups at the moment. Try again in 90 seconds."),
        ("internal_error", "form", "Something went wrong on our side. Try again later."),
        ("client_id_unknown", "form", "This form does not work at the moment. Tell the owner of this site."),
        ("proof_used", "form", "The security check failed. Try again."),
        ("a_later_word", "form", "This form does not work at the moment. Tell the owner of this site."),
        ("username_later", "username", "Use letters, numbers and symbols, without spaces."),
    ] {
        fill(&browser, word, PASSWORD);
        press(&browser);
        assert_eq!(wait_for(&browser, &format!("{place}-error")), text, "{word}");
        let visible = ["username-error", "password-error", "captcha-error", "form-error"]
            .into_iter()
            .filter(|name| !shown(&browser, name).is_empty());
        assert_eq!(visible.collect::<Vec<_>>(), [format!("{place}-error")]);
        assert_eq!(browser.run(&format!("return {}.textContent", part("alert")), &json!([])), text);
        let detail = wait_for_event(&browser, "sign-up-error");
        assert_eq!((&detail["detail"], &detail["ok"]), (&json!(word), &json!(false)));
        let invalid = browser.run(
            "return [...document.querySelectorAll('[aria-invalid]')].map((input) =>
               [input.name, document.getElementById(input.getAttribute('aria-describedby').split(' ')[0]).textContent])",
            &json!([]),
        );
        if place == "form" {
            assert_eq!(invalid, json!([]));
        } else {
            // The error is right below its field, the field names it, and has the focus.
            assert_eq!((invalid, focused(&browser).as_str()), (json!([[place, text]]), place));
            let gap = browser.run(
                &format!(
                    "return {}.getBoundingClientRect().top - {}.getBoundingClientRect().bottom",
                    part(&format!("{place}-error")),
                    part(&format!("{place}-input"))
                ),
                &json!([]),
            );
            assert!((0.0..12.0).contains(&gap.as_f64().unwrap()), "{gap}");
            // A change of the field removes the error.
            browser.fill(&format!("[name={place}]"), "other");
            assert_eq!(shown(&browser, &format!("{place}-error")), "");
        }
        browser.run("events.length = 0", &json!([]));
    }
    // Both fields can be at fault at once, and the first one has the focus.
    fill(&browser, "", "");
    press(&browser);
    let alert = browser.run(&format!("return {}.textContent", part("alert")), &json!([]));
    assert_eq!(alert, "Enter a username. Enter a password.");
    assert_eq!(focused(&browser), "username");
    assert_eq!(
        events(&browser).last().unwrap().1,
        json!({ "ok": false, "reason": "invalid", "detail": "username_missing", "field": "username" })
    );
}

#[test]
fn a_form_with_an_invalid_attribute_says_that_it_does_not_work() {
    let Some(browser) = Browser::start() else { return };
    for (attribute, value, complaint) in [
        ("timeout", "-1", "timeout must be a number of milliseconds"),
        ("url", "sign-up.example", "url must be the address of the service"),
    ] {
        let tag = tag("element-invalid").replace("></", &format!(" {attribute}=\"{value}\"></"));
        open(&browser, &plain("{}"), &tag);
        let text = "This form does not work at the moment. Tell the owner of this site.";
        assert_eq!(wait_for(&browser, "form-error"), text);
        fill(&browser, attribute, PASSWORD);
        press(&browser);
        assert_eq!(
            wait_for_event(&browser, "sign-up-error"),
            json!({ "ok": false, "reason": "refused", "detail": "refused" })
        );
        assert_eq!(shown(&browser, "form-error"), text);
        let complaints = browser.complaints();
        let is_explained = !complaints.is_empty() && complaints.iter().all(|line| line.contains(complaint));
        assert!(is_explained, "{complaints:?}");

        // The form works as soon as the attribute is right.
        browser.run(&format!("{ELEMENT}.removeAttribute('{attribute}')"), &json!([]));
        browser.wait_until(&format!("{}.hidden", part("form-error")));
        press(&browser);
        assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], attribute);
    }
}

#[test]
fn a_busy_form_sends_nothing_twice() {
    let Some(browser) = Browser::start() else { return };
    let received = Received::default();
    let gate = Arc::new(Mutex::new(()));
    let (kept, closed) = (Arc::clone(&received), Arc::clone(&gate));
    let slow = service("{}", move |question| {
        note(&kept, question);
        let reply = is_sign_up(question).then(|| forward(question, "{}"));
        drop(closed.lock().unwrap());
        reply
    });
    open(&browser, &slow, &tag("element-busy"));
    fill(&browser, "ada", PASSWORD);
    let held = gate.lock().unwrap();
    press(&browser);
    assert_eq!(shown(&browser, "submit"), "Creating your account…");
    let state = format!(
        "return [{0}.ariaDisabled, {1}.textContent, {1}.role, {ELEMENT}.matches(':state(busy)')]",
        part("submit"),
        part("status")
    );
    assert_eq!(browser.run(&state, &json!([])), json!(["true", "Creating your account…", "status", true]));
    for _ in 0..3 {
        press(&browser);
        browser.run(&format!("{ELEMENT}.submit(); {ELEMENT}.reset()"), &json!([]));
    }
    let values = "return [...document.querySelectorAll('input')].map(({ value }) => value)";
    assert_eq!(browser.run(values, &json!([])), json!(["ada", PASSWORD]));
    drop(held);
    wait_for_event(&browser, "sign-up");
    assert_eq!(received.lock().unwrap().len(), 1);
    assert_eq!(browser.run(&format!("return {ELEMENT}.matches(':state(done)')"), &json!([])), true);
}

#[test]
fn a_page_may_stop_a_sign_up_before_it_is_sent() {
    let Some(browser) = Browser::start() else { return };
    let received = Received::default();
    let kept = Arc::clone(&received);
    let noting = service("{}", move |question| {
        note(&kept, question);
        None
    });
    open(&browser, &noting, &tag("element-before"));
    browser.run(
        "document.addEventListener('before-sign-up', (event) => {
           if (event.detail.username === 'no') event.preventDefault();
         })",
        &json!([]),
    );
    fill(&browser, "no", PASSWORD);
    press(&browser);
    assert_eq!(events(&browser), [("before-sign-up".to_owned(), json!({ "username": "no", "fields": [] }))]);
    // The name is sent without the space that a keyboard adds.
    fill(&browser, "yes ", PASSWORD);
    press(&browser);
    wait_for_event(&browser, "sign-up");
    let received = received.lock().unwrap();
    let names: Vec<_> = received.iter().map(|(_, body)| body["username"].as_str().unwrap()).collect();
    assert_eq!(names, ["yes"]);
}

#[test]
fn the_sentence_of_a_hook_reaches_the_user_unless_the_page_has_its_own() {
    let Some(browser) = Browser::start() else { return };
    for (path, texts, place, expected) in [
        ("deny", "", "form-error", "Ask for an invitation."),
        ("deny-username", "", "username-error", sign_up_hook::NOT_YOU),
        (
            "deny-username",
            r#" texts='{"username_denied":"Not this one."}'"#,
            "username-error",
            "Not this one.",
        ),
    ] {
        let tag = tag("element-hook").replace("></", &format!(r#" code="{path}-code"{texts}></"#));
        open(&browser, &plain(sign_up_hook::settings(path, &[])), &tag);
        fill(&browser, "ada", PASSWORD);
        press(&browser);
        wait_for_event(&browser, "sign-up-error");
        assert_eq!(shown(&browser, place), expected);
        assert_eq!(sign_up_hook::last_code("ada").as_deref(), Some(&*format!("{path}-code")));
    }
}
