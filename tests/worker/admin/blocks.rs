//! `/blocks`: the block list, which the public Worker obeys.

use serde_json::{Value, json};

use super::{NO_PARAMETERS, WRONG_LIMIT, admin, audited, column, get, read, send, server};
use crate::request::sign_up;

fn put(key: &str, body: &Value) -> crate::http::Answer {
    send("PUT", &format!("/blocks/{}", key.replace('/', "%2F")), body).ask()
}

fn delete(key: &str) -> crate::http::Answer {
    admin("DELETE", &format!("/blocks/{}", key.replace('/', "%2F"))).ask()
}

#[test]
fn an_address_is_blocked_and_unblocked() {
    let from = |address: &str| sign_up("blocked", "blocks").address(address).send_to(server()).status;
    put("203.0.113.99", &json!({ "reason": "" }))
        .is(200, r#"{"key":"203.0.113.99","reason":"blocked by an operator","expires_at":null}"#);
    assert_eq!(from("203.0.113.99"), 403);
    assert_eq!(from("203.0.113.98"), 200);
    delete("203.0.113.99").is(200, r#"{"key":"203.0.113.99","blocked_by":null}"#);
    let missing = r#"{"description":"There is no such entry","code":"404"}"#;
    delete("203.0.113.99").is_refusal(404, "not_found", missing);
    let entries = audited(server(), "203.0.113.99");
    assert_eq!(entries[..2], ["admin-token address_blocked", "admin-token address_unblocked"]);
}

#[test]
fn a_range_is_kept_in_its_canonical_form() {
    for (raw, key) in [
        ("203.0.114.77/24", "203.0.114.0/24"),
        ("2001:DB8:B1:2:3::4/64", "2001:db8:b1:2::/64"),
        ("2001:0db8:00b2::/48", "2001:db8:b2::/48"),
        ("::ffff:203.0.115.1", "203.0.115.1"),
    ] {
        let answer = put(raw, &json!({ "reason": "a range" }));
        answer.is(200, &format!(r#"{{"key":"{key}","reason":"a range","expires_at":null}}"#));
        assert_eq!(audited(server(), key), ["admin-token address_blocked"]);
    }
    put("203.0.114.9", &json!({ "reason": "an address" }));
    delete("203.0.114.9").is(200, r#"{"key":"203.0.114.9","blocked_by":"203.0.114.0/24"}"#);
}

#[test]
fn the_list_comes_in_pages_without_the_breached_passwords() {
    for n in 1..=5 {
        put(&format!("192.0.2.{n}"), &json!({ "reason": format!("number {n}"), "ttl": 3600 }));
    }
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let page = read(&format!("/blocks?prefix=192.0.2.&limit=2{after}"));
        keys.extend(column(&page, "blocks", "key"));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(keys, ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"]);
    let shown = &read("/blocks?prefix=192.0.2.3")["blocks"];
    let end = shown[0]["expires_at"].as_str().unwrap();
    assert_eq!(shown, &json!([{ "key": "192.0.2.3", "reason": "number 3", "expires_at": end }]));
    let now =
        server().database().texts("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+1 hour') WHERE ? = ''", "");
    assert_eq!(end[..15], now[0][..15], "the entry should end in about an hour");
}

#[test]
fn a_wrong_entry_is_refused() {
    for (key, problem) in [
        ("nobody", "address"),
        ("203.0.113.0/25", "range"),
        ("2001:db8::/65", "range"),
        ("breached-passwords", "address"),
    ] {
        let answer = put(key, &json!({}));
        assert_eq!(
            (answer.status, answer.header("X-Error-Reason")),
            (400, Some("key_invalid")),
            "{answer:?}"
        );
        assert!(answer.json()["description"].as_str().unwrap().contains(problem), "{answer:?}");
        assert_eq!(delete(key).status, 400);
    }
    let long = "x".repeat(201);
    let form = "The body must be a JSON object with reason and ttl, which both may be missing";
    for (body, word, description) in [
        (json!({ "ttl": 59 }), "ttl_invalid", "ttl must be at least 60 seconds"),
        (json!({ "ttl": -1 }), "body_invalid", form),
        (json!({ "ttl": 4_294_967_296_u64 }), "body_invalid", form),
        (json!({ "why": "x" }), "body_invalid", form),
        (
            json!({ "reason": long }),
            "reason_invalid",
            "reason must have at most 200 characters, without control characters",
        ),
        (
            json!({ "reason": "a\nb" }),
            "reason_invalid",
            "reason must have at most 200 characters, without control characters",
        ),
    ] {
        let field = word.strip_suffix("_invalid").filter(|field| *field != "body");
        let field = field.map(|field| format!(r#","field":"{field}""#)).unwrap_or_default();
        let expected = format!(r#"{{"description":"{description}","code":"400"{field}}}"#);
        put("192.0.3.1", &body).is_refusal(400, word, &expected);
    }
    put("192.0.3.1?x=1", &json!({})).is_refusal(400, "parameter_unknown", NO_PARAMETERS);
    assert_eq!(read("/blocks?prefix=192.0.3.")["blocks"], json!([]));
    assert_eq!(audited(server(), "192.0.3.1"), [""; 0]);
    get("/blocks?limit=201").ask().is_refusal(400, "limit_invalid", WRONG_LIMIT);
    let body = r#"{"description":"prefix must have at most 64 bytes","code":"400","field":"prefix"}"#;
    get(&format!("/blocks?prefix={}", "1".repeat(65))).ask().is_refusal(400, "prefix_invalid", body);
    // The longest reason fits.
    let reason = "é".repeat(200);
    assert_eq!(put("192.0.4.1", &json!({ "reason": reason })).status, 200);
    assert_eq!(column(&read("/blocks?prefix=192.0.4."), "blocks", "reason"), [json!(reason)]);
}
