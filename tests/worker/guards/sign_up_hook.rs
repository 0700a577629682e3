//! `SIGN_UP_HOOK`, with a server that answers as the path of its URL says, and with the hooks of `examples/hooks/`.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{breached_passwords, limits};
use crate::faults::server;
use crate::http::{Answer, PREFLIGHT_ALLOW_HEADERS};
use crate::request::{Request, account, preflight, sign_up};
use crate::server::{Server, command, wrangler};
use crate::stand_in::{self, Question, Reply};

/// The secret of the specification's example.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const INTERNAL: &str = r#"{"description":"Internal error","code":"500"}"#;
const UNAVAILABLE: &str =
    r#"{"description":"The service is unavailable for the moment, try again later","code":"503"}"#;
/// The description of the denials that name a field.
pub const NOT_YOU: &str = "Choose a name of your own";

static HOOK: LazyLock<String> = LazyLock::new(|| stand_in::start(hook));

/// A message that the hook got.
#[derive(Clone, Debug)]
struct Asked {
    headers: Vec<(String, String)>,
    text: String,
    body: Value,
}

impl Asked {
    fn id(&self) -> &str {
        &self.headers.iter().find(|(name, _)| name == "webhook-id").unwrap().1
    }
}

/// The messages, in order.
static ASKED: Mutex<Vec<Asked>> = Mutex::new(Vec::new());

