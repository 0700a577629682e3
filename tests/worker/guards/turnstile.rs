//! `TURNSTILE_SECRET`, with a server that speaks the protocol of `siteverify`.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::thread;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::assert_refusals_are_remembered;
use crate::console::{ACCOUNT, SIGN_UP, answer_to, on_each_screen_of, part, set_scheme};
use crate::faults::server;
use crate::http::Answer;
use crate::request::{Request, account, post, preflight, sign_up};
use crate::stand_in::{self, Question, Reply};
use crate::webdriver::Browser;

const SECRET: &str = "0x4AAA-the-s3cret";
/// Cloudflare's secret for tests.
const TEST_SECRET: &str = "1x0000000000000000000000000000000AA";
const REFUSED: &str = r#"{"description":"captcha_token was not accepted: it must be the token of a new Turnstile challenge","code":"400","field":"captcha_token"}"#;
const INTERNAL: &str = r#"{"description":"Internal error","code":"500"}"#;
const UNAVAILABLE: &str =
    r#"{"description":"The service is unavailable for the moment, try again later","code":"503"}"#;

static SITEVERIFY: LazyLock<String> = LazyLock::new(|| format!("{}/siteverify", stand_in::start(siteverify)));

/// The UUID of the first question about each token.
static USED: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);

/// The questions, in order.
static ASKED: Mutex<Vec<Value>> = Mutex::new(Vec::new());

