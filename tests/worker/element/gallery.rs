//! The gallery shows the element's states, looks and languages, without a service.

use serde_json::json;

use crate::console::{on_each_screen, set_scheme};
use crate::server::shared;

#[test]
fn the_gallery_reaches_every_state_without_a_service() {
    let users = || shared().database().users("gallery").len();
    on_each_screen("/gallery", |page, (_, width, _, is_touched)| {
        // Each state is that of its figure.
        for (state, part) in [
            ("empty", "username-error"),
            ("taken", "username-error"),
            ("offline", "form-error"),
            ("limited", "form-error"),
            ("captcha", "captcha"),
            ("done", "success"),
        ] {
            page.wait_until(&format!(
                "document.querySelector('[data-state={state}] edge-sign-up')?.shadowRoot
                   ?.querySelector('[part~={part}]').checkVisibility({{ visibilityProperty: true }})"
            ));
        }
        page.wait_until("document.querySelector('[data-state=busy] edge-sign-up').matches(':state(busy)')");
        page.wait_until(
            "document.querySelector('[lang=ar] input').checkVisibility({ visibilityProperty: true })",
        );
        let labels = "return [...document.querySelectorAll('#specimens-of-languages label[for$=username-input], \
             #specimens-of-languages [slot=username-label]')].map((label) => label.textContent)";
        assert_eq!(page.run(labels, &json!([])).as_array().unwrap().len(), 8);
        assert_eq!(page.run("return document.querySelectorAll('details pre').length", &json!([])), 4);
        // Nothing takes the focus while the page is read.
        assert_eq!(page.run("return document.activeElement.localName", &json!([])), "body");
        for scheme in ["light", "dark"] {
            set_scheme(page, scheme);
            let minimum = if is_touched { 44 } else { 24 };
            let faults = page.run(include_str!("../pages.js"), &json!([width, minimum]));
            assert_eq!(faults, json!([]), "{width} px, {scheme}");
        }
    });
    assert_eq!(users(), 0);
}
