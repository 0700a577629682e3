//! What a page puts into the form: texts, terms, further fields, and components of its own.

use serde_json::json;

use super::*;

#[test]
fn a_page_adds_texts_terms_and_further_fields() {
    let Some(browser) = Browser::start() else { return };
    let body = r#"<edge-sign-up client-id="element-slots">
        <strong slot="heading">Join us</strong>
        <span slot="username-label">Your handle</span>
        <span slot="password-hint">A sentence is best.</span>
        <label slot="fields">Company <input name="company" value="Example"></label>
        <label slot="terms"><input type="checkbox" name="terms" required> I accept the terms</label>
        <span slot="footer">Already with us? Sign in</span>
        <em slot="success">Look into your mail.</em>
    </edge-sign-up>"#;
    open(&browser, &plain("{}"), body);
    let text = shown(&browser, "form");
    for part in ["Join us", "Your handle", "A sentence is best.", "Company", "I accept the terms", "Sign in"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let named = "const input = document.querySelector('[name=username]');
         return [document.getElementById(input.getAttribute('aria-labelledby')).textContent,
                 document.querySelector('[name=password]').getAttribute('aria-describedby').split(' ')
                   .map((id) => document.getElementById(id).textContent).join('')]";
    assert_eq!(browser.run(named, &json!([])), json!(["Your handle", "A sentence is best."]));
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    // The browser itself reports a field of the page.
    assert_eq!(focused(&browser), "terms");
    assert_eq!(events(&browser), []);
    browser.click("[name=terms]");
    press(&browser);
    let fields = json!([["company", "Example"], ["terms", "on"]]);
    assert_eq!(wait_for_event(&browser, "sign-up")["fields"], fields);
    assert_eq!(wait_for_event(&browser, "before-sign-up")["fields"], fields);
    assert_eq!(shown(&browser, "success"), "Look into your mail.");

    // The form that is shown again has none of the values, and the fields of the page are as they were at first.
    let state = "return [...document.querySelectorAll('input')].map(({ name, value, checked }) => [name, value, checked])";
    browser.run(
        &format!("document.querySelector('[name=company]').value = 'Other'; {ELEMENT}.reset()"),
        &json!([]),
    );
    let fields = json!([
        ["company", "Example", false],
        ["terms", "on", false],
        ["username", "", false],
        ["password", "", false]
    ]);
    assert_eq!(browser.run(state, &json!([])), fields);
}

#[test]
fn every_text_can_be_replaced_and_errors_by_their_word() {
    let Some(browser) = Browser::start() else { return };
    let taken = service("{}", |question| {
        is_sign_up(question).then(|| reply(409, &[("X-Error-Reason", "username_taken")], "{}"))
    });
    let texts =
        r#"{"submit":"Join","username":"Handle","username_taken":"Gone: choose another","a_word":"Own"}"#;
    open(
        &browser,
        &taken,
        &format!("<edge-sign-up client-id=\"element-texts\" email texts='{texts}'></edge-sign-up>"),
    );
    assert_eq!(
        (shown(&browser, "submit"), shown(&browser, "username-label")),
        ("Join".into(), "Handle".into())
    );
    fill(&browser, "ada@mail.example", PASSWORD);
    press(&browser);
    assert_eq!(wait_for(&browser, "username-error"), "Gone: choose another");
    // A script can replace them too, also while an error is shown.
    browser.run(&format!("{ELEMENT}.texts = {{ username_taken: 'Taken', email: 'Mail' }}"), &json!([]));
    assert_eq!(shown(&browser, "username-error"), "Taken");
    assert_eq!(shown(&browser, "username-label"), "Mail");
    assert_eq!(shown(&browser, "submit"), "Sign up");
}

#[test]
fn own_inputs_and_an_own_button_take_the_place_of_the_elements() {
    let Some(browser) = Browser::start() else { return };
    let body = r#"<edge-sign-up client-id="element-own">
        <input slot="username" class="mine" aria-describedby="note" autocomplete="nickname">
        <label slot="password">Secret <input class="mine"></label>
        <button slot="submit" class="mine">Let me in</button>
    </edge-sign-up><p id="note">A note</p>"#;
    open(&browser, &plain(r#"{"PASSWORD_MIN_LENGTH":"9"}"#), body);
    let script = "return [...document.querySelectorAll('input')].map((input) =>
         [input.type, input.autocomplete, input.labels.length, input.form?.id, input.className])";
    let form = browser.run("return document.querySelector('edge-sign-up > form').id", &json!([]));
    // Each attribute that the page sets stays. An input without a label gets one.
    assert_eq!(
        browser.run(script, &json!([])),
        json!([["text", "nickname", 1, form, "mine"], ["password", "new-password", 1, form, "mine"]])
    );
    assert_eq!(
        (shown(&browser, "username-label").as_str(), shown(&browser, "password-label").as_str()),
        ("Username", "")
    );
    browser.click("button.mine");
    assert_eq!(shown(&browser, "username-error"), "Enter a username.");
    let described = "const ids = document.querySelector('.mine').getAttribute('aria-describedby').split(' ');
         return ids.map((id) => document.getElementById(id).textContent)";
    assert_eq!(browser.run(described, &json!([])), json!(["Enter a username.", "A note"]));
    browser.fill("input.mine", "ada");
    browser.fill("label .mine", "longer than nine");
    browser.click("button.mine");
    assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], "ada");
}

#[test]
fn a_component_with_a_value_takes_the_place_of_an_input() {
    let Some(browser) = Browser::start() else { return };
    let body =
        r#"<edge-sign-up client-id="element-component"><my-field slot="username"></my-field></edge-sign-up>"#;
    open(&browser, &plain("{}"), body);
    // The component is defined, and even replaced, after the form has appeared.
    browser.run(
        "customElements.define('my-field', class extends HTMLElement {
           value = '';
           connectedCallback() { this.tabIndex = 0; this.style.display = 'block'; this.textContent = 'My field'; }
         });
         const field = document.createElement('my-field');
         field.slot = 'username';
         document.querySelector('my-field').replaceWith(field);",
        &json!([]),
    );
    assert_eq!(
        (shown(&browser, "username-input"), shown(&browser, "username-label")),
        ("My field".into(), String::new())
    );
    browser.fill("[name=password]", PASSWORD);
    press(&browser);
    assert_eq!(shown(&browser, "username-error"), "Enter a username.");
    let state = "const field = document.querySelector('my-field');
         return [field === document.activeElement, field.getAttribute('aria-invalid')]";
    assert_eq!(browser.run(state, &json!([])), json!([true, "true"]));
    browser.run(
        "const field = document.querySelector('my-field');
         field.value = 'ada';
         field.dispatchEvent(new Event('input', { bubbles: true }))",
        &json!([]),
    );
    assert_eq!(shown(&browser, "username-error"), "");
    press(&browser);
    assert_eq!(wait_for_event(&browser, "sign-up")["user"]["username"], "ada");

    // Without its component, the slot has the element's own input again.
    browser.run(&format!("{ELEMENT}.reset(); document.querySelector('my-field').remove()"), &json!([]));
    browser.wait_until("document.querySelector('input[name=username]')");
    assert_eq!(shown(&browser, "username-label"), "Username");
}
