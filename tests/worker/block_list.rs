//! The block list: the addresses that each form of entry blocks, and the addresses beside them that pass.

use std::fs;
use std::path::Path;

use crate::faults;
use crate::http::Answer;
use crate::request::{Request, get, post, preflight, sign_up};
use crate::server::{shared, sqlite_file, wrangler};

const BLOCKED: &str = r#"{"description":"Your IP address was blocked.","code":"403"}"#;
const UNVERIFIED: &str = r#"{"description":"Your IP address could not be verified.","code":"403"}"#;

/// The reasons of the entries here, in [`crate::operators`] and in [`crate::admin`], which the log may contain.
pub const REASONS: [&str; 11] = [
    "",
    "an address",
    "a range",
    "a wide range",
    "not for ever",
    "a subscriber",
    "a site",
    "an organisation",
    "a provider",
    "it's \"spam\"",
    "blocked by an operator",
];

/// Puts this module's entries on the list of a server that is about to start.
pub fn seed(state: &Path) {
    let far = 2_000_000_000;
    let entries = serde_json::json!([
        {"key": "198.51.100.7", "value": "an address"},
        {"key": "198.51.101.0/24", "value": "a range"},
        {"key": "198.52.0.0/16", "value": "a wide range"},
        {"key": "198.51.100.8", "value": ""},
        {"key": "198.51.100.9", "value": "not for ever", "expiration": far},
        {"key": "198.51.100.10", "value": "no longer", "expiration": far},
        {"key": "2001:db8:a::1", "value": "an address"},
        {"key": "2001:db8:b:c::/64", "value": "a subscriber"},
        {"key": "2001:db8:d:ee00::/56", "value": "a site"},
        {"key": "2001:db8:f::/48", "value": "an organisation"},
        {"key": "2001:db9::/32", "value": "a provider"},
        {"key": "0.0.0.0/0", "value": "not looked up"},
        {"key": "198.51.100.12/32", "value": "not looked up"},
    ]);
    let file = state.join("block-list.json");
    fs::write(&file, entries.to_string()).unwrap();
    wrangler(state, &["kv", "bulk", "put", file.to_str().unwrap(), "--binding", "BLOCKLIST"]);
    // KV refuses an expiration in the past, so this entry's is changed in the file.
    let kv = rusqlite::Connection::open(sqlite_file(state, "kv/miniflare-KVNamespaceObject")).unwrap();
    let changed =
        kv.execute("UPDATE _mf_entries SET expiration = 1000 WHERE key = '198.51.100.10'", []).unwrap();
    assert_eq!(changed, 1);
}

/// Sends a request from `address`, with other headers that claim a blocked one.
fn from(address: &str, request: Request) -> Answer {
    let claims = [("X-Forwarded-For", "198.51.100.7"), ("X-Real-IP", "198.51.100.7")];
    request.address(address).headers(claims).send()
}

#[test]
fn an_entry_blocks_its_address_or_range_in_every_spelling() {
    for address in [
        "198.51.100.7",
        "::ffff:198.51.100.7",
        "::FFFF:c633:6407",
        "198.51.100.8",
        "198.51.100.9",
        "198.51.101.0",
        "198.51.101.255",
        "198.52.0.1",
        "198.52.255.255",
        "::ffff:198.52.3.4",
        "2001:db8:a::1",
        "2001:0DB8:000A:0:0:0:0:1",
        "2001:db8:b:c::1",
        "2001:DB8:B:C:ffff:ffff:ffff:ffff",
        "2001:db8:d:ee00::1",
        "2001:db8:d:eeff::1",
        "2001:db8:f::1",
        "2001:db8:f:ffff::1",
        "2001:db9::1",
        "2001:db9:ffff::1",
    ] {
        // The list is checked before everything else: these requests have neither a body nor a name.
        for path in ["/sign-up", "/users/", "/connectmypairs/users"] {
            from(address, post(path)).is(403, BLOCKED);
        }
        assert_eq!(
            from(address, preflight("/sign-up")).status,
            204,
            "a browser must be able to read the 403"
        );
        assert_eq!(from(address, get("/sign-up")).status, 405);
        assert_eq!(from(address, post("/nowhere")).status, 404);
    }
}

#[test]
fn an_address_beside_an_entry_passes() {
    for address in [
        "198.51.100.6",
        "198.51.102.1",
        "198.53.0.1",
        "198.51.100.10",
        "198.51.100.12",
        "2001:db8:a::2",
        "2001:db8:b:d::1",
        "2001:db8:d:ef00::1",
        "2001:db8:e::1",
        "2001:db7::1",
        "::1",
        "127.0.0.1",
    ] {
        assert_eq!(from(address, post("/users/")).status, 400, "{address}");
        assert_eq!(from(address, post("/sign-up")).status, 415, "{address}");
    }
}

#[test]
fn a_blocked_request_stores_nothing_and_logs_the_reason_without_the_address() {
    let answer = sign_up("a", "blocked-client").address("2001:db8:b:c::7").send();
    answer.is(403, BLOCKED);
    assert_eq!(shared().database().users("blocked-client"), []);
    let line = shared().log_line(answer.id());
    assert_eq!((&line["outcome"], &line["cause"]), (&"blocked".into(), &"a subscriber".into()));
    assert!(!line.to_string().contains("2001:db8"));
}

#[test]
fn an_address_that_cannot_be_read_is_refused() {
    for address in [
        "unknown",
        "198.51.100",
        "198.51.100.256",
        "1.2.3.4, 5.6.7.8",
        "fe80::1%eth0",
        "[::1]",
        "1.2.3.4:80",
        "198.51.100.07",
    ] {
        from(address, post("/users/")).is(403, UNVERIFIED);
        from(address, post("/sign-up")).is(403, UNVERIFIED);
    }
}

#[test]
fn a_missing_address_is_refused_whatever_other_headers_claim() {
    // wrangler always sends an address; this fault takes it away before the Worker sees the request.
    for path in ["/sign-up", "/users/"] {
        let request = post(path).header("Username", "no-address").header("X-Forwarded-For", "203.0.113.7");
        request.fault("no-address").send_to(faults::server()).is(403, UNVERIFIED);
        assert_eq!(preflight(path).fault("no-address").send_to(faults::server()).status, 204);
    }
    assert_eq!(faults::server().database().accounts("no-address"), []);
}
