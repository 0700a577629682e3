//! How the form looks, and how a page changes that.

use serde_json::json;

use super::*;

/// The computed value of a property of an expression's element.
fn style(browser: &Browser, expression: &str, property: &str) -> String {
    let script = format!("return getComputedStyle({expression})[arguments[0]]");
    browser.run(&script, &json!([property])).as_str().unwrap().to_owned()
}

#[test]
fn the_rules_of_a_page_reach_the_parts_and_nothing_else() {
    let Some(browser) = Browser::start() else { return };
    let service = plain("{}");
    let input = "document.querySelector('[name=username]')";
    open(&browser, &service, &tag("element-looks"));
    let properties = [
        "borderWidth",
        "padding",
        "fontSize",
        "color",
        "backgroundColor",
        "height",
        "margin",
        "textTransform",
    ];
    let plain_looks = properties.map(|property| style(&browser, input, property));

    // Rules that a page has for its own forms.
    let css = "input, label, span, button { border: 9px solid red !important; padding: 40px; margin: 9px !important;
            font-size: 40px !important; color: red; background: red; text-transform: uppercase; display: inline; }
        edge-sign-up { --edge-sign-up-accent: rgb(1, 2, 3); --edge-sign-up-radius: 4px; --edge-sign-up-font: monospace; }
        edge-sign-up::part(submit) { text-transform: lowercase; }
        edge-sign-up::part(username-input) { border-color: rgb(4, 5, 6); }
        edge-sign-up::part(error) { color: rgb(7, 8, 9); }";
    Page { css, ..Page::of(&tag("element-looks")) }.open(&browser, &service);
    press(&browser);
    assert_eq!(properties.map(|property| style(&browser, input, property)), plain_looks);
    for (name, property, value) in [
        ("submit", "backgroundColor", "rgb(1, 2, 3)"),
        ("submit", "borderRadius", "4px"),
        ("submit", "textTransform", "lowercase"),
        ("username-input", "borderTopColor", "rgb(4, 5, 6)"),
        ("form", "fontFamily", "monospace"),
    ] {
        assert_eq!(style(&browser, &part(name), property), value, "{property} of {name}");
    }
    // The node of the page in a part takes the part's colour.
    assert_eq!(style(&browser, "document.querySelector('[slot=username-error]')", "color"), "rgb(7, 8, 9)");
}

#[test]
fn the_form_is_light_or_dark_as_its_page() {
    let Some(browser) = Browser::start() else { return };
    let service = plain("{}");
    let ground = |browser: &Browser| style(browser, &part("form"), "backgroundColor");
    let (light, dark) = ("rgb(255, 255, 255)", "rgb(24, 29, 28)");
    // A page that allows both has the scheme of the system.
    open(&browser, &service, &tag("element-scheme"));
    assert_eq!(ground(&browser), light);
    set_scheme(&browser, "dark");
    assert_eq!(ground(&browser), dark);
    // The page may decide for the element.
    for (scheme, colour) in [("light", light), ("dark", dark)] {
        let css = format!("edge-sign-up {{ color-scheme: {scheme}; }}");
        for system in ["light", "dark"] {
            Page { css: &css, ..Page::of(&tag("element-scheme")) }.open(&browser, &service);
            set_scheme(&browser, system);
            assert_eq!(ground(&browser), colour);
        }
    }
}

#[test]
fn everything_that_is_pressed_is_44_pixels_high_and_nothing_moves_unasked() {
    let Some(browser) = Browser::start() else { return };
    let never = service("{}", |question| is_sign_up(question).then_some(Reply::Never));
    open(&browser, &never, &tag("element-motion"));
    let heights = format!(
        "return [...{ELEMENT}.shadowRoot.querySelectorAll('button'), ...document.querySelectorAll('input')]
           .map((node) => node.getBoundingClientRect()).filter(({{ width, height }}) => width < 44 || height < 44).length"
    );
    assert_eq!(browser.run(&heights, &json!([])), 0);
    fill(&browser, "ada", PASSWORD);
    press(&browser);
    let running = format!("return {ELEMENT}.shadowRoot.getAnimations().length");
    assert_eq!(browser.run(&running, &json!([])), 0);
    let motion = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "no-preference" }] });
    browser.devtools("Emulation.setEmulatedMedia", &motion);
    assert_eq!(browser.run(&running, &json!([])), 1);
}

#[test]
fn with_colours_of_the_system_every_boundary_stays_visible() {
    let Some(browser) = Browser::start() else { return };
    open(&browser, &plain("{}"), &tag("element-forced"));
    press(&browser);
    let thin = style(&browser, &part("username-input"), "borderTopWidth");
    browser.devtools(
        "Emulation.setEmulatedMedia",
        &json!({ "features": [{ "name": "forced-colors", "value": "active" }] }),
    );
    // A fault is not shown by its colour alone.
    assert_eq!(
        (thin.as_str(), style(&browser, &part("username-input"), "borderTopWidth").as_str()),
        ("1px", "2px")
    );
    let (text, border) =
        (style(&browser, &part("submit"), "color"), style(&browser, &part("submit"), "borderTopColor"));
    let ground = style(&browser, &part("form"), "backgroundColor");
    assert!(text != ground && border != ground, "{text} {border} {ground}");
}
