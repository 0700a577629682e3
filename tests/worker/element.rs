//! `<edge-sign-up>` in Chromium, on pages of another origin under a strict Content-Security-Policy.

mod access;
mod examples;
mod files;
mod gallery;
mod languages;
mod looks;
mod proofs;
mod retries;
mod slots;
mod states;

use std::fmt::Display;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::console::set_scheme;
use crate::faults;
use crate::request::request;
use crate::stand_in::{self, Question, Reply};
use crate::webdriver::Browser;

/// The element of the page, as a JavaScript expression.
const ELEMENT: &str = "document.querySelector('edge-sign-up')";

/// A password that every setting of these tests allows.
const PASSWORD: &str = "correct horse";

/// The element of a client, without anything in it.
fn tag(client_id: &str) -> String {
    format!("<edge-sign-up client-id=\"{client_id}\"></edge-sign-up>")
}

/// A part of the element's shadow tree, as an expression.
fn part(name: &str) -> String {
    format!("{ELEMENT}.shadowRoot.querySelector('[part~={name}]')")
}

/// Gives a question the answer of the Worker with these settings.
fn forward(question: &Question, vars: &str) -> Reply {
    let (method, path) = question.line.split_once(' ').unwrap();
    let headers = question.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    // The body is read as a text, so it must not be compressed.
    let own = ["host", "connection", "content-length", "accept-encoding"];
    let headers = headers.filter(|(name, _)| !own.contains(name));
    let request = request(method, path).headers(headers).body(&question.body).vars(vars);
    let answer = request.call(&faults::server().url).unwrap();
    let headers = answer.headers.iter().filter(|(name, _)| *name != "connection");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    Reply::Whole(answer.status, headers.collect(), answer.body)
}

/// Starts a service with these settings. `way` may answer a question in the Worker's place. Gives the address.
fn service(
    vars: impl Display,
    way: impl Fn(&Question) -> Option<Reply> + Send + Sync + Clone + 'static,
) -> String {
    let vars = vars.to_string();
    stand_in::start(move |question| way(question).unwrap_or_else(|| forward(question, &vars)))
}

/// Starts a service with these settings, and nothing in its way.
fn plain(vars: impl Display) -> String {
    service(vars, |_| None)
}

/// An answer that a page of any origin may read.
fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let shared = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "X-Error-Reason, Retry-After"),
        ("Content-Type", "application/json"),
    ];
    let all = shared.iter().chain(headers).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Reply::Whole(status, all.collect(), body.to_owned())
}

/// Whether the question is a sign-up.
fn is_sign_up(question: &Question) -> bool {
    question.line == "POST /sign-up"
}

/// The sign-ups that a service received: their keys and their bodies.
type Received = Arc<Mutex<Vec<(String, Value)>>>;

/// Notes a sign-up.
fn note(received: &Received, question: &Question) {
    if is_sign_up(question) {
        let key = question.header("idempotency-key").unwrap().to_owned();
        received.lock().unwrap().push((key, serde_json::from_slice(&question.body).unwrap()));
    }
}

/// A page of another origin: its language, its styles, what its policy allows beside the element, and its content.
struct Page<'a> {
    lang: &'a str,
    css: &'a str,
    policy: &'a str,
    body: &'a str,
}

impl<'a> Page<'a> {
    fn of(body: &'a str) -> Self {
        Self { lang: "en", css: "", policy: "require-trusted-types-for 'script'; trusted-types 'none'", body }
    }

    /// Serves the page, and gives its address. Its policy names the service, and allows neither inline scripts nor
    /// inline styles nor, by default, HTML that a script makes.
    fn serve(&self, service: &str) -> String {
        let Self { lang, css, policy, body } = self;
        let policy = format!(
            "default-src 'none'; script-src {service}; connect-src {service}; style-src 'self'; img-src data:; \
             {policy}; base-uri 'none'; form-action 'none'"
        );
        let html = format!(
            "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>A page</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
             <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/page.css\">\
             <script type=\"module\" src=\"{service}/edge-sign-up.js\"></script></head>\
             <body><main><h1>A page</h1>{body}</main></body></html>"
        );
        let css = format!("body {{ font-family: sans-serif; }} {css}");
        stand_in::start(move |question| {
            let (kind, text) = if question.line == "GET /page.css" {
                ("text/css", css.clone())
            } else {
                ("text/html", html.clone())
            };
            let headers = [("Content-Type", kind), ("Content-Security-Policy", &policy)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
            Reply::Whole(200, headers.to_vec(), text)
        })
    }

    /// Opens the page, and waits until the form appears. Notes the element's events in `window.events`.
    fn open(&self, browser: &Browser, service: &str) {
        set_scheme(browser, "light");
        browser.open(&self.serve(service));
        wait_for_form(browser);
        browser.run(
            "window.events = [];
             for (const type of ['before-sign-up', 'sign-up', 'sign-up-error']) {
               document.addEventListener(type, ({ detail: { fields, ...detail } }) =>
                 events.push([type, { ...detail, ...(fields && { fields: [...fields] }) }]));
             }",
            &json!([]),
        );
    }
}

/// Opens a page with `body`.
fn open(browser: &Browser, service: &str, body: &str) {
    Page::of(body).open(browser, service);
}

/// Waits until the form appears.
fn wait_for_form(browser: &Browser) {
    browser.wait_until(&format!(
        "{ELEMENT}?.shadowRoot && {}.checkVisibility({{ visibilityProperty: true }})",
        part("form")
    ));
}

/// Fills both fields.
fn fill(browser: &Browser, username: &str, password: &str) {
    browser.fill("[name=username]", username);
    browser.fill("[name=password]", password);
}

/// Presses the button of the form.
fn press(browser: &Browser) {
    browser.click_on(&part("submit"));
}

/// The visible text of a part, with that of the page's nodes in it; empty if it is hidden.
fn shown(browser: &Browser, name: &str) -> String {
    let script = format!(
        "const text = (node) =>
           node.localName === 'slot' && node.assignedNodes().length
             ? node.assignedNodes().map(text).join('')
             : node.childNodes.length ? [...node.childNodes].map(text).join('') : node.textContent;
         const part = {};
         return part.checkVisibility() ? text(part) : ''",
        part(name)
    );
    browser.run(&script, &json!([])).as_str().unwrap().to_owned()
}

/// Waits until a part shows a text.
fn wait_for(browser: &Browser, name: &str) -> String {
    browser.wait_until(&format!("{}.checkVisibility()", part(name)));
    shown(browser, name)
}

/// The `id` of the focused element of the page, or its part in the shadow tree.
fn focused(browser: &Browser) -> String {
    let script = format!(
        "const inner = {ELEMENT}.shadowRoot.activeElement; return inner ? inner.className : document.activeElement.name"
    );
    browser.run(&script, &json!([])).as_str().unwrap_or_default().to_owned()
}

/// The events of the element since the page was opened.
fn events(browser: &Browser) -> Vec<(String, Value)> {
    serde_json::from_value(browser.run("return events", &json!([]))).unwrap()
}

/// Waits for an event, and gives its detail.
fn wait_for_event(browser: &Browser, name: &str) -> Value {
    browser.wait_until(&format!("window.events.some(([type]) => type === '{name}')"));
    events(browser).into_iter().rev().find(|(known, _)| known == name).unwrap().1
}

/// Asserts that the browser complained about nothing but the refusals and failures that a test provokes.
fn assert_no_complaints(browser: &Browser) {
    let complaints: Vec<_> =
        browser.complaints().into_iter().filter(|line| !line.contains("Failed to load resource")).collect();
    assert_eq!(complaints, [""; 0]);
}
