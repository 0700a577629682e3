//! The console in headless Chromium, at a phone's and a desktop's width.

use std::process::Command;

use serde_json::{Value, json};

use crate::faults;
use crate::server::{Server, shared};
use crate::webdriver::Browser;

/// A screen: its name, its width, its height, and whether it is a touch screen.
pub type Screen = (&'static str, u32, u32, bool);

const PHONE: Screen = ("phone", 360, 740, true);
const DESKTOP: Screen = ("desktop", 1280, 900, false);

/// The forms of the two routes on the page.
pub const SIGN_UP: &str = "[data-request=signUp]";
pub const ACCOUNT: &str = "[data-request=createAccount]";

/// Runs `test` on `path` at each size. The browser's own console must stay empty: it shows scripts that fail, and
/// everything that the Content-Security-Policy refuses.
pub fn on_each_screen(path: &str, test: impl Fn(&Browser, Screen)) {
    on_each_screen_of(shared(), path, |_| {}, test);
}

/// Runs `test` likewise on a page of `server`, after `set_up` has prepared the browser.
pub fn on_each_screen_of(
    server: &Server,
    path: &str,
    set_up: impl Fn(&Browser),
    test: impl Fn(&Browser, Screen),
) {
    let Some(browser) = Browser::start() else { return };
    set_up(&browser);
    let permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"];
    browser.devtools("Browser.grantPermissions", &json!({ "permissions": permissions }));
    for screen in [PHONE, DESKTOP] {
        let (_, width, height, mobile) = screen;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        browser.devtools("Emulation.setDeviceMetricsOverride", &size);
        set_scheme(&browser, "light");
        browser.open(&format!("{}{path}", server.url));
        test(&browser, screen);
        let complaints: Vec<_> = browser
            .complaints()
            .into_iter()
            // Chromium complains about each refusal, and the tests provoke refusals.
            .filter(|line| {
                !["/sign-up", "/users/", "/challenge"]
                    .iter()
                    .any(|path| line.contains(&format!("{path} - Failed to load")))
            })
            .collect();
        assert_eq!(complaints, [""; 0], "{screen:?}");
    }
}

/// Sets light or dark, and no motion: `WebDriver` cannot click a moving element, and a changing colour cannot be
/// measured.
pub fn set_scheme(browser: &Browser, scheme: &str) {
    let features = json!([
        { "name": "prefers-color-scheme", "value": scheme },
        { "name": "prefers-reduced-motion", "value": "reduce" },
    ]);
    browser.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
}

/// The text of a part of a route's panels.
pub fn part(page: &Browser, route: &str, name: &str) -> String {
    page.text(&format!("{route} [data-part={name}]"))
}

/// Presses a button and waits for the answer. Gives its status and time, and then its headers and body.
pub fn answer_to(page: &Browser, route: &str, button: &str) -> (String, String) {
    let before = part(page, route, "body");
    page.click(&format!("{route} {button}"));
    let body = format!("document.querySelector('{route} [data-part=body]').textContent");
    // Every answer has its own id, so it differs from the one before.
    page.wait_until(&format!("{body} !== {}", json!(before)));
    (part(page, route, "outcome"), part(page, route, "body"))
}

/// Copies the request in the format `name`, and gives the copied line.
fn copied(page: &Browser, route: &str, name: &str) -> String {
    page.click(&format!("{route} [value={name}]"));
    page.click(&format!("{route} [data-part=copy]"));
    page.wait_until(&format!("document.querySelector('{route} [data-part=copied]').textContent"));
    let text = page.run_async("navigator.clipboard.readText().then(arguments[0])");
    text.as_str().unwrap().to_owned()
}

/// Runs a curl line in bash. Gives its output, which has the answer's headers too.
fn bash(line: &str) -> String {
    let output = Command::new("bash").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a fetch line in the page, and gives the values that it prints.
fn javascript(page: &Browser, line: &str) -> Value {
    page.run_async(&format!(
        "const done = arguments[0], console = {{ log: (...all) => done(all) }};
         (async () => {{ {line} }})().catch((error) => done(String(error)));"
    ))
}

#[test]
fn a_sign_up_is_shown_sent_answered_and_retried() {
    on_each_screen("/", |page, (screen, ..)| {
        // Characters that have a meaning in a shell, in JSON or in HTML.
        let username = format!("o'hara-\"<b>&{screen}-☃");
        let password = "it's $(date) `x` \\ \"y\" !";
        let key = format!("sign-up-{screen}");
        page.fill("#username", &username);
        page.fill("#password", password);
        page.fill("#client_id", "console");
        page.fill("#sign-up-key", &key);

        let request = |password: &str| {
            format!(
                "POST /sign-up\nContent-Type: application/json\nIdempotency-Key: {key}\n\n\
                 {{\"username\":{},\"password\":{},\"client_id\":\"console\"}}",
                json!(username),
                json!(password)
            )
        };
        assert_eq!(part(page, SIGN_UP, "text"), request("••••••••"));
        page.click("[data-show=password]");
        assert_eq!(part(page, SIGN_UP, "text"), request(password));
        page.click("[data-show=password]");

        let (outcome, first) = answer_to(page, SIGN_UP, ".primary");
        assert!(outcome.starts_with("200 OK in ") && outcome.ends_with('s'), "{outcome}");
        let users = shared().database().users("console");
        let id = users.iter().find(|user| user.username == username).unwrap().id;
        let body = json!({ "user": { "id": id, "username": username } }).to_string();
        assert!(first.ends_with(&format!("\n\n{body}")), "{first}");
        for header in
            ["Content-Type: application/json; charset=utf-8\n", "ETag: \"", "X-Request-Id: ", "X-Runtime: 0."]
        {
            assert!(first.contains(header), "{header} in {first}");
        }

        let (outcome, again) = answer_to(page, SIGN_UP, "[data-part=retry]");
        assert!(outcome.contains("with the same Idempotency-Key: the same answer"), "{outcome}");
        assert!(again.ends_with(&body), "{again}");

        let printed = bash(&copied(page, SIGN_UP, "curl"));
        assert!(printed.starts_with("HTTP/1.1 200 ") && printed.ends_with(&body), "{printed}");
        let printed = javascript(page, &copied(page, SIGN_UP, "fetch"));
        assert_eq!(printed, json!([200, { "user": { "id": id, "username": username } }]));
        assert_eq!(
            shared().database().users("console").len(),
            users.len(),
            "the retries should store no second user"
        );
    });
}

#[test]
fn an_account_is_shown_sent_answered_and_retried() {
    on_each_screen("/", |page, (screen, ..)| {
        let key = format!("account-{screen}");
        page.fill("#name", &format!("{screen}-☃'"));
        page.fill("#privacy", "private");
        page.fill("#users-key", &key);
        assert_eq!(
            part(page, ACCOUNT, "text"),
            format!(
                "POST /users/\nUsername: UTF-8''{screen}-%E2%98%83%27\nPrivacy: private\nIdempotency-Key: {key}"
            )
        );
        assert!(part(page, ACCOUNT, "note").contains("RFC 8187"));

        let account = json!({ "name": format!("{screen}-☃'"), "privacy": "Private" });
        let (outcome, first) = answer_to(page, ACCOUNT, ".primary");
        assert!(outcome.starts_with("201 Created in "), "{outcome}");
        assert!(first.ends_with(&account.to_string()), "{first}");
        let (outcome, again) = answer_to(page, ACCOUNT, "[data-part=retry]");
        assert!(outcome.contains("with the same Idempotency-Key: the same answer"), "{outcome}");
        assert!(again.ends_with(&account.to_string()), "{again}");
        let printed = bash(&copied(page, ACCOUNT, "curl"));
        assert!(printed.starts_with("HTTP/1.1 201 ") && printed.ends_with(&account.to_string()), "{printed}");
        assert_eq!(javascript(page, &copied(page, ACCOUNT, "fetch")), json!([201, account]));

        // A retry without a key is a second sign-up, and the panel says so.
        page.fill("#name", &format!("{screen}-no-key"));
        page.run("document.querySelector(arguments[0]).value = ''", &json!(["#users-key"]));
        answer_to(page, ACCOUNT, ".primary");
        let (outcome, again) = answer_to(page, ACCOUNT, "[data-part=retry]");
        assert!(outcome.starts_with("409 Conflict") && outcome.contains("second sign-up"), "{outcome}");
        assert!(again.ends_with(&format!(r#"{{"name":"{screen}-no-key","code":"409"}}"#)), "{again}");
    });
}

#[test]
fn an_error_stands_beside_the_field_that_it_names() {
    on_each_screen("/", |page, _| {
        let long = "x".repeat(256);
        for (route, field, bad, good, error) in [
            (SIGN_UP, "username", "", "ada", "username must have 1 to 254 characters"),
            (SIGN_UP, "password", "", "correct horse", "password must not be empty"),
            (SIGN_UP, "client_id", "a b", "errors", "client_id must be 1 to 128 visible ASCII characters"),
            (SIGN_UP, "sign-up-key", &long, "k", "Idempotency-Key must be 1 to 255 visible ASCII characters"),
            (ACCOUNT, "name", "", "Grace", "Username was missing"),
            (ACCOUNT, "name", "A B", "Grace", "Username was invalid"),
            (ACCOUNT, "privacy", "friends", "Public", "Privacy was invalid"),
            (ACCOUNT, "users-key", &long, "k", "Idempotency-Key was invalid"),
        ] {
            page.fill(&format!("#{field}"), bad);
            let (outcome, _) = answer_to(page, route, ".primary");
            assert!(outcome.starts_with("400 Bad Request") && outcome.ends_with(error), "{outcome}");
            let seen = page.run(
                "const at = [...document.querySelectorAll('[aria-invalid]')];
                 const error = document.getElementById(at[0].getAttribute('aria-describedby').split(' ')[0]);
                 return [at.map(({ id }) => id).join(), error.checkVisibility(), error.textContent,
                         document.activeElement.id]",
                &json!([]),
            );
            assert_eq!(seen, json!([field, true, error, field]));
            // Typing removes the error.
            page.fill(&format!("#{field}"), good);
            assert_eq!(page.run("return document.querySelectorAll('[aria-invalid]').length", &json!([])), 0);
        }
        // A 409 has no member `field`, but the console shows it beside the name.
        for (route, field, name) in [(SIGN_UP, "username", "taken"), (ACCOUNT, "name", "console-taken")] {
            page.fill(&format!("#{field}"), name);
            for _ in 0..2 {
                page.click(&format!("{route} [data-fresh]"));
                answer_to(page, route, ".primary");
            }
            let error = page.text(&format!("#{field}-error"));
            assert_eq!(error, "Username already in use");
        }
    });
}

#[test]
fn a_lost_answer_is_reported_and_a_retry_gets_it() {
    on_each_screen("/", |page, (screen, ..)| {
        let network = |offline: bool| {
            let throttle =
                json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
            page.devtools("Network.enable", &json!({}));
            page.devtools("Network.emulateNetworkConditions", &throttle);
        };
        page.fill("#name", &format!("{screen}-lost"));
        network(true);
        page.click(&format!("{ACCOUNT} .primary"));
        page.wait_until(&format!("document.querySelector('{ACCOUNT} .status')"));
        let outcome = part(page, ACCOUNT, "outcome");
        assert!(outcome.starts_with("No answer") && outcome.contains("could not be reached"), "{outcome}");
        network(false);
        let (outcome, _) = answer_to(page, ACCOUNT, "[data-part=retry]");
        assert!(outcome.starts_with("201 Created") && outcome.ends_with('s'), "{outcome}");
    });
}

/// Lets every request of the page switch proof of work on, with so many bits.
fn ask_for_work(page: &Browser, bits: u32) {
    let vars = json!({ "PROOF_OF_WORK": bits, "CHALLENGE_SECRET": "x".repeat(32) }).to_string();
    page.devtools("Network.enable", &json!({}));
    page.devtools("Network.setExtraHTTPHeaders", &json!({ "headers": { "Test-Vars": vars } }));
}

#[test]
fn the_console_does_a_proof_of_work_where_the_service_asks_for_one() {
    on_each_screen_of(
        faults::server(),
        "/",
        |_| {},
        |page, (screen, ..)| {
            let asked = "return performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/challenge')).length";
            // Counts the web workers that are terminated.
            page.run(
                "window.ended = 0;
             const { terminate } = Worker.prototype;
             Worker.prototype.terminate = function () { ended++; terminate.call(this); }",
                &json!([]),
            );
            ask_for_work(page, 8);
            page.fill("#username", &format!("{screen}-worker"));
            page.fill("#client_id", "console-work");
            let (outcome, first) = answer_to(page, SIGN_UP, ".primary");
            assert!(outcome.starts_with("200 OK in "), "{outcome}");
            let sent = part(page, SIGN_UP, "text");
            let proof = sent.split_once("\nProof-Of-Work: ").unwrap().1.lines().next().unwrap().to_owned();
            let id = proof.split('.').nth(1).unwrap();
            assert_eq!(faults::server().database().tries(id), 1);
            assert_eq!(page.run(asked, &json!([])), 1);

            // A retry carries the same proof, and another sign-up needs a new one.
            let (outcome, again) = answer_to(page, SIGN_UP, "[data-part=retry]");
            assert!(outcome.contains("with the same Idempotency-Key: the same answer"), "{outcome}");
            assert_eq!(first.lines().last(), again.lines().last());
            assert_eq!((faults::server().database().tries(id), page.run(asked, &json!([]))), (2, json!(1)));
            page.fill("#username", &format!("{screen}-worker-2"));
            assert!(!part(page, SIGN_UP, "text").contains("Proof-Of-Work"));
            assert!(part(page, SIGN_UP, "note").contains("Proof-Of-Work"));
            assert!(answer_to(page, SIGN_UP, ".primary").0.starts_with("200 OK in "));
            assert!(!part(page, SIGN_UP, "text").contains(&proof));
            assert_eq!(
                faults::server().database().users("console-work").len(),
                if screen == PHONE.0 { 2 } else { 4 }
            );

            // Long work shows its progress, and another click on the button replaces it.
            let bar = format!("document.querySelector('{ACCOUNT} progress')");
            ask_for_work(page, 26);
            page.fill("#name", &format!("{screen}-worker"));
            page.click(&format!("{ACCOUNT} .primary"));
            page.wait_until(&format!("{bar}.checkVisibility() && {bar}.value > 0 && {bar}.value < 1"));
            assert!(part(page, ACCOUNT, "outcome").starts_with("Working on a proof of work"));
            ask_for_work(page, 8);
            page.click(&format!("{ACCOUNT} .primary"));
            page.wait_until(&format!(
                "document.querySelector('{ACCOUNT} .status') && !{bar}.checkVisibility()"
            ));
            assert!(part(page, ACCOUNT, "outcome").starts_with("201 Created in "));
            assert_eq!(faults::server().database().accounts(&format!("{screen}-worker")).len(), 1);
            // The work that was replaced was terminated.
            assert_eq!(
                (page.run("return ended", &json!([])), page.run(asked, &json!([]))),
                (json!(4), json!(4))
            );

            // After the guard is switched off again, the page does no work.
            page.devtools("Network.setExtraHTTPHeaders", &json!({ "headers": {} }));
            page.fill("#name", &format!("{screen}-idler"));
            let (outcome, _) = answer_to(page, ACCOUNT, ".primary");
            assert!(outcome.starts_with("404 Not Found in "), "{outcome}");
            let (outcome, _) = answer_to(page, ACCOUNT, ".primary");
            assert!(outcome.starts_with("201 Created in "), "{outcome}");
            assert!(!part(page, ACCOUNT, "text").contains("Proof-Of-Work"));
        },
    );
}

#[test]
fn the_pages_own_sha_256_is_that_of_the_browser() {
    on_each_screen("/", |page, _| {
        let wrong = page.run_async(
            "const done = arguments[0], encoder = new TextEncoder(), wrong = [];
             (async () => {
               const { firstBitsAfter } = await import('/client.js');
               for (let length = 0; length < 200; length++) {
                 const prefix = Array.from({ length }, (_, n) => String.fromCharCode(33 + ((n * 7 + length) % 94))).join('');
                 for (const text of ['', '0', 'zik0zj', 'y'.repeat(40)]) {
                   const digest = await crypto.subtle.digest('SHA-256', encoder.encode(prefix + text));
                   if (firstBitsAfter(prefix)(text) !== new DataView(digest).getUint32(0)) wrong.push([length, text]);
                 }
               }
               for (const length of [0, 63, 64]) {
                 const prefix = 'x'.repeat(length), text = 'y'.repeat(56);
                 const digest = await crypto.subtle.digest('SHA-256', encoder.encode(prefix + text));
                 if (firstBitsAfter(prefix)(text) !== new DataView(digest).getUint32(0)) wrong.push([length, text]);
                 try {
                   wrong.push(firstBitsAfter(prefix)(text + 'y'));
                 } catch (error) {
                   if (!(error instanceof RangeError)) throw error;
                 }
               }
               done(wrong);
             })().catch((error) => done(String(error)));",
        );
        assert_eq!(wrong, json!([]));
    });
}

#[test]
fn the_keyboard_reaches_everything_in_reading_order() {
    on_each_screen("/", |page, _| {
        let top = ["Skip to the forms", "edge-signup", "Console", "Reference", "Gallery", "openapi.json"];
        let sign_up = [
            "username",
            "password",
            "Show password",
            "client_id",
            "Idempotency-Key optional",
            "New Idempotency-Key",
            "Sign up",
            "HTTP",
            "Copy",
            "Request: Sign up with a password",
        ];
        let account = [
            "Username",
            "Privacy optional",
            "Idempotency-Key optional",
            "New Idempotency-Key",
            "Create account",
            "HTTP",
            "Copy",
            "Request: Create an account by name",
        ];
        for expected in [top.as_slice(), &sign_up, &account, &["openapi.json", "reference"]].concat() {
            assert_eq!(page.tab(), expected);
            // The text beside a radio button shows its focus.
            let ring = "const { type, nextElementSibling } = document.activeElement;
                 const node = type === 'radio' ? nextElementSibling : document.activeElement;
                 return parseFloat(getComputedStyle(node).outlineWidth)";
            assert_eq!(page.run(ring, &json!([])), 3, "{expected} should show that it has the focus");
        }
        // Enter sends the form, and the answer stands in a live region.
        page.fill("#name", "a b\u{e007}");
        page.wait_until("document.querySelector('[data-request=createAccount] [aria-live=polite] .status')");
    });
}
