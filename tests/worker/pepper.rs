//! `PASSWORD_PEPPER`: what is stored with it, through a rotation and with a bad one.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier, Version};
use serde_json::json;

use crate::faults;
use crate::http::{Answer, JSON, send, user};

const PASSWORD: &str = "correct horse";
const OLD: &str = "2025:an-old-secret-of-32-characters--";
const NEW: &str = "2026:a-new-secret-of-more-than-32-characters";

/// A sign-up by a Worker that has this pepper.
fn sign_up(name: &str, pepper: Option<&str>, headers: &[(&str, &str)]) -> Answer {
    let vars = json!({ "PASSWORD_PEPPER": pepper }).to_string();
    let headers = [&[JSON, ("Test-Vars", &vars)], headers].concat();
    send(faults::server(), "POST", "/sign-up", &headers, user(name, PASSWORD, "pepper"))
}

fn stored(name: &str) -> String {
    let users = faults::server().database().users("pepper");
    let user = users.into_iter().find(|user| user.username == name);
    user.unwrap_or_else(|| panic!("{name} is not stored")).password_hash
}

fn verifies(hash: &str, secret: &str) -> bool {
    let argon2 =
        Argon2::new_with_secret(secret.as_bytes(), Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
    argon2.unwrap().verify_password(PASSWORD.as_bytes(), &PasswordHash::new(hash).unwrap()).is_ok()
}

#[test]
fn a_hash_names_its_pepper_and_needs_its_secret() {
    for (name, pepper) in [("before", OLD), ("after", NEW)] {
        assert_eq!(sign_up(name, Some(pepper), &[]).status, 200);
        let (id, secret) = pepper.split_once(':').unwrap();
        let hash = stored(name);
        assert!(hash.starts_with(&format!("$argon2id$v=19$m=19456,t=2,p=1,keyid={id}$")), "{hash}");
        assert!(verifies(&hash, secret), "{hash}");
        for other in ["", pepper, id] {
            assert!(!verifies(&hash, other), "{hash} with {other}");
        }
    }
    let [old, new] = [OLD, NEW].map(|pepper| pepper.split_once(':').unwrap().1);
    assert!(!verifies(&stored("before"), new) && !verifies(&stored("after"), old));

    assert_eq!(sign_up("without", None, &[]).status, 200);
    assert!(stored("without").starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(verifies(&stored("without"), ""));
}

#[test]
fn a_rotation_changes_nothing_that_is_stored() {
    let key = [("Idempotency-Key", "pepper-1")];
    let first = sign_up("rotated", Some(OLD), &key);
    assert_eq!(first.status, 200);
    let hash = stored("rotated");
    sign_up("rotated", Some(NEW), &key).is(200, &first.body);
    assert_eq!(sign_up("rotated", Some(NEW), &[]).status, 409);
    assert_eq!(stored("rotated"), hash);
}

#[test]
fn a_bad_pepper_stops_the_service_and_nobody_is_told_what_it_was() {
    for pepper in ["", "bad-s3cret", "2026:bad-s3cret", "bad-s3cret:0123456789abcdef0123456789abcdef"] {
        let answer = sign_up("bad", Some(pepper), &[]);
        answer.is(500, r#"{"description":"Internal error","code":"500"}"#);
        let line = faults::server().log_line(answer.id());
        assert_eq!(
            line["cause"],
            "PASSWORD_PEPPER must be an id of 4 letters or digits, a colon, and a secret of 32 to 128 visible ASCII characters"
        );
    }
    assert!(faults::server().database().users("pepper").iter().all(|user| user.username != "bad"));
    let log = faults::server().log().concat();
    assert!(!log.contains("bad-s3cret") && !log.contains("an-old-secret") && !log.contains("a-new-secret"));
}
