//! `CLIENTS`: each test registers its own clients.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rusqlite::Connection;

use crate::faults::server;
use crate::http::Answer;
use crate::races::{assert_statuses, at_once};
use crate::request::{Request, account, preflight, sign_up};

const UNREGISTERED: &str =
    r#"{"description":"client_id must be that of a registered client","code":"400","field":"client_id"}"#;
const REFUSED: &str =
    r#"{"description":"Pages of this origin may not sign users up for this client_id","code":"403"}"#;

const ANY: &str = r#"{"CLIENTS":"any"}"#;
const REGISTERED: &str = r#"{"CLIENTS":"registered"}"#;
const ELSEWHERE: &str = "https://elsewhere.example";

fn register(id: &str, origins: &str) {
    run(&format!("INSERT INTO clients (id, name, origins) VALUES ('{id}', 'a client', '{origins}')"));
}

fn disable(id: &str) {
    run(&format!("UPDATE clients SET disabled_at = unixepoch() WHERE id = '{id}'"));
}

/// Runs `sql` in the server. Another process that wrote to the same file would get in the server's way.
fn run(sql: &str) {
    assert_eq!(preflight("/users/").header("Test-SQL", sql).send_to(server()).status, 204);
}

/// The origin that may read an answer, and the `Vary` that says whether it depends on the request's origin.
fn cors(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("Access-Control-Allow-Origin"), answer.header("Vary"))
}

const OPEN: (Option<&str>, Option<&str>) = (Some("*"), None);

fn only(origin: &str) -> (Option<&str>, Option<&str>) {
    (Some(origin), Some("Origin"))
}

fn users(client_id: &str) -> usize {
    server().database().users(client_id).len()
}

#[test]
fn without_the_setting_every_client_may_sign_users_up_from_everywhere() {
    register("off-listed", "https://off.example");
    register("off-disabled", "");
    disable("off-disabled");
    for (name, vars) in [("plain", "{}"), ("any", ANY)] {
        let send = |request: Request| request.vars(vars).header("Origin", ELSEWHERE).send_to(server());
        for client_id in ["off-unknown", "off-listed", "off-disabled"] {
            let answer = send(sign_up(name, client_id));
            assert_eq!((answer.status, cors(&answer)), (200, OPEN), "{answer:?}");
        }
        assert_eq!(cors(&send(preflight("/sign-up"))), OPEN);
    }
}

