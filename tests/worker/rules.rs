//! `GET /.well-known/edge-signup`: the rules of the service.

use serde_json::{Value, json};

use crate::faults;
use crate::http::PREFLIGHT_ALLOW_HEADERS;
use crate::request::{Request, get, preflight, request};
use crate::server::shared;

pub const PATH: &str = "/.well-known/edge-signup";

/// The rules of the service as it is configured.
fn plain() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "username": { "max_characters": 254 },
        "password": { "min_characters": 1, "max_bytes": 1024 },
        "registered_client": false,
        "proof_of_work": null,
        "turnstile": null,
    })
}

/// Asserts that the answer to `request` is the rules, with these `changes`.
fn assert_rules(request: &Request, changes: &Value) {
    let mut expected = plain();
    for (name, value) in changes.as_object().unwrap() {
        expected[name] = value.clone();
    }
    let answer = request.send_to(faults::server());
    assert_eq!((answer.status, answer.body.parse::<Value>().unwrap()), (200, expected));
}

#[test]
fn the_rules_are_those_of_the_settings() {
    let secret = "s".repeat(32);
    for (vars, changes) in [
        (json!({}), json!({})),
        (
            json!({ "PASSWORD_MIN_LENGTH": "12" }),
            json!({ "password": { "min_characters": 12, "max_bytes": 1024 } }),
        ),
        (json!({ "CLIENTS": "registered" }), json!({ "registered_client": true })),
        (
            json!({ "PROOF_OF_WORK": "20", "CHALLENGE_SECRET": secret }),
            json!({ "proof_of_work": { "bits": 20 } }),
        ),
        (json!({ "TURNSTILE_SECRET": secret }), json!({ "turnstile": { "site_key": null, "action": null } })),
        (
            json!({ "TURNSTILE_SECRET": secret, "TURNSTILE_SITE_KEY": "0x4AAA", "TURNSTILE_ACTION": "sign-up" }),
            json!({ "turnstile": { "site_key": "0x4AAA", "action": "sign-up" } }),
        ),
        // Nothing tells of a list of names or passwords, and a pepper is secret.
        (json!({ "RESERVED_NAMES": "admin", "PASSWORD_PEPPER": format!("2026:{secret}") }), json!({})),
    ] {
        assert_rules(&get(PATH).vars(vars), &changes);
    }
}

#[test]
fn everybody_gets_the_rules_without_kv_and_d1() {
    // The first address is blocked, and the second text is not an address.
    for address in ["198.51.100.7", "unknown"] {
        assert_rules(&get(PATH).address(address), &json!({}));
    }
    for fault in ["no-address", "kv-throws", "kv-hangs", "db-down"] {
        assert_rules(&get(PATH).fault(fault), &json!({}));
    }
    let answer = get(PATH).fault("counts").send_to(faults::server());
    let operations = (answer.header("Test-Reads"), answer.header("Test-Statements"));
    assert_eq!((answer.status, operations), (200, (Some("0"), Some("0"))));
}

#[test]
fn a_page_or_a_cache_may_keep_the_rules_for_a_minute() {
    let answer = get(&format!("{PATH}?v=1")).call(&shared().url).unwrap();
    assert_eq!(answer.header("Cache-Control"), Some("public, max-age=60"));
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
    let line = shared().log_line(answer.id());
    assert_eq!(
        (&line["route"], &line["status"], &line["outcome"]),
        (&PATH.into(), &200.into(), &"described".into())
    );
}

#[test]
fn the_path_takes_get_alone() {
    for method in ["POST", "PUT", "DELETE"] {
        let answer = request(method, PATH).send();
        answer.is(405, r#"{"description":"This path takes GET and OPTIONS only","code":"405"}"#);
        assert_eq!(answer.header("Allow"), Some("GET, OPTIONS"));
    }
    let answer = preflight(PATH).send();
    answer.is(204, "");
    assert_eq!(answer.header("Access-Control-Allow-Headers"), Some(PREFLIGHT_ALLOW_HEADERS));
    assert_eq!(get(&format!("{PATH}/")).send().status, 404);
}

#[test]
fn without_valid_settings_there_are_no_rules() {
    let answer = get(PATH).vars(r#"{"PASSWORD_MIN_LENGTH":"none"}"#).send_to(faults::server());
    answer.is(500, r#"{"description":"Internal error","code":"500"}"#);
}