/// Answers as Cloudflare documents it. A token can ask for an odd answer.
fn siteverify(question: &Question) -> Reply {
    if question.line == "POST /elsewhere" {
        // The target of the redirect.
        return Reply::Answer(200, json!({ "success": true }).to_string());
    }
    assert_eq!(question.line, "POST /siteverify");
    assert_eq!(question.header("content-type"), Some("application/json"));
    let asked: Value = serde_json::from_slice(&question.body).unwrap();
    ASKED.lock().unwrap().push(asked.clone());
    let [secret, token, uuid] =
        ["secret", "response", "idempotency_key"].map(|name| asked[name].as_str().unwrap());
    let refusal =
        |code: &str| Reply::Answer(200, json!({"success": false, "error-codes": [code]}).to_string());
    // The server is called by this name, so its pages have the same host.
    let mut good = json!({
        "success": true, "error-codes": [], "hostname": "127.0.0.1", "challenge_ts": "2096-10-02T07:06:40.123Z",
    });
    let mut words = token.split('.');
    let kind = words.next().unwrap();
    match (kind, words.next()) {
        ("acted", Some(action)) => good["action"] = json!(action),
        ("elsewhere", _) => good["hostname"] = json!("elsewhere.example"),
        ("hostless", _) => good["hostname"] = json!(""),
        ("timeless", _) => good["challenge_ts"] = json!(null),
        ("garbled", _) => good["challenge_ts"] = json!("some time ago"),
        _ => {}
    }
    let good = good.to_string();
    match kind {
        // The answer of the real siteverify in 2026.
        _ if secret == TEST_SECRET => Reply::Answer(
            200,
            json!({
                "success": true, "error-codes": [], "hostname": "example.com",
                "metadata": {"result_with_testing_key": true},
            })
            .to_string(),
        ),
        _ if secret != SECRET => refusal("invalid-input-secret"),
        "slow" => Reply::Never,
        "half" => Reply::Half(good),
        "redirect" => Reply::Answer(307, good),
        "status" => Reply::Answer(502, good),
        "huge" => Reply::Answer(200, good + &" ".repeat(20_000)),
        "html" => Reply::Answer(200, "<html>".to_owned()),
        "null" => Reply::Answer(200, "null".to_owned()),
        "text" => Reply::Answer(200, r#"{"success":"true"}"#.to_owned()),
        "list" => Reply::Answer(200, "[true]".to_owned()),
        "silent" => Reply::Answer(200, r#"{"success":false}"#.to_owned()),
        "internal" => refusal("internal-error"),
        "malformed" => Reply::Answer(400, r#"{"success":false,"error-codes":["bad-request"]}"#.to_owned()),
        "bad" => refusal("invalid-input-response"),
        // These tokens are good with any UUID.
        "lenient" | "timeless" | "garbled" | "hostless" => Reply::Answer(200, good),
        "good" | "acted" | "elsewhere" => {
            let mut used = USED.lock().unwrap();
            let first = used.get_or_insert_default().entry(token.to_owned()).or_insert(uuid.to_owned());
            if first == uuid { Reply::Answer(200, good) } else { refusal("timeout-or-duplicate") }
        }
        _ => panic!("siteverify has no answer for the token {token}"),
    }
}

/// The settings that switch the guard on, and others.
pub fn settings(more: &[(&str, &str)]) -> String {
    let mut vars = json!({ "TURNSTILE_SECRET": SECRET, "TURNSTILE_URL": *SITEVERIFY });
    for (name, value) in more {
        vars[*name] = json!(value);
    }
    vars.to_string()
}

/// A request with the guard on and `token` in the place where its route takes one.
pub fn with_token(request: Request, token: impl Into<Value>) -> Request {
    let request = request.vars(settings(&[]));
    if request.path == "/sign-up" {
        request.member("captcha_token", token)
    } else {
        request.header("Captcha-Token", token.into().as_str().unwrap())
    }
}

/// Sends an account with `token` under further settings. Gives the status and the number of statements.
fn status_under(vars: &[(&str, &str)], token: &str, name: &str) -> (u16, String) {
    let request = account(name).header("Captcha-Token", token).vars(settings(vars)).fault("db-counts");
    let answer = request.send_to(server());
    if answer.status == 400 {
        assert!(answer.body.contains("Captcha-Token was not accepted"), "{answer:?}");
    }
    (answer.status, answer.header("Test-Statements").unwrap().to_owned())
}

/// The id under which the database remembers `token`.
fn id(token: &str) -> String {
    let digest = u128::from_be_bytes(Sha256::digest(token)[..16].try_into().unwrap());
    let version_4 = digest & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let hex = format!("{version_4:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The questions about `token`.
fn asked(token: &str) -> Vec<Value> {
    ASKED.lock().unwrap().iter().filter(|asked| asked["response"] == token).cloned().collect()
}

fn stored(name: &str, client_id: &str) -> usize {
    let database = server().database();
    let users = database.users(client_id);
    users.iter().filter(|user| user.username == name).count() + database.accounts(name).len()
}

fn cause(answer: &Answer) -> String {
    server().log_line(answer.id())["cause"].as_str().unwrap().to_owned()
}

#[test]
fn a_good_token_signs_up_once() {
    let token = "good.first";
    let send =
        |request: Request, token| with_token(request, token).address("2001:DB8:0:0::77").send_to(server());
    assert_eq!(send(sign_up("first", "turnstile"), token).status, 200);
    let question = &asked(token)[0];
    assert_eq!((&question["secret"], &question["remoteip"]), (&json!(SECRET), &json!("2001:db8::77")));
    assert_eq!(question.as_object().unwrap().len(), 4);
    let uuid = question["idempotency_key"].as_str().unwrap();
    assert_eq!((uuid.len(), &uuid[14..15], uuid.matches('-').count()), (36, "4", 4), "{uuid}");

    // Another sign-up needs another token, also with the same client, name or address.
    send(sign_up("second", "turnstile"), token).is(400, REFUSED);
    send(sign_up("first", "turnstile-2"), token).is(400, REFUSED);
    send(sign_up("second", "turnstile"), "bad.1").is(400, REFUSED);
    for token in [token, "bad.2"] {
        send(account("turnstile-first"), token).is(
            400,
            r#"{"name":"turnstile-first","privacy":null,"code":"400","description":"Captcha-Token was not accepted"}"#,
        );
    }
    send(account("turnstile-first"), "good.account")
        .is(201, r#"{"name":"turnstile-first","privacy":"Public"}"#);
    let database = server().database();
    assert_eq!((database.users("turnstile").len(), database.users("turnstile-2").len()), (1, 0));
}

#[test]
fn a_token_is_good_for_a_repeat_of_its_own_sign_up_and_for_no_other() {
    let paid = |request: Request| with_token(request, "good.repeat");
    let user = paid(sign_up("repeat", "turnstile-3")).key("turnstile-repeat");
    // The first try spends the token at siteverify and stores nothing. The second stores the user, and the third
    // repeats it.
    assert_eq!(user.clone().fault("db-down").send_to(server()).status, 503);
    let first = user.send_to(server());
    assert_eq!(first.status, 200);
    user.send_to(server()).is(200, &first.body);
    // A repeat may bring a new token, for the case that the first has expired.
    user.member("captcha_token", "good.repeat-2").send_to(server()).is(200, &first.body);

    for request in [
        paid(sign_up("repeat-2", "turnstile-3")).key("turnstile-repeat"),
        paid(sign_up("repeat", "turnstile-4")).key("turnstile-repeat"),
        paid(sign_up("repeat", "turnstile-3")).key("another"),
        paid(sign_up("repeat", "turnstile-3")),
    ] {
        let answer = request.send_to(server());
        assert!(answer.status == 400 && answer.body.contains("captcha_token"), "{answer:?}");
    }
    assert_eq!(server().database().users("turnstile-3").len(), 1);

    let account = |name| with_token(account(name), "good.repeated-account");
    let keyed = |name| account(name).key("turnstile-repeat").send_to(server());
    assert_eq!(keyed("turnstile-repeat").status, 201);
    assert_eq!(keyed("turnstile-repeat").status, 201);
    assert_eq!(keyed("turnstile-repeat-2").status, 400);
    assert_eq!(account("turnstile-repeat").send_to(server()).status, 400);
}

#[test]
fn a_token_pays_for_ten_tries_of_one_sign_up() {
    // siteverify takes this token each time, so only the database refuses it.
    let token = "lenient.ten";
    let paid = |request: Request| with_token(request, token);
    let keyed = |request: Request| paid(request).key("turnstile-ten").send_to(server());
    let first = keyed(sign_up("Ten", "turnstile-8"));
    assert_eq!(first.status, 200);
    for answer in [
        keyed(sign_up("eleven", "turnstile-8")),
        keyed(sign_up("Ten", "turnstile-9")),
        paid(sign_up("Ten", "turnstile-8")).key("another").send_to(server()),
        paid(sign_up("Ten", "turnstile-8")).send_to(server()),
    ] {
        answer.is(400, REFUSED);
    }
    assert_eq!(keyed(account("turnstile-ten")).status, 400);
    for name in ["ten", "TEN", "Ten", "Ten", "Ten", "Ten", "Ten", "Ten", "Ten"] {
        keyed(sign_up(name, "turnstile-8")).is(200, &first.body);
    }
    keyed(sign_up("Ten", "turnstile-8")).is(400, REFUSED);
    let database = server().database();
    assert_eq!((database.users("turnstile-8").len(), database.tries(&id(token))), (1, 11));
    assert_eq!(database.users("turnstile-9"), []);
}

#[test]
fn an_isolate_remembers_the_tokens_that_it_refused() {
    let with = |token: &str, name: &str| with_token(sign_up(name, "token-replays"), token);
    assert_refusals_are_remembered(
        "tokens",
        |name| with("lenient.here", name),
        |name| with("lenient.elsewhere", name),
    );
    // The first token was asked about for its ten tries; the second for its two tries, and for the refusal by which the
    // isolate learned whose it is.
    assert_eq!((asked("lenient.here").len(), asked("lenient.elsewhere").len()), (10, 3));
}

#[test]
fn a_token_of_another_page_is_refused() {
    let (hostnames, action) = ("TURNSTILE_HOSTNAMES", "TURNSTILE_ACTION");
    let [accepted, refused] = [(201, "2".to_owned()), (400, "0".to_owned())];
    // Without settings, the page's host must be that of the request, and every action is good.
    assert_eq!(status_under(&[], "elsewhere.1", "turnstile-page-1"), refused);
    assert_eq!(status_under(&[], "acted.buy.1", "turnstile-page-1"), accepted);
    let listed = (hostnames, "app.example  Elsewhere.example");
    assert_eq!(status_under(&[listed], "elsewhere.2", "turnstile-page-2"), accepted);
    assert_eq!(status_under(&[listed], "good.page-1", "turnstile-page-3"), refused);
    for other in ["elsewhere", "elsewhere.example.org", "app.elsewhere.example"] {
        assert_eq!(
            status_under(&[(hostnames, other)], "elsewhere.3", "turnstile-page-3"),
            refused,
            "{other}"
        );
    }
    let acting = (action, "sign-up");
    assert_eq!(status_under(&[acting], "acted.sign-up.1", "turnstile-page-4"), accepted);
    for token in ["good.page-2", "acted.buy.2", "acted.Sign-up", "acted.sign-up-2"] {
        assert_eq!(status_under(&[acting], token, "turnstile-page-5"), refused, "{token}");
    }
    // A token that siteverify refuses costs no statement either.
    assert_eq!(status_under(&[], "bad.page", "turnstile-page-5"), refused);
}

#[test]
fn with_the_secret_for_tests_the_one_token_of_its_widgets_is_good_for_all() {
    let testing = [("TURNSTILE_SECRET", TEST_SECRET), ("TURNSTILE_ACTION", "sign-up")];
    for name in ["turnstile-test-1", "turnstile-test-2"] {
        assert_eq!(status_under(&testing, "XXXX.DUMMY.TOKEN.XXXX", name), (201, "1".to_owned()));
    }
}

#[test]
fn siteverify_is_not_asked_about_a_text_that_cannot_be_a_token() {
    let given = "captcha_token must be given, as a string: the token of a Turnstile challenge";
    let accepted = "captcha_token was not accepted: it must be the token of a new Turnstile challenge";
    let long = format!("good.{}", "x".repeat(2044));
    let before = ASKED.lock().unwrap().len();
    for (token, description) in [
        (json!(null), given),
        (json!(1), given),
        (json!(["good.1"]), given),
        (json!(""), given),
        (json!("good. 1"), accepted),
        (json!("good.\u{e9}"), accepted),
        (json!(long), accepted),
    ] {
        let body = format!(r#"{{"description":"{description}","code":"400","field":"captcha_token"}}"#);
        with_token(sign_up("malformed", "turnstile-5"), token).send_to(server()).is(400, &body);
    }
    let answer = sign_up("malformed", "turnstile-5").vars(settings(&[])).send_to(server());
    assert!(answer.status == 400 && answer.body.contains(given), "{answer:?}");
    account("turnstile-malformed").privacy("private").vars(settings(&[])).send_to(server()).is(
        400,
        r#"{"name":"turnstile-malformed","privacy":"private","code":"400","description":"Captcha-Token was missing"}"#,
    );
    let answer = with_token(account("turnstile-malformed"), &*long).send_to(server());
    assert!(answer.body.contains("Captcha-Token was not accepted"), "{answer:?}");
    // A sign-up with a bad field does not use its token up.
    for request in [sign_up("", "turnstile-5"), account("a b")] {
        assert_eq!(with_token(request, "good.unused").send_to(server()).status, 400);
    }
    assert_eq!(asked("good.unused"), [""; 0]);
    let longest = with_token(sign_up("long", "turnstile-5"), &long[..2048]);
    assert_eq!(longest.send_to(server()).status, 200);
    assert!(asked(&long).is_empty() && ASKED.lock().unwrap().len() > before);
    assert_eq!(stored("malformed", "turnstile-5") + stored("turnstile-malformed", ""), 0);
}

#[test]
fn without_a_verdict_every_sign_up_is_refused() {
    // All are sent at once, because the slow ones run into the time limit.
    thread::scope(|scope| {
        for token in [
            "slow", "half", "redirect", "status", "huge", "html", "null", "text", "list", "silent",
            "internal", "timeless", "garbled", "hostless",
        ] {
            scope.spawn(move || {
                let request = with_token(sign_up(token, "turnstile-6"), format!("{token}.1"));
                let answer = request.send_to(server());
                answer.is(503, UNAVAILABLE);
                assert_eq!(answer.header("Retry-After"), Some("5"));
                assert!(cause(&answer).starts_with("siteverify: "), "{}", cause(&answer));
            });
            scope.spawn(move || {
                let request = with_token(account(&format!("turnstile-{token}")), format!("{token}.2"));
                request.send_to(server()).is(503, UNAVAILABLE);
            });
        }
    });
    let vars = settings(&[("TURNSTILE_URL", &stand_in::nobody())]);
    let request = account("turnstile-down").vars(vars).header("Captcha-Token", "good.down");
    let answer = request.send_to(server());
    answer.is(503, UNAVAILABLE);
    assert!(cause(&answer).starts_with("siteverify: "), "{}", cause(&answer));
    let database = server().database();
    assert_eq!(database.users("turnstile-6").len(), 0);
    assert_eq!(stored("turnstile-slow", "") + stored("turnstile-down", ""), 0);
}

#[test]
fn a_wrong_setting_stops_the_service_and_the_log_names_it() {
    let wrong_secret = settings(&[("TURNSTILE_SECRET", "0x4AAA-an0ther-s3cret")]);
    let on = settings(&[]);
    for (vars, token, expected) in [
        (&*wrong_secret, "good.wrong", "TURNSTILE_SECRET: siteverify says invalid-input-secret"),
        (&*on, "malformed.1", "TURNSTILE_SECRET: siteverify says bad-request"),
        (
            r#"{"TURNSTILE_SECRET":""}"#,
            "good.wrong",
            "TURNSTILE_SECRET must be 1 to 255 visible ASCII characters",
        ),
        (r#"{"TURNSTILE_SECRET":"s3cret\n"}"#, "good.wrong", "TURNSTILE_SECRET must be"),
        (
            r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_SITE_KEY":""}"#,
            "good.wrong",
            "TURNSTILE_SITE_KEY must be",
        ),
        (r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_URL":""}"#, "good.wrong", "TURNSTILE_URL must be a URL"),
        (
            r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_URL":"http://a.example"}"#,
            "good.wrong",
            "TURNSTILE_URL must be a URL of HTTPS, or of HTTP on 127.0.0.1 or localhost, without a user",
        ),
        (
            r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_URL":"https://user@a.example"}"#,
            "good.wrong",
            "TURNSTILE_URL must be a URL of HTTPS, or of HTTP on 127.0.0.1 or localhost, without a user",
        ),
        (
            r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_URL":"ftp://a"}"#,
            "good.wrong",
            "TURNSTILE_URL must be a URL",
        ),
        (
            r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_URL":"http://"}"#,
            "good.wrong",
            "TURNSTILE_URL must be a URL",
        ),
        (
            r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_HOSTNAMES":"https://app.example"}"#,
            "good.wrong",
            "TURNSTILE_HOSTNAMES must be names of hosts",
        ),
        (
            r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_HOSTNAMES":" "}"#,
            "good.wrong",
            "TURNSTILE_HOSTNAMES must be names of hosts",
        ),
        (r#"{"TURNSTILE_SECRET":"s3cret","TURNSTILE_ACTION":""}"#, "good.wrong", "TURNSTILE_ACTION must be"),
        (
            r#"{"TURNSTILE_HOSTNAMES":"app.example"}"#,
            "good.wrong",
            "TURNSTILE_SECRET is missing, but TURNSTILE_HOSTNAMES is there",
        ),
        (
            r#"{"TURNSTILE_ACTION":"sign-up"}"#,
            "good.wrong",
            "TURNSTILE_SECRET is missing, but TURNSTILE_ACTION is there",
        ),
        (
            r#"{"TURNSTILE_SITE_KEY":"0x1"}"#,
            "good.wrong",
            "TURNSTILE_SECRET is missing, but TURNSTILE_SITE_KEY is there",
        ),
        (
            r#"{"TURNSTILE_URL":"http://a"}"#,
            "good.wrong",
            "TURNSTILE_SECRET is missing, but TURNSTILE_URL is there",
        ),
    ] {
        let request = account("turnstile-wrong").vars(vars).header("Captcha-Token", token);
        let answer = request.send_to(server());
        answer.is(500, INTERNAL);
        assert!(cause(&answer).starts_with(expected), "{}", cause(&answer));
    }
    assert_eq!(stored("turnstile-wrong", ""), 0);
    for line in server().log() {
        assert!(!["s3cret", "good."].iter().any(|secret| line.contains(secret)), "{line}");
    }
}

#[test]
fn a_page_learns_from_the_preflight_what_it_has_to_send() {
    let preflight = |vars: &str| preflight("/users/").vars(vars).send_to(server());
    let plain = "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition, Username, Privacy, Idempotency-Key";
    let allowed = |answer: &Answer| answer.header("Access-Control-Allow-Headers").unwrap().to_owned();
    let off = preflight("{}");
    assert_eq!((allowed(&off).as_str(), off.header("Captcha-Site-Key")), (plain, None));
    let on = preflight(&settings(&[("TURNSTILE_SITE_KEY", "0x4AAA-public")]));
    assert_eq!(allowed(&on), format!("{plain}, Captcha-Token"));
    assert_eq!(on.header("Captcha-Site-Key"), Some("0x4AAA-public"));
    assert_eq!(on.header("Access-Control-Max-Age"), Some("86400"));
    assert_eq!(on.header("Captcha-Action"), None);
    let acting = preflight(&settings(&[("TURNSTILE_ACTION", "sign-up")]));
    assert_eq!((acting.header("Captcha-Site-Key"), acting.header("Captcha-Action")), (None, Some("sign-up")));
}

/// Lets every request of the page bring these settings.
fn set(page: &Browser, vars: &str) {
    page.devtools("Network.enable", &json!({}));
    page.devtools("Network.setExtraHTTPHeaders", &json!({ "headers": { "Test-Vars": vars } }));
}

#[test]
fn the_console_shows_the_widget_and_sends_its_token() {
    // In the place of Cloudflare's script: each widget gives a token at once, and a new one when it is reset.
    let script = "let count = 0;
        const widgets = [];
        const give = (id) => setTimeout(() => widgets[id].callback(`acted.${widgets[id].action}.${widgets[id].sitekey}.${Date.now()}.${++count}`));
        window.turnstile = {
            render(node, options) {
                node.textContent = `widget of ${options.sitekey}`;
                give(widgets.push(options) - 1);
                return widgets.length - 1;
            },
            reset: give,
        };";
    let set_up = |page: &Browser| {
        set(page, &settings(&[("TURNSTILE_SITE_KEY", "0x4AAA-console"), ("TURNSTILE_ACTION", "sign-up")]));
        page.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    };
    on_each_screen_of(server(), "/", set_up, |page, (screen, ..)| {
        for (route, field, name, status) in [
            (SIGN_UP, "captcha_token", "username", "200 OK"),
            (ACCOUNT, "captcha-token", "name", "201 Created"),
        ] {
            let value = format!("document.getElementById('{field}').value");
            let filled = format!("{value}.startsWith('acted.sign-up.0x4AAA-console.')");
            page.wait_until(&filled);
            assert_eq!(page.text(&format!("{route} [data-widget]")), "widget of 0x4AAA-console");
            let token = page.run(&format!("return {value}"), &json!([]));
            assert!(part(page, route, "text").contains(token.as_str().unwrap()));

            page.fill(&format!("#{name}"), &format!("{screen}-captcha"));
            let (outcome, _) = answer_to(page, route, ".primary");
            assert!(outcome.starts_with(status), "{outcome}");
            let (outcome, _) = answer_to(page, route, "[data-part=retry]");
            assert!(outcome.starts_with(status) && outcome.contains("the same answer"), "{outcome}");

            // Another sign-up is refused with the same token, and the widget then makes a new one.
            page.fill(&format!("#{name}"), &format!("{screen}-captcha-2"));
            let (outcome, _) = answer_to(page, route, ".primary");
            assert!(outcome.starts_with("400") && outcome.contains("was not accepted"), "{outcome}");
            page.wait_until(&format!("{value} !== {token} && {filled}"));
            let (outcome, _) = answer_to(page, route, ".primary");
            assert!(outcome.starts_with(status), "{outcome}");
        }
    });
}

#[test]
fn without_its_script_or_key_the_console_takes_a_token_by_hand() {
    let with_key = settings(&[("TURNSTILE_SITE_KEY", "0x4AAA-console")]);
    for (vars, hint) in [
        (settings(&[]), "The token of a Turnstile challenge, good for one sign-up and its retries."),
        // The policy allows the script, but the tests have no network.
        (with_key, "The Turnstile widget could not be loaded. Paste a token."),
    ] {
        let Some(page) = Browser::start() else { return };
        set_scheme(&page, "light");
        set(&page, &vars);
        page.open(&format!("{}/", server().url));
        page.wait_until("document.querySelector('#captcha_token').checkVisibility()");
        page.wait_until(&format!("document.querySelector('#captcha-token-hint').textContent === '{hint}'"));
        page.fill("#captcha-token", "bad.by-hand");
        let (outcome, _) = answer_to(&page, ACCOUNT, ".primary");
        assert!(outcome.contains("Captcha-Token was not accepted"), "{outcome}");
        assert_eq!(page.text("#captcha-token-error"), "Captcha-Token was not accepted");
        if hint.contains("Paste") {
            // The script is loaded again then, once for both forms.
            page.wait_until("document.querySelectorAll('script[src*=turnstile]').length === 2");
        }
        for complaint in page.complaints() {
            assert!(!complaint.contains("Content Security Policy"), "{complaint}");
        }
    }
    let Some(page) = Browser::start() else { return };
    set_scheme(&page, "light");
    page.open(&format!("{}/", server().url));
    answer_to(&page, ACCOUNT, ".primary");
    let seen = page.run("return document.querySelector('#captcha_token').checkVisibility()", &json!([]));
    assert_eq!((seen, part(&page, ACCOUNT, "text").contains("Captcha")), (json!(false), false));
}

#[test]
fn without_the_secret_no_token_is_asked_for_or_looked_at() {
    let before = asked("good.off").len();
    for token in [json!("good.off"), json!(1), json!(null)] {
        let request = sign_up(&token.to_string(), "turnstile-7").member("captcha_token", token);
        let answer = request.send_to(server());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let twice = r#"{"username":"twice","password":"p","client_id":"turnstile-7","captcha_token":1,"captcha_token":2}"#;
    assert_eq!(post("/sign-up").json(twice).send_to(server()).status, 200);
    let account = account("turnstile-off").header("Captcha-Token", "good.off");
    assert_eq!(account.send_to(server()).status, 201);
    assert_eq!(asked("good.off").len(), before);
}
