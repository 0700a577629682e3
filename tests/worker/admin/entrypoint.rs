//! The entry point `Users`, as another Worker calls it.

use std::time::Instant;

use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use serde_json::{Value, json};

use super::{
    BCRYPT, PASSWORD, call, call_at, created_at, import_at, imported, imported_hash, line, server, signed_up,
    start, stored_hash, until, verifies,
};
use crate::request;

fn credentials(name: &str, password: &str) -> Value {
    json!({ "client_id": "entry", "username": name, "password": password })
}

#[test]
fn a_password_is_verified() {
    let id = signed_up("Verified", "entry");
    let hash = stored_hash(server(), id);
    let user = json!({ "id": id, "username": "Verified", "created_at": created_at("users", id) });
    for spelling in ["Verified", "vERIFIED", "Ｖerified"] {
        assert_eq!(call("verify", &credentials(spelling, PASSWORD)), json!({ "ok": true, "user": user }));
    }
    let no = json!({ "ok": false });
    for (name, password) in [
        ("Verified", "another password"),
        ("Verified", ""),
        ("Verified", "correct horse battery stapl"),
        ("Verified", "a\0b"),
        ("nobody-here", PASSWORD),
        ("nobody-here", ""),
        ("", PASSWORD),
        ("a b", PASSWORD),
    ] {
        assert_eq!(call("verify", &credentials(name, password)), no, "{name} {password}");
    }
    let other = json!({ "client_id": "entry-2", "username": "Verified", "password": PASSWORD });
    assert_eq!(call("verify", &other), no, "the user of another app");
    let long = "x".repeat(100_000);
    assert_eq!(call("verify", &credentials("Verified", &long)), no);
    for input in [
        json!(null),
        json!(7),
        json!([]),
        json!({}),
        json!({ "username": "Verified", "password": PASSWORD }),
        json!({ "client_id": "entry", "username": ["Verified"], "password": PASSWORD }),
    ] {
        assert_eq!(call("verify", &input), no, "{input}");
    }
    assert_eq!(stored_hash(server(), id), hash, "a hash that is current stays");
    assert!(!server().log().concat().contains(PASSWORD));
}

#[test]
fn a_user_is_found_by_id_and_by_name() {
    let id = imported("Found", "entry");
    let user = json!({ "id": id, "username": "Found", "created_at": created_at("users", id) });
    for who in [json!({ "id": id }), json!({ "client_id": "entry", "username": "fOUND" })] {
        assert_eq!(call("get", &who), user);
    }
    for who in [
        json!({ "id": 1_u64 << 39 }),
        json!({ "id": -1 }),
        json!({ "id": "1" }),
        json!({ "id": 1.5 }),
        json!({}),
        json!(null),
        json!({ "id": 9_007_199_254_740_991_u64 }),
        json!({ "username": "Found" }),
        json!({ "client_id": "entry-2", "username": "Found" }),
    ] {
        assert_eq!(call("get", &who), json!(null), "{who}");
    }
}

#[test]
fn a_password_is_set_under_the_rules_of_a_sign_up() {
    let id = signed_up("set", "entry");
    let set = |id: u64, password: &str| call("setPassword", &json!({ "id": id, "password": password }));
    assert_eq!(set(id, "another password"), json!({ "ok": true }));
    assert!(verifies(server(), "entry", "set", "another password"));
    let refused = |reason: &str, description: &str| json!({ "ok": false, "reason": reason, "description": description });
    assert_eq!(set(id, ""), refused("password_too_short", "password must not be empty"));
    assert_eq!(
        set(id, &"x".repeat(1025)),
        refused("password_too_long", "password must have at most 1024 bytes")
    );
    assert_eq!(set(1 << 39, "another password"), refused("not_found", "There is no such user"));
    let form = refused("input_invalid", "The input must have id and password");
    assert_eq!(call("setPassword", &json!({ "id": id })), form);
    assert!(verifies(server(), "entry", "set", "another password"));
}

#[test]
fn a_user_is_erased_once() {
    let id = imported("erase-me", "entry");
    let erase = |who: Value| call("erase", &who);
    assert_eq!(erase(json!({ "client_id": "entry", "username": "erase-me" })), false, "a name is not enough");
    assert_eq!(erase(json!({ "id": id })), true);
    assert_eq!(erase(json!({ "id": id })), false);
    assert_eq!(erase(json!(null)), false);
    assert_eq!((stored_hash(server(), id), imported_hash(server(), id)), (None, None));
}

#[test]
fn the_entry_point_is_not_reachable_over_the_admins_address() {
    for path in ["/verify", "/Users/verify", "/users/verify"] {
        let answer = request::post(path)
            .bearer(super::TOKEN)
            .json(credentials("Verified", PASSWORD).to_string())
            .ask();
        assert!(matches!(answer.status, 404 | 405), "{answer:?}");
    }
}

#[test]
fn a_hash_of_an_old_pepper_is_made_anew() {
    const OLD: &str = "an-old-secret-of-32-characters--";
    let new = "PASSWORD_PEPPER:2026:a-new-secret-of-more-than-32-characters";
    let server = &start("admin-peppers", &[new, &format!("PASSWORD_PEPPERS:2025:{OLD}")]);
    let argon2 =
        Argon2::new_with_secret(OLD.as_bytes(), Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
            .unwrap();
    let (salt, mut tag) = ([7; 16], [0; 32]);
    argon2.hash_password_into(PASSWORD.as_bytes(), &salt, &mut tag).unwrap();
    let [salt, tag] = [&salt[..], &tag[..]].map(Base64Unpadded::encode_string);
    let hash = |keyid: &str| format!("$argon2id$v=19$m=19456,t=2,p=1,keyid={keyid}${salt}${tag}");
    let answers =
        import_at(server, &[line("old", "entry", &hash("2025")), line("lost", "entry", &hash("2024"))]);
    let id = answers[0]["id"].as_u64().unwrap();
    assert_eq!(stored_hash(server, id), Some(hash("2025")));
    assert!(!verifies(server, "entry", "old", "another password"));
    assert_eq!(stored_hash(server, id), Some(hash("2025")), "a wrong password changes nothing");
    assert!(verifies(server, "entry", "old", PASSWORD));
    let is_renewed = || stored_hash(server, id).unwrap().contains(",keyid=2026$");
    until(is_renewed, "a hash with the present pepper");
    assert!(verifies(server, "entry", "old", PASSWORD));

    // The pepper of this hash is in no setting: nobody knows whether the password is right.
    let input = credentials("lost", PASSWORD).to_string();
    let answer = request::post("/verify").json(input).call(server.beside("caller")).unwrap();
    answer.is(500, "The users are unavailable for the moment, try again later");
    assert_eq!(call_at(server, "verify", &credentials("nobody", PASSWORD)), json!({ "ok": false }));
}

#[test]
fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    signed_up("timed", "entry");
    let time = |name: &str| {
        let start = Instant::now();
        assert_eq!(call("verify", &credentials(name, "another password")), json!({ "ok": false }));
        start.elapsed()
    };
    let (mut known, mut unknown): (Vec<_>, Vec<_>) =
        (0..21).map(|_| (time("timed"), time("untimed"))).unzip();
    known.sort();
    unknown.sort();
    let ratio = unknown[10].as_secs_f64() / known[10].as_secs_f64();
    assert!(
        (0.5..2.0).contains(&ratio),
        "{:?} for an unknown name, {:?} for a wrong password",
        unknown[10],
        known[10]
    );
    assert_eq!(import_at(server(), &[line("timed", "entry", BCRYPT)])[0]["status"], "taken");
}
