//! The languages of the texts, and the direction of the form.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;

#[test]
fn eight_languages_are_included() {
    let Some(browser) = Browser::start() else { return };
    let service = plain(r#"{"PASSWORD_MIN_LENGTH":"8"}"#);
    for (lang, username, error) in [
        ("en", "Username", "Enter a username."),
        ("de-AT", "Benutzername", "Gib einen Benutzernamen ein."),
        ("es", "Nombre de usuario", "Escribe un nombre de usuario."),
        ("fr-CA", "Nom d’utilisateur", "Saisissez un nom d’utilisateur."),
        ("pt-BR", "Nome de usuário", "Digite um nome de usuário."),
        ("ja", "ユーザー名", "ユーザー名を入力してください。"),
        ("zh-Hans-CN", "用户名", "请输入用户名。"),
        ("ar", "اسم المستخدم", "أدخل اسم مستخدم."),
    ] {
        Page { lang, ..Page::of(&tag("element-language")) }.open(&browser, &service);
        press(&browser);
        assert_eq!(
            (shown(&browser, "username-label"), shown(&browser, "username-error")),
            (username.into(), error.into())
        );
        let node = "return document.querySelector('edge-sign-up label').lang";
        assert_eq!(browser.run(node, &json!([])), lang.split('-').next().unwrap());
        assert_no_complaints(&browser);
    }
}

#[test]
fn the_language_is_the_elements_then_the_pages_then_the_browsers() {
    let Some(browser) = Browser::start() else { return };
    let service = plain("{}");
    // The name of the browser has to stay the same.
    let agent = browser.run("return navigator.userAgent", &json!([]));
    let languages = json!({ "userAgent": agent, "acceptLanguage": "it,fr" });
    browser.devtools("Emulation.setUserAgentOverride", &languages);
    for (page, own, username) in [
        ("de", "lang=\"es\"", "Nombre de usuario"),
        ("de", "", "Benutzername"),
        ("de", "lang=\"it\"", "Benutzername"),
        ("it", "", "Nom d’utilisateur"),
    ] {
        let body = format!("<edge-sign-up client-id=\"element-lang\" {own}></edge-sign-up>");
        Page { lang: page, ..Page::of(&body) }.open(&browser, &service);
        assert_eq!(shown(&browser, "username-label"), username, "{page} {own}");
    }
    // The attribute may change later.
    browser.run(&format!("{ELEMENT}.lang = 'ar'"), &json!([]));
    browser.wait_until(&format!("{}.dir === 'rtl'", part("form")));
    assert_eq!(shown(&browser, "submit"), "إنشاء حساب");
}

#[test]
fn the_form_appears_in_one_go_in_its_own_language() {
    let Some(browser) = Browser::start() else { return };
    let gate = Arc::new(Mutex::new(()));
    let closed = Arc::clone(&gate);
    let slow = service(r#"{"PASSWORD_MIN_LENGTH":"8"}"#, move |question| {
        if question.line == "GET /edge-sign-up.de.js" {
            drop(closed.lock().unwrap());
        }
        None
    });
    let held = gate.lock().unwrap();
    let body = tag("element-flash");
    let page = Page { lang: "de", ..Page::of(&body) };
    browser.open(&page.serve(&slow));
    browser.wait_until(&format!("{ELEMENT}.shadowRoot"));
    let seen = format!(
        "const form = {};
         return [form.checkVisibility({{ visibilityProperty: true }}), form.getBoundingClientRect().height,
                 document.querySelector('edge-sign-up input').checkVisibility({{ visibilityProperty: true }})]",
        part("form")
    );
    // The form has its place, and shows nothing.
    browser.wait_until(
        "performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/edge-signup'))",
    );
    browser.wait_until(&format!(
        "{}.textContent !== ''",
        "document.querySelector('edge-sign-up span[slot=password-hint]')"
    ));
    let before = browser.run(&seen, &json!([]));
    assert_eq!((&before[0], &before[2]), (&json!(false), &json!(false)));
    drop(held);
    wait_for_form(&browser);
    assert_eq!(shown(&browser, "submit"), "Registrieren");
    assert_eq!(browser.run(&seen, &json!([])), json!([true, before[1], true]));

    // Without the file of its language, the form is in English.
    let missing = service("{}", |question| question.line.ends_with(".de.js").then(|| reply(404, &[], "")));
    page.open(&browser, &missing);
    assert_eq!(shown(&browser, "submit"), "Sign up");
}

#[test]
fn arabic_runs_from_right_to_left() {
    let Some(browser) = Browser::start() else { return };
    let size = json!({ "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true });
    browser.devtools("Emulation.setDeviceMetricsOverride", &size);
    Page { lang: "ar", ..Page::of(&tag("element-arabic")) }.open(&browser, &plain("{}"));
    press(&browser);
    let script = format!(
        "const box = (node) => node.getBoundingClientRect();
         const [input, show] = [document.querySelector('[name=password]'), {}];
         const label = document.querySelector('edge-sign-up label');
         return [getComputedStyle(input).direction, box(show).right <= box(input).left + 1,
                 Math.abs(box(label).right - box({}).right) < 1,
                 document.documentElement.scrollWidth]",
        part("show"),
        part("username-input")
    );
    assert_eq!(browser.run(&script, &json!([])), json!(["rtl", true, true, 360]));
    // The page decides for a language of its own.
    let body =
        r#"<edge-sign-up client-id="element-arabic" dir="rtl" texts='{"submit":"הרשמה"}'></edge-sign-up>"#;
    open(&browser, &plain("{}"), body);
    let direction = format!("return getComputedStyle({}).direction", part("submit"));
    assert_eq!(browser.run(&direction, &json!([])), "rtl");
}