fn hook(question: &Question) -> Reply {
    let text = String::from_utf8(question.body.clone()).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let name = body["data"]["username"].as_str().unwrap().to_owned();
    ASKED.lock().unwrap().push(Asked { headers: question.headers.clone(), text, body });
    let decision = |decision: Value| Reply::Answer(200, decision.to_string());
    let allow = json!({ "decision": "allow" });
    let deny = |description: &str, field| {
        decision(json!({ "decision": "deny", "description": description, "field": field }))
    };
    let path = question.line.strip_prefix("POST /").expect("the hook should get a POST");
    match path {
        "allow" => decision(allow),
        "deny" => deny("Ask for an invitation.", json!(null)),
        "deny-username" => deny(NOT_YOU, json!("username")),
        "deny-client" => deny("Not in this app", json!("client_id")),
        "deny-password" => deny("Not with this password", json!("password")),
        "deny-name" => deny(&format!("{name} is not welcome"), json!("username")),
        "deny-long" => deny(&"Oh no. ".repeat(9000), json!(null)),
        "deny-odd" => deny("<b>One</b>\r\nX-Evil: 1\u{202e}", json!(null)),
        "deny-silently" => decision(json!({ "decision": "deny" })),
        "late" => {
            thread::sleep(Duration::from_millis(1500));
            decision(allow)
        }
        "slow" => Reply::Never,
        "half" => Reply::Half(allow.to_string()),
        "lost" => Reply::Lost,
        "redirect" => Reply::Answer(307, allow.to_string()),
        "created" => Reply::Answer(201, allow.to_string()),
        "error" => Reply::Answer(500, allow.to_string()),
        "forbidden" => Reply::Answer(403, json!({ "decision": "deny", "description": "No" }).to_string()),
        "huge" => Reply::Answer(200, allow.to_string() + &" ".repeat(64 * 1024)),
        "html" => Reply::Answer(200, format!("<html>{name}")),
        "null" => decision(json!(null)),
        "list" => decision(json!(["allow"])),
        "unknown" => decision(json!({ "decision": name })),
        "twice" => Reply::Answer(200, r#"{"decision":"deny","decision":"allow"}"#.to_owned()),
        other => panic!("the hook has no answer at {other}"),
    }
}

/// The settings that switch the guard on, with the hook's answer at `path`, and others.
pub fn settings(path: &str, more: &[(&str, &str)]) -> String {
    let mut vars = json!({ "SIGN_UP_HOOK": format!("{}/{path}", *HOOK), "SIGN_UP_HOOK_SECRET": SECRET });
    for (name, value) in more {
        vars[*name] = json!(value);
    }
    vars.to_string()
}

/// The messages about `username`.
fn asked(username: &str) -> Vec<Asked> {
    let asked = ASKED.lock().unwrap();
    asked.iter().filter(|asked| asked.body["data"]["username"] == username).cloned().collect()
}

/// The code in the last message about `username`.
pub fn last_code(username: &str) -> Option<String> {
    asked(username).last()?.body["data"]["code"].as_str().map(str::to_owned)
}

/// The log's `cause` or `warning` of an answer.
fn logged(answer: &Answer, member: &str) -> String {
    server().log_line(answer.id())[member].as_str().unwrap_or_default().to_owned()
}

fn reason(answer: &Answer) -> &str {
    answer.header("X-Error-Reason").unwrap_or_default()
}

/// Whether the reference library takes the message with each of `secrets`.
fn verified(asked: &Asked, text: &str, secrets: &[&str]) -> Vec<bool> {
    let script = r#"
        const { Webhook } = require("./examples/node_modules/standardwebhooks");
        const [headers, text, secrets] = process.argv.slice(1).map((json) => JSON.parse(json));
        const verifies = (secret) => {
            try { return !!new Webhook(secret).verify(text, Object.fromEntries(headers)); } catch { return false; }
        };
        console.log(JSON.stringify(secrets.map(verifies)));"#;
    let arguments = [json!(asked.headers), json!(text), json!(secrets)].map(|value| value.to_string());
    let output = command("node").args(["-e", script]).args(arguments).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn the_hook_gets_a_signed_message_without_the_password() {
    let new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let vars = settings("allow", &[("SIGN_UP_HOOK_SECRET", &format!("{SECRET} {new}"))]);
    let user = sign_up("Hooked", "hooks").vars(&vars).address("2001:DB8:0:0::77").headers([
        ("User-Agent", "A browser \u{fc}"),
        ("Origin", "https://app.example"),
        ("Sign-Up-Code", "abc-123"),
    ]);
    assert_eq!(user.send_to(server()).status, 200);
    let message = &asked("Hooked")[0];
    let mut body = message.body.clone();
    let timestamp = body["timestamp"].take();
    assert!(
        timestamp.as_str().unwrap().ends_with('Z') && timestamp.as_str().unwrap().len() == 24,
        "{timestamp}"
    );
    let data = json!({
        "route": "/sign-up", "client_id": "hooks", "username": "Hooked", "ip": "2001:db8::77",
        "user_agent": "A browser \u{fc}", "origin": "https://app.example", "code": "abc-123",
    });
    assert_eq!(body, json!({ "type": "sign_up.attempted", "timestamp": null, "data": data }));
    let whole = format!("{:?}{}", message.headers, message.text);
    assert!(!whole.contains("correct horse"), "{whole}");

    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(verified(message, &message.text, &[SECRET, new, other]), [true, true, false]);
    assert_eq!(verified(message, &message.text.replace("Hooked", "hooked"), &[SECRET]), [false]);

    // An account has no client. A header that is missing, or longer than 512 bytes, is null.
    let account = account("Hooked-account").vars(vars).address("198.18.9.1");
    let account = account.header("User-Agent", "x".repeat(513)).header("Sign-Up-Code", "c".repeat(512));
    assert_eq!(account.send_to(server()).status, 201);
    let data = json!({
        "route": "/users/", "client_id": null, "username": "Hooked-account", "ip": "198.18.9.1",
        "user_agent": null, "origin": null, "code": "c".repeat(512),
    });
    assert_eq!(asked("Hooked-account")[0].body["data"], data);
}

#[test]
fn each_try_of_an_attempt_has_the_same_id_and_no_other_attempt_has_it() {
    let key = "a-key-that-only-the-client-knows";
    let on = |request: Request| request.vars(settings("allow", &[]));
    let user = on(sign_up("Tried", "hook-tries")).key(key);
    // The first try stores nothing, the second stores the user, and the third repeats it.
    assert_eq!(user.clone().fault("db-down").send_to(server()).status, 503);
    let first = user.send_to(server());
    assert_eq!(first.status, 200);
    user.send_to(server()).is(200, &first.body);
    let tries = asked("Tried");
    let ids: BTreeSet<_> = tries.iter().map(Asked::id).collect();
    assert_eq!((tries.len(), ids.len()), (3, 1));
    let id = tries[0].id();
    assert!(id.len() == 72 && id.starts_with("attempt_"), "{id}");
    assert!(!format!("{:?}{}", tries[0].headers, tries[0].text).contains(key));

    let others = [
        on(sign_up("Tried", "hook-tries")).key("another"),
        on(sign_up("Tried", "hook-tries")),
        on(sign_up("Tried", "hook-tries")),
        on(sign_up("Tried", "hook-tries-2")).key(key),
        on(account("Tried")).key(key),
        on(sign_up("Tried-2", "hook-tries")).key(key),
    ];
    for request in &others {
        request.send_to(server());
    }
    let all: Vec<_> = ["Tried", "Tried-2"].into_iter().flat_map(asked).collect();
    let ids: BTreeSet<_> = all.iter().map(Asked::id).collect();
    assert_eq!((all.len(), ids.len()), (3 + others.len(), 1 + others.len()));
}

#[test]
fn a_denial_reaches_the_client_in_the_words_of_the_hook() {
    let long = "Oh no. ".repeat(28) + "Oh n";
    for (path, status, word, field, description) in [
        ("deny", 403, "hook_denied", None, "Ask for an invitation."),
        ("deny-username", 400, "username_denied", Some("username"), NOT_YOU),
        ("deny-client", 400, "client_id_denied", Some("client_id"), "Not in this app"),
        // The hook has not seen the password, so it cannot name it.
        ("deny-password", 403, "hook_denied", None, "Not with this password"),
        ("deny-name", 400, "username_denied", Some("username"), "Denied is not welcome"),
        ("deny-long", 403, "hook_denied", None, long.trim()),
        ("deny-odd", 403, "hook_denied", None, "<b>One</b>  X-Evil: 1"),
        ("deny-silently", 403, "hook_denied", None, "The sign-up was denied"),
    ] {
        let answer = sign_up("Denied", "hook-denials").vars(settings(path, &[])).send_to(server());
        let field = field.map_or(String::new(), |field| format!(r#","field":"{field}""#));
        answer.is(status, &format!(r#"{{"description":"{description}","code":"{status}"{field}}}"#));
        assert_eq!(reason(&answer), word);
        let line = server().log_line(answer.id());
        let outcome = if status == 403 { "denied" } else { "invalid" };
        assert_eq!((&line["outcome"], line.get("cause")), (&json!(outcome), None));
        assert!(!line.to_string().contains("welcome"), "{line}");
    }
    for (path, status, word, body) in [
        ("deny", 403, "hook_denied", r#"{"description":"Ask for an invitation.","code":"403"}"#),
        ("deny-client", 403, "hook_denied", r#"{"description":"Not in this app","code":"403"}"#),
        (
            "deny-username",
            400,
            "username_denied",
            r#"{"name":"hook-denied","privacy":"private","code":"400","description":"Choose a name of your own"}"#,
        ),
    ] {
        let request = account("hook-denied").privacy("private").vars(settings(path, &[]));
        let answer = request.send_to(server());
        answer.is(status, body);
        assert_eq!(reason(&answer), word);
    }
    let database = server().database();
    assert_eq!((database.users("hook-denials").len(), database.accounts("hook-denied").len()), (0, 0));
}

#[test]
fn without_a_decision_the_setting_decides() {
    let nobody = stand_in::nobody();
    let before = ASKED.lock().unwrap().len();
    let paths = [
        "slow",
        "half",
        "lost",
        "redirect",
        "created",
        "error",
        "forbidden",
        "huge",
        "html",
        "null",
        "list",
        "unknown",
        "twice",
        "nobody",
    ];
    thread::scope(|scope| {
        for path in paths {
            let vars = |on_error: &str| {
                let mut more = vec![("SIGN_UP_HOOK_TIMEOUT", "700"), ("SIGN_UP_HOOK_ON_ERROR", on_error)];
                more.extend((path == "nobody").then_some(("SIGN_UP_HOOK", nobody.as_str())));
                settings(path, &more)
            };
            let (deny, allow) = (vars("deny"), vars("allow"));
            scope.spawn(move || {
                let name = format!("Unheard-{path}");
                for request in [sign_up(&name, "hook-failures"), account(&name)] {
                    let answer = request.clone().vars(&deny).send_to(server());
                    answer.is(503, UNAVAILABLE);
                    assert_eq!((reason(&answer), answer.header("Retry-After")), ("unavailable", Some("5")));
                    let cause = logged(&answer, "cause");
                    assert!(cause.starts_with("SIGN_UP_HOOK: ") && !cause.contains("Unheard"), "{cause}");
                    let answer = request.vars(&allow).send_to(server());
                    assert!(answer.status < 300, "{answer:?}");
                    let warning = logged(&answer, "warning");
                    assert_eq!(warning, format!("let pass unchecked, {cause}"));
                }
            });
        }
    });
    // Each of the others was asked four times, and no redirect was followed.
    let names = ASKED.lock().unwrap()[before..].to_vec();
    let of_this_test =
        |asked: &&Asked| asked.body["data"]["username"].as_str().unwrap().starts_with("Unheard-");
    assert_eq!(names.iter().filter(of_this_test).count(), 4 * (paths.len() - 1));
}

#[test]
fn the_hook_has_two_seconds_or_as_many_as_the_setting_says() {
    let status = |path: &str, more: &[(&str, &str)], name: &str| {
        account(name).vars(settings(path, more)).send_to(server()).status
    };
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(status("late", &[], "hook-late"), 201));
        scope.spawn(|| assert_eq!(status("late", &[("SIGN_UP_HOOK_TIMEOUT", "500")], "hook-too-late"), 503));
        scope.spawn(|| assert_eq!(status("late", &[("SIGN_UP_HOOK_TIMEOUT", "5000")], "hook-patient"), 201));
        scope.spawn(|| assert_eq!(status("slow", &[], "hook-slow"), 503));
    });
}

#[test]
fn a_wrong_hook_setting_stops_the_service_and_the_log_names_it() {
    let url = "SIGN_UP_HOOK must be a URL of HTTPS, or of HTTP on 127.0.0.1 or localhost, without a user";
    for (name, value, expected) in [
        ("SIGN_UP_HOOK", json!(""), url),
        ("SIGN_UP_HOOK", json!("hook.example"), url),
        ("SIGN_UP_HOOK", json!("ftp://hook.example"), url),
        ("SIGN_UP_HOOK", json!("http://hook.example"), url),
        ("SIGN_UP_HOOK", json!("http://127.0.0.1.example"), url),
        ("SIGN_UP_HOOK", json!("http://localhost@hook.example"), url),
        ("SIGN_UP_HOOK", json!("http://localhost:1@hook.example"), url),
        ("SIGN_UP_HOOK", json!("http://hook.example\\@localhost/"), url),
        ("SIGN_UP_HOOK", json!("http://[::ffff:1.2.3.4]/"), url),
        ("SIGN_UP_HOOK", json!("https://user:s3cret@hook.example"), url),
        ("SIGN_UP_HOOK", json!("https://s3cret@hook.example"), url),
        ("SIGN_UP_HOOK", json!("https://:s3cret@hook.example"), url),
        ("SIGN_UP_HOOK", json!(1), "SIGN_UP_HOOK must be a URL or the binding of a Worker"),
        ("SIGN_UP_HOOK", json!({ "fetch": 1 }), "SIGN_UP_HOOK must be a URL or the binding of a Worker"),
        ("SIGN_UP_HOOK", json!(null), "SIGN_UP_HOOK is missing, but SIGN_UP_HOOK_SECRET is there"),
        ("SIGN_UP_HOOK_SECRET", json!(null), "SIGN_UP_HOOK_SECRET must be 1 to 4 secrets"),
        ("SIGN_UP_HOOK_SECRET", json!(""), "SIGN_UP_HOOK_SECRET must be 1 to 4 secrets"),
        ("SIGN_UP_HOOK_SECRET", json!("whsec_s3cret"), "SIGN_UP_HOOK_SECRET must be 1 to 4 secrets"),
        (
            "SIGN_UP_HOOK_TIMEOUT",
            json!("0"),
            "SIGN_UP_HOOK_TIMEOUT is \"0\": it must be 1 to 5000 milliseconds",
        ),
        ("SIGN_UP_HOOK_TIMEOUT", json!("5001"), "SIGN_UP_HOOK_TIMEOUT is \"5001\": it must be 1 to 5000"),
        ("SIGN_UP_HOOK_TIMEOUT", json!("2s"), "SIGN_UP_HOOK_TIMEOUT is \"2s\": it must be a whole number"),
        ("SIGN_UP_HOOK_ON_ERROR", json!("pass"), "SIGN_UP_HOOK_ON_ERROR is \"pass\": it must be \"deny\""),
    ] {
        let mut vars: Value = serde_json::from_str(&settings("allow", &[])).unwrap();
        vars[name] = value;
        let answer = account("hook-wrong").vars(vars).send_to(server());
        answer.is(500, INTERNAL);
        assert!(logged(&answer, "cause").starts_with(expected), "{}", logged(&answer, "cause"));
        assert!(!logged(&answer, "cause").contains("s3cret"));
    }
    for name in ["SIGN_UP_HOOK_TIMEOUT", "SIGN_UP_HOOK_ON_ERROR"] {
        let answer = account("hook-wrong").vars(json!({ name: "1" })).send_to(server());
        answer.is(500, INTERNAL);
        assert_eq!(logged(&answer, "cause"), format!("SIGN_UP_HOOK is missing, but {name} is there"));
    }
    assert_eq!(server().database().accounts("hook-wrong"), []);
}

#[test]
fn the_hook_is_asked_only_about_attempts_that_every_other_guard_let_pass() {
    let on = |request: Request| request.vars(settings("allow", &[]));
    let breached = format!(
        "{},{}",
        &breached_passwords::LIST[..breached_passwords::LIST.len() - 1],
        &settings("allow", &[])[1..]
    );
    for request in
        [on(sign_up("", "hook-last")), sign_up("Early", "hook-last").password("password").vars(breached)]
    {
        assert_eq!(request.send_to(server()).status, 400);
    }
    limits::early_in_a_minute();
    for (name, status) in [("Early-1", 200), ("Early-2", 200), ("Early-3", 429)] {
        let answer = limits::of_client(on(sign_up(name, "hook-last"))).send_to(server());
        assert_eq!((answer.status, asked(name).len()), (status, usize::from(status == 200)));
    }
    assert_eq!(asked("Early").len() + asked("").len(), 0);
}

#[test]
fn a_page_may_send_a_code_where_there_is_a_hook() {
    let allowed = |vars: &str| {
        let answer = preflight("/sign-up").vars(vars).send_to(server());
        answer.header("Access-Control-Allow-Headers").unwrap().to_owned()
    };
    assert_eq!(allowed("{}"), PREFLIGHT_ALLOW_HEADERS);
    assert_eq!(allowed(&settings("allow", &[])), format!("{PREFLIGHT_ALLOW_HEADERS}, Sign-Up-Code"));
    // Without a hook the header is ignored.
    let request = account("hook-off").header("Sign-Up-Code", "abc");
    assert_eq!((request.send_to(server()).status, asked("hook-off").len()), (201, 0));
}

#[test]
fn the_failure_of_another_worker_does_not_reach_the_log() {
    for (fault, expected) in [
        ("hook-throws", "SIGN_UP_HOOK: the Worker failed"),
        ("hook-hangs", "SIGN_UP_HOOK: TimeoutError: no answer in time"),
    ] {
        let vars = json!({ "SIGN_UP_HOOK_SECRET": SECRET, "SIGN_UP_HOOK_TIMEOUT": "300" });
        let request = sign_up("Unl0gged", "hook-workers").vars(vars).fault(fault);
        let answer = request.send_to(server());
        answer.is(503, UNAVAILABLE);
        assert_eq!(logged(&answer, "cause"), expected);
    }
    let vars = json!({ "SIGN_UP_HOOK_SECRET": SECRET });
    account("hook-wrong").vars(vars).fault("hook-wrong").send_to(server()).is(500, INTERNAL);
    for line in server().log() {
        assert!(!line.contains("Unl0gged"), "{line}");
    }
}

/// A server with the hooks of `examples/hooks/` beside it.
static EXAMPLES: LazyLock<Server> = LazyLock::new(|| {
    let config = |name: &str| format!("examples/hooks/{name}/wrangler.toml");
    let secret = format!("SIGN_UP_HOOK_SECRET:{SECRET}");
    let mut arguments = vec!["tests/worker/faults.js", "--var", &secret, "--beside", "admin/wrangler.toml"];
    let names = ["allowed-domains", "disposable-domains", "invitations", "waiting-list"];
    let others: Vec<_> = names.map(|name| (config(name), format!("{name}:hook-{name}"))).into();
    for (config, service) in &others {
        arguments.extend(["--beside", config, "--service", service]);
    }
    let server = Server::start("hooks", &arguments);
    let codes = (1..=9).map(|n| format!("('code-{n}')")).collect::<Vec<_>>().join(", ");
    let codes = format!("INSERT INTO invitations (code) VALUES {codes}");
    let schema = |name: &str| format!("--file=examples/hooks/{name}/schema.sql");
    for (name, binding, change) in [
        ("invitations", "INVITATIONS", schema("invitations")),
        ("invitations", "INVITATIONS", format!("--command={codes}")),
        ("waiting-list", "WAITING_LIST", schema("waiting-list")),
    ] {
        wrangler(&server.state, &["d1", "execute", binding, &change, "--config", &config(name)]);
    }
    server
});

/// The answer's status and description under the example `name`.
fn under(name: &str, request: &Request) -> (u16, String) {
    let bindings = json!({ "SIGN_UP_HOOK": name }).to_string();
    let answer = request.clone().header("Test-Bindings", bindings).send_to(&EXAMPLES);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["description"].as_str().unwrap_or_default().to_owned())
}

fn allowed(status: u16) -> (u16, String) {
    (status, String::new())
}

#[test]
fn the_example_of_allowed_domains() {
    let under = |name: &str| under("allowed-domains", &sign_up(name, "domains"));
    for name in ["ada@example.com", "grace@EXAMPLE.org", "joan@example.com."] {
        assert_eq!(under(name), allowed(200), "{name}");
    }
    for name in [
        "ada",
        "ada@example.net",
        "ada@a.example.com",
        "ada@example.com@example.net",
        "ada@example.net@example.com",
        "ada@example.com/x",
        "ada@",
        "@example.com",
    ] {
        let denied = (400, "Use an e-mail address of example.com or example.org.".to_owned());
        assert_eq!(under(name), denied, "{name}");
    }
    let account = self::under("allowed-domains", &account("ada@example.net"));
    assert_eq!(account, (400, "Use an e-mail address of example.com or example.org.".to_owned()));
}

#[test]
fn the_example_of_disposable_domains() {
    let under = |name: &str| under("disposable-domains", &sign_up(name, "disposable"));
    assert_eq!(under("ada@example.com"), allowed(200));
    for name in ["ada@mailinator.com", "ada@MAILINATOR.com", "ada@mailinator.com.", "ada@a.b.mailinator.com"]
    {
        assert_eq!(under(name), (400, "Use an e-mail address that lasts.".to_owned()), "{name}");
    }
    for name in ["ada", "ada@mailinator.com/"] {
        assert_eq!(under(name), (400, "Use an e-mail address.".to_owned()), "{name}");
    }
}

#[test]
fn the_example_of_invitations() {
    let invited = |name: &str, code: &str| sign_up(name, "invited").header("Sign-Up-Code", code);
    let under = |request: &Request| under("invitations", request);
    let used = (403, "This invitation is unknown, or was used.".to_owned());
    assert_eq!(
        under(&sign_up("ada", "invited")),
        (403, "You need an invitation: enter its code.".to_owned())
    );
    assert_eq!(under(&invited("ada", "made-up")), used);
    // A retry of the same attempt passes, also after an answer of the database was lost.
    let ada = invited("ada", "code-1").key("ada");
    assert_eq!(under(&ada.clone().fault("db-down")).0, 503);
    assert_eq!(under(&ada), allowed(200));
    assert_eq!(under(&ada), allowed(200));
    for request in [
        invited("grace", "code-1"),
        invited("grace", "code-1").key("ada"),
        invited("ada", "code-1"),
        account("ada").header("Sign-Up-Code", "code-1"),
    ] {
        assert_eq!(under(&request), used);
    }
    // A name that is taken does not cost the code.
    let taken = (400, "This name is taken. Choose another one.".to_owned());
    assert_eq!(under(&invited("ADA", "code-2")), taken);
    assert_eq!(under(&invited("grace", "code-2")), allowed(200));
    assert_eq!(under(&account("invited-account").header("Sign-Up-Code", "code-3")), allowed(201));

    // Of many attempts at once with one code, one passes.
    let statuses: Vec<_> = thread::scope(|scope| {
        let send = |n: u32| scope.spawn(move || under(&invited(&format!("crowd-{n}"), "code-4")).0);
        let crowd: Vec<_> = (0..12).map(send).collect();
        crowd.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 11, "{statuses:?}");
}

#[test]
fn the_example_of_a_waiting_list() {
    let under = |request: &Request| under("waiting-list", request);
    let waits = (403, "You are on the waiting list. We will tell you when you can sign up.".to_owned());
    for name in ["Ada", "Ada", "ADA"] {
        assert_eq!(under(&sign_up(name, "waiting")), waits);
    }
    assert_eq!(under(&account("Ada-waits")), waits);
    let config = "examples/hooks/waiting-list/wrangler.toml";
    // The list has the name once. The command fails if the statement does.
    let admit = "UPDATE waiting SET is_admitted = 1 / (SELECT count(*) = 1 FROM waiting WHERE client_id = 'waiting') \
         WHERE username = 'ada' AND client_id = 'waiting'";
    wrangler(&EXAMPLES.state, &["d1", "execute", "WAITING_LIST", "--command", admit, "--config", config]);
    assert_eq!(under(&sign_up("Ada", "waiting")), allowed(200));
    assert_eq!(under(&sign_up("Grace", "waiting")), waits);
}
