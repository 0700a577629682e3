//! `BREACHED_PASSWORDS`: the list in KV, and ranges from a server that speaks the protocol of Have I Been Pwned.

use std::sync::{LazyLock, Mutex};
use std::thread;

use serde_json::json;

use crate::faults::server;
use crate::http::Answer;
use crate::request::{Request, account, sign_up};
use crate::stand_in::{self, Question, Reply};

const INTERNAL: &str = r#"{"description":"Internal error","code":"500"}"#;
const UNAVAILABLE: &str =
    r#"{"description":"The service is unavailable for the moment, try again later","code":"503"}"#;
const KNOWN: &str = r#"{"description":"password is known from data breaches: choose another","code":"400","field":"password"}"#;

static RANGE: LazyLock<String> = LazyLock::new(|| format!("{}/range/", stand_in::start(range)));

/// The line and two headers of every question.
static ASKED: Mutex<Vec<[String; 3]>> = Mutex::new(Vec::new());

/// Gives the range for the first digits of a password's SHA-1 (`printf %s PASSWORD | sha1sum`).
fn range(question: &Question) -> Reply {
    let header = |name| question.header(name).unwrap_or_default().to_owned();
    ASKED.lock().unwrap().push([question.line.clone(), header("add-padding"), header("user-agent")]);
    assert_eq!(question.body, b"");
    let others = "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n";
    let answer =
        |line: &str| Reply::Answer(200, format!("{others}{line}\r\nFFF983A91443AE72BD98E59ADAB93B31974:2"));
    match question.line.strip_prefix("GET /range/").unwrap() {
        "5BAA6" => answer("1E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004"), // password
        "CB066" => answer("0B4731B3F5B15CD704D2BA491579A603673:1"),        // pässword x
        "762FD" => answer("E9D1A43D3494E53A0CF9307377CC7F90310:0"),        // padding p4ssword
        "7189E" => Reply::Answer(200, others.to_owned()),                  // an unknown p4ssword
        "2C52F" => Reply::Answer(200, String::new()),                      // empty p4ssword
        "A1944" => Reply::Never,                                           // slow p4ssword
        "0335B" => Reply::Half(others.to_owned()),                         // half p4ssword
        "143D0" => Reply::Answer(503, others.to_owned()),                  // status p4ssword
        "788DF" => Reply::Answer(200, "<html>".to_owned()),                // html p4ssword
        "27C64" => Reply::Answer(200, others.repeat(4_000)),               // huge p4ssword
        prefix => answer(&format!("{prefix}:1")),
    }
}

/// The settings that switch the guard on, and others.
fn settings(more: &[(&str, &str)]) -> String {
    let mut vars = json!({ "BREACHED_PASSWORDS": "range", "BREACHED_PASSWORDS_URL": *RANGE });
    for (name, value) in more {
        vars[*name] = json!(value);
    }
    vars.to_string()
}

fn sign_up_with(name: &str, password: &str) -> Request {
    sign_up(name, "breached").password(password)
}

fn stored(name: &str) -> usize {
    server().database().users("breached").iter().filter(|user| user.username == name).count()
}