#[test]
fn only_a_registered_client_may_sign_users_up() {
    register("reg-known", "");
    register("reg-disabled", "");
    disable("reg-disabled");
    for client_id in
        ["reg-unknown", "reg-disabled", "REG-KNOWN", "reg-know", "reg-known2", "%", "reg-known'--"]
    {
        let answer = sign_up("a", client_id).vars(REGISTERED).send_to(server());
        answer.is(400, UNREGISTERED);
        assert_eq!(cors(&answer), OPEN);
        assert_eq!(users(client_id), 0);
        let line = server().log_line(answer.id());
        assert_eq!((&line["outcome"], line.get("cause")), (&"invalid".into(), None));
    }
    assert_eq!(sign_up("a", "reg-known").vars(REGISTERED).send_to(server()).status, 200);
    assert_eq!(users("reg-known"), 1);
    // A bad field is reported before the client is checked.
    let answer = sign_up("", "reg-unknown").vars(REGISTERED).send_to(server());
    assert!(answer.status == 400 && answer.body.contains(r#""field":"username""#), "{answer:?}");
    // Accounts belong to no client.
    assert_eq!(account("reg-account").vars(REGISTERED).send_to(server()).status, 201);
}

#[test]
fn a_client_that_lists_origins_is_used_by_their_pages_and_by_no_other() {
    register("cors-listed", "https://cors.example http://localhost:3000");
    register("cors-open", "");
    for (name, origin) in [("a", "https://cors.example"), ("b", "http://localhost:3000")] {
        // The page can read every answer after this guard.
        for status in [200, 409] {
            let answer =
                sign_up(name, "cors-listed").vars(REGISTERED).header("Origin", origin).send_to(server());
            assert_eq!((answer.status, cors(&answer)), (status, only(origin)), "{answer:?}");
        }
    }
    for origin in [
        "https://elsewhere.example",
        "https://cors.example.elsewhere.example",
        "http://cors.example",
        "https://cors.example:8443",
        "null",
        "https://cors.example http://localhost:3000",
    ] {
        let answer = sign_up("c", "cors-listed").vars(REGISTERED).header("Origin", origin).send_to(server());
        answer.is(403, REFUSED);
        // The refused page can read the reason, so that its author learns it.
        assert_eq!(cors(&answer), OPEN);
        let line = server().log_line(answer.id());
        assert_eq!((&line["outcome"], line.get("cause")), (&"origin_refused".into(), None));
    }
    assert_eq!(users("cors-listed"), 2);

    // A sign-up without an Origin does not come from a browser, and passes.
    let answer = sign_up("d", "cors-listed").vars(REGISTERED).send_to(server());
    assert_eq!((answer.status, cors(&answer)), (200, OPEN));
    let answer = sign_up("d", "cors-open").vars(REGISTERED).header("Origin", ELSEWHERE).send_to(server());
    assert_eq!((answer.status, cors(&answer)), (200, OPEN));
}

#[test]
fn a_preflight_is_answered_for_all_clients_and_never_refused() {
    register("preflight-listed", "https://preflight.example");
    register("preflight-disabled", "https://disabled.example");
    disable("preflight-disabled");
    register("preflight-open", "");
    let (listed, disabled) = (Some("https://preflight.example"), Some("https://disabled.example"));
    let other = Some(ELSEWHERE);
    for (origin, fault, expected) in [
        (listed, "clients-closed", only("https://preflight.example")),
        (other, "clients-closed", (None, Some("Origin"))),
        (disabled, "clients-closed", (None, Some("Origin"))),
        (None, "clients-closed", (None, Some("Origin"))),
        (listed, "", OPEN),
        (other, "", OPEN),
        (other, "clients-no-table", OPEN),
        (other, "db-wrong", OPEN),
        (other, "clients-down", OPEN),
        (other, "clients-hang", OPEN),
    ] {
        let send = |path| {
            let request = preflight(path).vars(REGISTERED).fault(fault);
            request.headers(origin.map(|origin| ("Origin", origin))).send_to(server())
        };
        let answer = send("/sign-up");
        assert_eq!((answer.status, cors(&answer)), (204, expected), "{origin:?} {fault}");
        let outcome = if expected.0.is_none() { "preflight_refused" } else { "preflight" };
        assert_eq!(server().log_line(answer.id())["outcome"], outcome, "{origin:?} {fault}");
        // Requests to /users/ name no client.
        assert_eq!(cors(&send("/users/")), OPEN);
    }
    let answer = preflight("/sign-up").vars(REGISTERED).fault("clients-no-table").send_to(server());
    let line = server().log_line(answer.id());
    assert_eq!(line["outcome"], "preflight");
    assert!(line["warning"].as_str().unwrap().starts_with("allowed any origin, database DB: "), "{line}");
}

#[test]
fn every_sign_up_fails_while_the_clients_cannot_be_read() {
    register("fails", "");
    for (fault, status, cause) in [
        ("clients-down", 503, "Network connection lost"),
        ("clients-hang", 503, "TimeoutError: no answer in time"),
        ("clients-no-table", 500, "no such table: no_such_clients"),
        ("db-wrong", 500, "TypeError"),
        ("db-missing", 500, "the binding DB is missing"),
    ] {
        let answer = sign_up(fault, "fails").vars(REGISTERED).fault(fault).send_to(server());
        assert_eq!((answer.status, cors(&answer)), (status, OPEN), "{fault}: {answer:?}");
        let line = server().log_line(answer.id());
        assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
    }
    assert_eq!(users("fails"), 0);
    // The Worker retries after a transient failure.
    let answer = sign_up("a", "fails").vars(REGISTERED).fault("db-lost-connection").send_to(server());
    assert_eq!((answer.status, answer.header("Test-Statements")), (200, Some("3")), "{answer:?}");
}

/// One test at a time uses the clock and the isolate that keeps its clients.
static KEPT: Mutex<()> = Mutex::new(());

fn kept() -> MutexGuard<'static, ()> {
    let guard = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    // A read or a failure that another test left in the isolate is too old after that.
    later("60000");
    guard
}

/// Moves the clock on by so many milliseconds. Gives the number of statements so far.
fn later(milliseconds: &str) -> u32 {
    let request = in_isolate(preflight("/users/")).fault("db-counts").header("Test-Later", milliseconds);
    total(&request.send_to(server()))
}

fn total(answer: &Answer) -> u32 {
    answer.header("Test-Total").unwrap().parse().unwrap()
}

/// `request` in the isolate that keeps its clients.
fn in_isolate(request: Request) -> Request {
    request.vars(REGISTERED).header("Test-Kept", "clients")
}

/// A sign-up in the isolate that keeps its clients.
fn kept_sign_up(client_id: &str, fault: &str) -> Request {
    in_isolate(sign_up("kept", client_id)).fault(fault)
}

#[test]
fn the_clients_are_read_once_a_minute_and_for_unknown_ones_every_five_seconds() {
    let _guard = kept();
    let at = |time, client_id: &str, status| {
        let before = later(time);
        let answer = kept_sign_up(client_id, "db-counts").send_to(server());
        assert_eq!(answer.status, status, "{answer:?}");
        total(&answer) - before
    };
    let preflight_at = |time| {
        let before = later(time);
        total(&in_isolate(preflight("/sign-up")).fault("db-counts").send_to(server())) - before
    };
    register("kept-a", "");
    register("kept-b", "");
    // The second statement is the sign-up's.
    assert_eq!(at("0", "kept-a", 200), 2);
    assert_eq!(at("59000", "kept-a", 409), 1);
    assert_eq!(at("999", "kept-b", 200), 1);
    assert_eq!(preflight_at("0"), 0);
    // A minute is over.
    assert_eq!(preflight_at("1"), 1);
    assert_eq!(at("0", "kept-a", 409), 1);

    register("kept-c", "");
    disable("kept-b");
    for n in 0..3 {
        assert_eq!(at("0", &format!("kept-{n}"), 400), 0);
    }
    assert_eq!(at("4999", "kept-c", 400), 0);
    assert_eq!(at("0", "kept-b", 409), 1);
    // Five seconds after the read, the isolate reads again for an unknown client.
    assert_eq!(at("1", "kept-c", 200), 2);
    assert_eq!(at("0", "kept-b", 400), 0);
    assert_eq!(at("5000", "kept-0", 400), 1);
    assert_eq!(at("59999", "kept-c", 409), 1);
    assert_eq!(at("1", "kept-c", 409), 2);
}

#[test]
fn requests_that_come_while_the_clients_are_read_share_the_read() {
    let _guard = kept();
    register("shared", "");
    let before = later("0");
    // The read takes until five requests are under way.
    let answers = at_once(20, |n| {
        let client_id = if n == 0 { "shared".to_owned() } else { format!("shared-{n}") };
        kept_sign_up(&client_id, "clients-held").header("Test-Hold", "5").send_to(server())
    });
    assert_statuses(&answers, &[(200, 1), (400, 19)]);
    // One statement is the read, and one the sign-up that passes.
    assert_eq!(later("0") - before, 2);
}

#[test]
fn invented_ids_cost_one_read_in_five_seconds_however_many_they_are() {
    let _guard = kept();
    for (time, tries) in [("0", 50), ("5000", 5), ("5000", 5)] {
        let before = later(time);
        thread::scope(|scope| {
            for of in 0..10 {
                scope.spawn(move || {
                    for n in 0..tries {
                        let client_id = format!("made-up-{of}-{n}");
                        // The read takes until five requests are under way.
                        let answer = kept_sign_up(&client_id, "clients-held")
                            .header("Test-Hold", "5")
                            .send_to(server());
                        answer.is(400, UNREGISTERED);
                    }
                });
            }
        });
        assert_eq!(later("0") - before, 1);
    }
}

#[test]
fn a_failed_read_also_counts_for_the_next_second() {
    let _guard = kept();
    register("failed", "");
    let before = later("0");
    let down = |client_id| kept_sign_up(client_id, "clients-down").send_to(server());
    let is_down = |answer: &Answer| {
        assert_eq!((answer.status, answer.header("Retry-After")), (503, Some("5")), "{answer:?}");
        let line = server().log_line(answer.id());
        assert!(line["cause"].as_str().unwrap().contains("Network connection lost"), "{line}");
    };
    // The Worker tries a read three times.
    is_down(&down("failed"));
    assert_eq!(later("0") - before, 3);
    for answer in at_once(5, |n| down(if n == 0 { "failed" } else { "unknown" })) {
        is_down(&answer);
    }
    later("999");
    // Within that second, the failure also counts for a read that would succeed.
    is_down(&kept_sign_up("failed", "db-counts").send_to(server()));
    let answer = in_isolate(preflight("/sign-up")).fault("db-counts").send_to(server());
    let line = server().log_line(answer.id());
    assert!(line["warning"].as_str().unwrap().starts_with("allowed any origin, database DB: "), "{line}");
    assert_eq!((answer.status, later("0") - before), (204, 3));
    later("1");
    is_down(&down("failed"));
    assert_eq!(later("1000") - before, 6);
    assert_eq!(kept_sign_up("failed", "db-counts").send_to(server()).status, 200);
    assert_eq!(later("0") - before, 8);
    // Known clients are not affected: those that were read before are good for their minute.
    later("5000");
    is_down(&down("unknown"));
    assert_eq!(down("failed").status, 409);
}

#[test]
fn the_table_refuses_a_text_that_cannot_equal_an_origin() {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch(include_str!("../../../migrations/0002_clients.sql")).unwrap();
    let insert = |id: &str, name: &str, origins: &str| {
        database.execute("INSERT INTO clients (id, name, origins) VALUES (?, ?, ?)", [id, name, origins])
    };
    for (n, origins) in ["", "https://a.example", "https://a.example http://[::1]:3000 capacitor://localhost"]
        .iter()
        .enumerate()
    {
        assert_eq!(insert(&n.to_string(), "a", origins), Ok(1), "{origins}");
    }
    for (id, name, origins) in [
        ("", "a", ""),
        ("a b", "a", ""),
        (&*"x".repeat(129), "a", ""),
        ("0", "an id that is there already", ""),
        ("a", "", ""),
        ("a", "a", "*"),
        ("a", "a", " "),
        ("a", "a", "//a.example"),
        ("a", "a", "https://*.a.example"),
        ("a", "a", "https://a.example/"),
        ("a", "a", "https://a.example/ https://b.example"),
        ("a", "a", "https://A.example"),
        ("a", "a", "https://a.example "),
        ("a", "a", " https://a.example"),
        ("a", "a", "https://a.example  https://b.example"),
        ("a", "a", "https://a.example\nhttps://b.example"),
        ("a", "a", "https://bücher.example"),
    ] {
        assert!(insert(id, name, origins).is_err(), "{id:?} {name:?} {origins:?}");
    }
}
