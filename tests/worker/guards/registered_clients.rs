//! `CLIENTS`, with the clients that each test registers for itself.

use rusqlite::Connection;

use super::{create_account, sign_up};
use crate::faults;
use crate::http::{Answer, JSON, send, user};

const UNREGISTERED: &str =
    r#"{"description":"client_id must be that of a registered client","code":"400","field":"client_id"}"#;
const REFUSED: &str =
    r#"{"description":"Pages of this origin may not sign users up for this client_id","code":"403"}"#;

const ANY: (&str, &str) = ("Test-Vars", r#"{"CLIENTS":"any"}"#);
const REGISTERED: (&str, &str) = ("Test-Vars", r#"{"CLIENTS":"registered"}"#);

fn register(id: &str, origins: &str) {
    run(&format!("INSERT INTO clients (id, name, origins) VALUES ('{id}', 'a client', '{origins}')"));
}

fn disable(id: &str) {
    run(&format!("UPDATE clients SET disabled_at = unixepoch() WHERE id = '{id}'"));
}

/// Runs `sql` within the server: two processes that write to one file at once are in each other's way.
fn run(sql: &str) {
    assert_eq!(preflight("/users/", &[("Test-SQL", sql)]).status, 204);
}

fn preflight(path: &str, headers: &[(&str, &str)]) -> Answer {
    send(faults::server(), "OPTIONS", path, headers, "")
}

/// Which origin may read an answer, and whether that depends on the request's.
fn cors(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("Access-Control-Allow-Origin"), answer.header("Vary"))
}

const OPEN: (Option<&str>, Option<&str>) = (Some("*"), None);

fn only(origin: &str) -> (Option<&str>, Option<&str>) {
    (Some(origin), Some("Origin"))
}

fn users(client_id: &str) -> usize {
    faults::server().database().users(client_id).len()
}

#[test]
fn without_the_setting_every_client_may_sign_users_up_from_everywhere() {
    register("off-listed", "https://off.example");
    register("off-disabled", "");
    disable("off-disabled");
    let elsewhere = ("Origin", "https://elsewhere.example");
    for (name, more) in [("plain", [].as_slice()), ("any", &[ANY])] {
        for client_id in ["off-unknown", "off-listed", "off-disabled"] {
            let answer = sign_up(name, client_id, &[&[elsewhere], more].concat());
            assert_eq!((answer.status, cors(&answer)), (200, OPEN), "{answer:?}");
        }
        assert_eq!(cors(&preflight("/sign-up", &[&[elsewhere], more].concat())), OPEN);
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
        let answer = sign_up("a", client_id, &[REGISTERED]);
        answer.is(400, UNREGISTERED);
        assert_eq!(cors(&answer), OPEN);
        assert_eq!(users(client_id), 0);
        let line = faults::server().log_line(answer.id());
        assert_eq!((&line["outcome"], line.get("cause")), (&"invalid".into(), None));
    }
    assert_eq!(sign_up("a", "reg-known", &[REGISTERED]).status, 200);
    assert_eq!(users("reg-known"), 1);
    // What is wrong in its form is told before.
    let answer = sign_up("", "reg-unknown", &[REGISTERED]);
    assert!(answer.status == 400 && answer.body.contains(r#""field":"username""#), "{answer:?}");
    // This route knows no clients.
    assert_eq!(create_account("reg-account", &[REGISTERED]).status, 201);
}

#[test]
fn a_client_that_lists_origins_is_used_by_their_pages_and_by_no_other() {
    register("cors-listed", "https://cors.example http://localhost:3000");
    register("cors-open", "");
    for (name, origin) in [("a", "https://cors.example"), ("b", "http://localhost:3000")] {
        // Whatever becomes of it from then on, its page can read it.
        for status in [200, 409] {
            let answer = sign_up(name, "cors-listed", &[REGISTERED, ("Origin", origin)]);
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
        let answer = sign_up("c", "cors-listed", &[REGISTERED, ("Origin", origin)]);
        answer.is(403, REFUSED);
        // Whoever writes the page can read why.
        assert_eq!(cors(&answer), OPEN);
        let line = faults::server().log_line(answer.id());
        assert_eq!((&line["outcome"], line.get("cause")), (&"origin_refused".into(), None));
    }
    assert_eq!(users("cors-listed"), 2);

    // No browser, no Origin.
    let answer = sign_up("d", "cors-listed", &[REGISTERED]);
    assert_eq!((answer.status, cors(&answer)), (200, OPEN));
    let answer = sign_up("d", "cors-open", &[REGISTERED, ("Origin", "https://elsewhere.example")]);
    assert_eq!((answer.status, cors(&answer)), (200, OPEN));
}

#[test]
fn a_preflight_is_answered_for_all_clients_and_never_refused() {
    register("preflight-listed", "https://preflight.example");
    register("preflight-disabled", "https://disabled.example");
    disable("preflight-disabled");
    register("preflight-open", "");
    let closed = ("Test-Fault", "clients-closed");
    let (listed, other, disabled) =
        ("https://preflight.example", "https://elsewhere.example", "https://disabled.example");
    for (headers, expected) in [
        ([("Origin", listed), closed].as_slice(), only(listed)),
        (&[("Origin", other), closed], (None, Some("Origin"))),
        (&[("Origin", disabled), closed], (None, Some("Origin"))),
        (&[closed], (None, Some("Origin"))),
        (&[("Origin", listed)], OPEN),
        (&[("Origin", other)], OPEN),
        (&[("Origin", other), ("Test-Fault", "clients-no-table")], OPEN),
        (&[("Origin", other), ("Test-Fault", "db-wrong")], OPEN),
        (&[("Origin", other), ("Test-Fault", "clients-down")], OPEN),
        (&[("Origin", other), ("Test-Fault", "clients-hang")], OPEN),
    ] {
        let headers = [&[REGISTERED], headers].concat();
        let answer = preflight("/sign-up", &headers);
        assert_eq!((answer.status, cors(&answer)), (204, expected), "{headers:?}");
        // Whose requests name no client.
        assert_eq!(cors(&preflight("/users/", &headers)), OPEN);
    }
    let answer = preflight("/sign-up", &[REGISTERED, ("Test-Fault", "clients-no-table")]);
    let line = faults::server().log_line(answer.id());
    assert_eq!(line["outcome"], "preflight");
    assert!(line["warning"].as_str().unwrap().starts_with("allowed any origin, database: "), "{line}");
}

#[test]
fn clients_that_cannot_be_read_let_nobody_pass() {
    register("fails", "");
    for (fault, status, cause) in [
        ("clients-down", 503, "Network connection lost"),
        ("clients-hang", 503, "TimeoutError: no answer in time"),
        ("clients-no-table", 500, "no such table: no_such_clients"),
        ("db-wrong", 500, "TypeError"),
        ("db-missing", 500, "the binding DB is missing"),
    ] {
        let answer = sign_up(fault, "fails", &[REGISTERED, ("Test-Fault", fault)]);
        assert_eq!((answer.status, cors(&answer)), (status, OPEN), "{fault}: {answer:?}");
        let line = faults::server().log_line(answer.id());
        assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
    }
    assert_eq!(users("fails"), 0);
    // A transient failure is not the client's concern.
    let answer = sign_up("a", "fails", &[REGISTERED, ("Test-Fault", "db-lost-connection")]);
    assert_eq!((answer.status, answer.header("Test-Statements")), (200, Some("3")), "{answer:?}");
}

#[test]
fn the_clients_are_read_once_a_minute_and_for_unknown_ones_every_five_seconds() {
    let kept = [REGISTERED, ("Test-Kept", "yes"), ("Test-Fault", "db-counts")];
    let later = |milliseconds| ("Test-Later", milliseconds);
    let try_sign_up = |name: &str, client_id: &str, time| {
        let headers = [&[JSON, later(time)], kept.as_slice()].concat();
        let answer =
            send(faults::server(), "POST", "/sign-up", &headers, user(name, "correct horse", client_id));
        (answer.status, answer.header("Test-Statements").unwrap().parse::<u8>().unwrap())
    };
    let preflight = |time| {
        let answer = preflight("/sign-up", &[&[later(time)], kept.as_slice()].concat());
        answer.header("Test-Statements").unwrap().parse::<u8>().unwrap()
    };
    register("kept-a", "");
    register("kept-b", "");
    // A sign-up is a statement itself.
    assert_eq!(try_sign_up("1", "kept-a", "0"), (200, 2));
    assert_eq!(try_sign_up("2", "kept-a", "59000"), (200, 1));
    assert_eq!(try_sign_up("1", "kept-b", "999"), (200, 1));
    assert_eq!(preflight("0"), 0);
    // A minute is over.
    assert_eq!(preflight("1"), 1);
    assert_eq!(try_sign_up("3", "kept-a", "0"), (200, 1));

    register("kept-c", "");
    disable("kept-b");
    for n in 0..3 {
        assert_eq!(try_sign_up("1", &format!("kept-{n}"), "0"), (400, 0));
    }
    assert_eq!(try_sign_up("1", "kept-c", "4999"), (400, 0));
    assert_eq!(try_sign_up("2", "kept-b", "0"), (200, 1));
    // Five seconds are over for those who were not there.
    assert_eq!(try_sign_up("1", "kept-c", "1"), (200, 2));
    assert_eq!(try_sign_up("3", "kept-b", "0"), (400, 0));
    assert_eq!(try_sign_up("1", "kept-0", "5000"), (400, 1));
    assert_eq!(try_sign_up("2", "kept-c", "59999"), (200, 1));
    assert_eq!(try_sign_up("3", "kept-c", "1"), (200, 2));
}

#[test]
fn the_table_keeps_out_what_could_never_be_equal_to_an_origin() {
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
