//! The form for everybody: by keyboard alone, in large text, for screen readers, and filled in by the browser.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::*;

/// The key that `WebDriver` calls Enter.
const ENTER: &str = "\u{e007}";

#[test]
fn the_keyboard_alone_signs_a_user_up() {
    let Some(browser) = Browser::start() else { return };
    open(&browser, &plain(r#"{"PASSWORD_MIN_LENGTH":"8"}"#), &tag("element-keyboard"));
    let ring = format!(
        "const inner = {ELEMENT}.shadowRoot.activeElement;
         const node = inner ?? {ELEMENT}.shadowRoot.querySelector(`.${{document.activeElement.name}}-input`);
         return parseFloat(getComputedStyle(node).outlineWidth)"
    );
    for (name, text) in [("Username", "ada"), ("Password", PASSWORD), ("Show password", " "), ("Sign up", "")]
    {
        assert_eq!(browser.tab(), name);
        assert_eq!(browser.run(&ring, &json!([])), 3, "{name} should show that it has the focus");
        for key in text.chars() {
            browser.press(&key.to_string());
        }
    }
    // The space pressed the button.
    assert_eq!(browser.run("return document.querySelector('[name=password]').type", &json!([])), "text");
    browser.press(ENTER);
    wait_for_event(&browser, "sign-up");

    // Enter in a field sends the form, and the focus moves to the field at fault.
    browser.run(&format!("{ELEMENT}.reset(); document.querySelector('[name=username]').focus()"), &json!([]));
    browser.press("a");
    browser.press(ENTER);
    assert_eq!(
        (shown(&browser, "password-error").as_str(), focused(&browser).as_str()),
        ("Enter a password.", "password")
    );
}

#[test]
fn text_of_twice_the_size_fits_on_a_phone() {
    let Some(browser) = Browser::start() else { return };
    let size = json!({ "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true });
    browser.devtools("Emulation.setDeviceMetricsOverride", &size);
    let service = plain(r#"{"PASSWORD_MIN_LENGTH":"8"}"#);
    for lang in ["en", "de", "ar"] {
        let css = "html { font-size: 200%; } main { margin: 0; }";
        Page { lang, css, ..Page::of(&tag("element-large")) }.open(&browser, &service);
        press(&browser);
        let script = format!(
            "const parts = [...{ELEMENT}.shadowRoot.querySelectorAll('[part]')].filter((node) => node.checkVisibility());
             const cut = parts.filter((node) => node.scrollWidth > node.clientWidth + 1 && !node.matches('.unseen'));
             const size = parseFloat(getComputedStyle(document.querySelector('[name=username]')).fontSize);
             return [size, cut.map(({{ className }}) => className), document.documentElement.scrollWidth]"
        );
        assert_eq!(browser.run(&script, &json!([])), json!([32, [], 360]), "{lang}");
    }
}

/// The rules of axe-core that the page breaks, with the nodes.
fn faults_of_axe(browser: &Browser) -> Value {
    if browser.run("return typeof axe", &json!([])) == "undefined" {
        let axe = fs::read_to_string("node_modules/axe-core/axe.min.js").unwrap();
        browser.run(&axe, &json!([]));
    }
    browser.run_async(
        "const done = arguments[0];
         axe.run({ resultTypes: ['violations'] }).then(
           ({ violations }) => done(violations.map(({ id, nodes }) => [id, nodes.map(({ target, failureSummary }) => [target, failureSummary])])),
           (error) => done(String(error)))",
    )
}

#[test]
fn axe_finds_no_fault_in_any_state() {
    let Some(browser) = Browser::start() else { return };
    browser.devtools(
        "Page.addScriptToEvaluateOnNewDocument",
        &json!({ "source": "window.turnstile = { render: (node) => { node.textContent = 'A widget'; }, reset() {} };" }),
    );
    let vars = crate::guards::turnstile::settings(&[("TURNSTILE_SITE_KEY", "0x4AAA-axe")]);
    let with_captcha = plain(vars);
    let answering = service(r#"{"PASSWORD_MIN_LENGTH":"8"}"#, |question| {
        let body: Value = serde_json::from_slice(&question.body).unwrap_or_default();
        match body["username"].as_str()? {
            "busy" => Some(Reply::Never),
            "taken" => Some(reply(409, &[("X-Error-Reason", "username_taken")], "{}")),
            "limited" => Some(reply(429, &[("X-Error-Reason", "rate_limited")], "{}")),
            _ => None,
        }
    });
    let body = r#"<edge-sign-up client-id="element-axe"><h2 slot="heading">Join us</h2>
        <label slot="terms"><input type="checkbox" name="terms"> I accept</label></edge-sign-up>"#;
    for (lang, scheme) in [("en", "light"), ("en", "dark"), ("ar", "light"), ("ja", "dark")] {
        let page = Page { lang, ..Page::of(body) };
        for (state, username, part) in [
            ("ready", "", ""),
            ("at fault", "", "username-error"),
            ("taken", "taken", "username-error"),
            ("limited", "limited", "form-error"),
            ("busy", "busy", ""),
            ("captcha", "", "captcha"),
            ("done", "ada", "success"),
        ] {
            page.open(&browser, if state == "captcha" { &with_captcha } else { &answering });
            set_scheme(&browser, scheme);
            if state != "ready" {
                let username = if state == "done" { format!("{lang}-{scheme}") } else { username.to_owned() };
                fill(&browser, &username, if username.is_empty() { "" } else { PASSWORD });
                press(&browser);
            }
            if !part.is_empty() {
                wait_for(&browser, part);
            }
            assert_eq!(faults_of_axe(&browser), json!([]), "{state}, {lang}, {scheme}");
        }
    }
}

#[test]
fn axe_would_find_a_fault() {
    let Some(browser) = Browser::start() else { return };
    open(&browser, &plain("{}"), &tag("element-axe"));
    browser.run("document.querySelector('main').append(document.createElement('input'))", &json!([]));
    assert!(faults_of_axe(&browser).to_string().contains("\"label\""));
}

#[test]
fn a_form_that_the_browser_filled_in_is_sent() {
    let Some(browser) = Browser::start() else { return };
    let body = r#"<edge-sign-up email client-id="element-autofill"></edge-sign-up>"#;
    open(&browser, &plain("{}"), body);
    // Chromium itself fills the field in, from an address that its user has stored.
    browser.click("[name=username]");
    browser.devtools("Autofill.enable", &json!({}));
    browser.devtools("DOM.enable", &json!({}));
    let root = browser.devtools("DOM.getDocument", &json!({}))["root"]["nodeId"].clone();
    let selector = json!({ "nodeId": root, "selector": "[name=username]" });
    let node = browser.devtools("DOM.querySelector", &selector)["nodeId"].clone();
    let field =
        browser.devtools("DOM.describeNode", &json!({ "nodeId": node }))["node"]["backendNodeId"].clone();
    let fields = json!([
        { "name": "EMAIL_ADDRESS", "value": "ada@mail.example" },
        { "name": "NAME_FULL", "value": "Ada Lovelace" },
    ]);
    let trigger = json!({ "fieldId": field, "address": { "fields": fields } });
    // Chromium knows the form some time after it has appeared, and takes some time to fill it in.
    let is_filled = || {
        thread::sleep(Duration::from_millis(200));
        browser.run("return document.querySelector('[name=username]').matches(':autofill')", &json!([]))
            == true
    };
    assert!((0..20).any(|_| {
        browser.devtools("Autofill.trigger", &trigger);
        (0..15).any(|_| is_filled())
    }));
    // An extension may set a value without an event.
    browser.run("document.querySelector('[name=password]').value = 'suggested password'", &json!([]));
    press(&browser);
    assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], "ada@mail.example");
    assert!(faults::server().database().users("element-autofill")[0].has_password("suggested password"));
}

#[test]
fn a_password_manager_finds_the_inputs_in_a_form_of_the_page() {
    let Some(browser) = Browser::start() else { return };
    let two = format!("{}{}", tag("element-managers"), tag("element-managers"));
    open(&browser, &plain("{}"), &two);
    let script = "return [...document.forms].map((form) =>
           [...form.elements].map(({ localName, name, autocomplete }) => [localName, name, autocomplete].join(' ').trim()))";
    // The button is for Enter, and for managers that send a form.
    let form = json!(["input username username", "input password new-password", "button"]);
    let forms = browser.run(script, &json!([]));
    let sorted = |form: &Value| {
        let mut texts: Vec<_> =
            form.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
        texts.sort();
        texts
    };
    assert_eq!(
        forms.as_array().unwrap().iter().map(sorted).collect::<Vec<_>>(),
        [sorted(&form), sorted(&form)]
    );
    let ids = "const all = [...document.querySelectorAll('[id]')].map(({ id }) => id); return all.length - new Set(all).size";
    assert_eq!(browser.run(ids, &json!([])), 0);
    // A manager presses the button of the form.
    fill(&browser, "ada", PASSWORD);
    browser.run(
        "[...document.forms[0].elements].find(({ localName }) => localName === 'button').click()",
        &json!([]),
    );
    wait_for_event(&browser, "sign-up");
}