fn line(answer: &Answer, member: &str) -> String {
    server().log_line(answer.id())[member].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_password_of_the_range_is_refused() {
    let on = settings(&[]);
    for password in ["password", "p\u{e4}ssword x", "pa\u{308}ssword\u{a0}x"] {
        sign_up_with("known", password).vars(&on).send_to(server()).is(400, KNOWN);
    }
    for password in ["padding p4ssword", "an unknown p4ssword", "Password"] {
        let request = sign_up_with(password.split(' ').next().unwrap(), password).vars(&on);
        assert_eq!(request.send_to(server()).status, 200, "{password}");
    }
    assert_eq!((stored("known"), stored("padding")), (0, 1));
    let asked = ASKED.lock().unwrap();
    let asked: Vec<_> = asked.iter().filter(|[line, ..]| line.ends_with("5BAA6")).collect();
    assert_ne!(asked.len(), 0);
    assert!(asked.iter().all(|asked| *asked == &["GET /range/5BAA6", "true", "edge-signup"]), "{asked:?}");
}

#[test]
fn without_a_range_the_setting_decides() {
    let deny = settings(&[]);
    let allow = settings(&[("BREACHED_PASSWORDS_ON_ERROR", "allow")]);
    thread::scope(|scope| {
        for kind in ["slow", "half", "status", "html", "huge", "empty"] {
            let (deny, allow) = (&deny, &allow);
            scope.spawn(move || {
                let request = sign_up_with(kind, &format!("{kind} p4ssword"));
                let answer = request.clone().vars(deny).send_to(server());
                answer.is(503, UNAVAILABLE);
                assert!(line(&answer, "cause").starts_with("BREACHED_PASSWORDS: "), "{kind}");
                assert_eq!(stored(kind), 0);
                let answer = request.vars(allow).send_to(server());
                assert_eq!(answer.status, 200, "{kind}: {answer:?}");
                let warning = line(&answer, "warning");
                assert!(warning.starts_with("let pass unchecked, BREACHED_PASSWORDS: "), "{kind}: {warning}");
                assert_eq!(stored(kind), 1);
            });
        }
    });
    let nobody = stand_in::nobody() + "/";
    let url = ("BREACHED_PASSWORDS_URL", &*nobody);
    let down = sign_up_with("down", "down p4ssword");
    down.clone().vars(settings(&[url])).send_to(server()).is(503, UNAVAILABLE);
    let allow_down = settings(&[url, ("BREACHED_PASSWORDS_ON_ERROR", "allow")]);
    assert_eq!(down.vars(allow_down).send_to(server()).status, 200);
    // With "allow", a password of the range is still refused.
    sign_up_with("known", "password").vars(allow).send_to(server()).is(400, KNOWN);
    // Neither the password nor its digest is logged.
    for line in server().log() {
        assert!(
            !["p4ssword", "A1944", "143D0", "0335B"].iter().any(|secret| line.contains(secret)),
            "{line}"
        );
    }
}

pub const LIST: &str = r#"{"BREACHED_PASSWORDS":"list"}"#;
const LIST_OR_ALLOW: &str = r#"{"BREACHED_PASSWORDS":"list","BREACHED_PASSWORDS_ON_ERROR":"allow"}"#;

#[test]
fn a_password_of_the_list_is_refused() {
    for password in ["password", "PassWord", "654321", "ｑｗｅｒｔｙ", "Пароль"] {
        sign_up_with("listed", password).vars(LIST).send_to(server()).is(400, KNOWN);
    }
    assert_eq!(stored("listed"), 0);
    for (name, password) in [("unlisted", "correct horse"), ("unlisted-2", "password of nobody")] {
        let answer = sign_up_with(name, password).vars(LIST).send_to(server());
        assert_eq!(answer.status, 200, "{password}");
    }
    let account = account("breached-list").vars(LIST).fault("list-missing");
    assert_eq!(account.send_to(server()).status, 201);
}

#[test]
fn a_missing_list_stops_the_service_and_without_an_answer_the_setting_decides() {
    let user = |fault| sign_up(fault, "breached").fault(fault);
    for fault in ["list-missing", "list-garbage"] {
        for vars in [LIST, LIST_OR_ALLOW] {
            let answer = user(fault).vars(vars).send_to(server());
            answer.is(500, INTERNAL);
            assert_eq!(line(&answer, "cause"), "BREACHED_PASSWORDS: no list in KV: run make breached-list");
        }
        assert_eq!(stored(fault), 0);
    }
    for vars in [LIST, LIST_OR_ALLOW] {
        let answer = user("list-wrong").vars(vars).send_to(server());
        answer.is(500, INTERNAL);
        assert_eq!(line(&answer, "cause"), "BREACHED_PASSWORDS: TypeError: the binding is no namespace");
        assert_eq!(stored("list-wrong"), 0);
    }
    for fault in ["list-rejects", "list-hangs"] {
        let answer = user(fault).vars(LIST).send_to(server());
        answer.is(503, UNAVAILABLE);
        assert!(line(&answer, "cause").starts_with("BREACHED_PASSWORDS: "));
        assert_eq!(stored(fault), 0);
        let answer = user(fault).vars(LIST_OR_ALLOW).send_to(server());
        assert_eq!((answer.status, stored(fault)), (200, 1), "{answer:?}");
        assert!(line(&answer, "warning").starts_with("let pass unchecked, BREACHED_PASSWORDS: "));
    }
}

#[test]
fn a_wrong_setting_stops_the_service_and_the_log_names_it() {
    for (vars, expected) in [
        (r#"{"BREACHED_PASSWORDS":""}"#.to_owned(), "BREACHED_PASSWORDS is \"\": it must be"),
        (r#"{"BREACHED_PASSWORDS":"Range"}"#.to_owned(), "BREACHED_PASSWORDS is \"Range\": it must be"),
        (
            settings(&[("BREACHED_PASSWORDS_ON_ERROR", "")]),
            "BREACHED_PASSWORDS_ON_ERROR is \"\": it must be \"deny\" or \"allow\"",
        ),
        (settings(&[("BREACHED_PASSWORDS_URL", "127.0.0.1/")]), "BREACHED_PASSWORDS_URL must be a URL"),
        (
            settings(&[("BREACHED_PASSWORDS_URL", "http://a/")]),
            "BREACHED_PASSWORDS_URL must be a URL of HTTPS",
        ),
        (
            r#"{"BREACHED_PASSWORDS_ON_ERROR":"allow"}"#.to_owned(),
            "BREACHED_PASSWORDS is missing, but BREACHED_PASSWORDS_ON_ERROR is there",
        ),
        (
            r#"{"BREACHED_PASSWORDS_URL":"https://a/"}"#.to_owned(),
            "BREACHED_PASSWORDS is missing, but BREACHED_PASSWORDS_URL is there",
        ),
        (
            settings(&[("BREACHED_PASSWORDS_URL", "https://a/range")]),
            "BREACHED_PASSWORDS_URL must end with a slash",
        ),
    ] {
        let answer = sign_up("wrong", "breached").vars(vars).send_to(server());
        answer.is(500, INTERNAL);
        assert!(line(&answer, "cause").starts_with(expected), "{}", line(&answer, "cause"));
    }
    assert_eq!(stored("wrong"), 0);
}

#[test]
fn the_range_is_asked_only_with_the_setting_and_a_password() {
    assert_eq!(sign_up_with("off", "password").send_to(server()).status, 200);
    let nobody = settings(&[("BREACHED_PASSWORDS_URL", &(stand_in::nobody() + "/"))]);
    assert_eq!(account("breached").vars(&nobody).send_to(server()).status, 201);
    // A sign-up with a bad field is refused before that.
    sign_up_with("", "password").vars(nobody).send_to(server()).is(
        400,
        r#"{"description":"username must have 1 to 254 characters","code":"400","field":"username"}"#,
    );
}
