//! `PASSWORD_PEPPER`: the stored hash, a rotation, and a bad pepper.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier, Version};
use serde_json::json;

use crate::faults;
use crate::request::{Request, sign_up};

const PASSWORD: &str = "correct horse";
const OLD: &str = "2025:an-old-secret-of-32-characters--";
const NEW: &str = "2026:a-new-secret-of-more-than-32-characters";

/// A sign-up by a Worker that has this pepper.
fn peppered(name: &str, pepper: Option<&str>) -> Request {
    sign_up(name, "pepper").password(PASSWORD).vars(json!({ "PASSWORD_PEPPER": pepper }))
}

fn stored(name: &str) -> String {
    let users = faults::server().database().users("pepper");
    let user = users.into_iter().find(|user| user.username == name);
    user.unwrap_or_else(|| panic!("{name} should be stored")).password_hash
}

fn verifies(hash: &str, secret: &str) -> bool {
    let argon2 =
        Argon2::new_with_secret(secret.as_bytes(), Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
    argon2.unwrap().verify_password(PASSWORD.as_bytes(), &PasswordHash::new(hash).unwrap()).is_ok()
}

#[test]
fn a_hash_names_its_pepper_and_needs_its_secret() {
    for (name, pepper) in [("before", OLD), ("after", NEW)] {
        assert_eq!(peppered(name, Some(pepper)).send_to(faults::server()).status, 200);
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

    assert_eq!(peppered("without", None).send_to(faults::server()).status, 200);
    assert!(stored("without").starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(verifies(&stored("without"), ""));
}

#[test]
fn a_rotation_keeps_the_stored_hashes() {
    let first = peppered("rotated", Some(OLD)).key("pepper-1").send_to(faults::server());
    assert_eq!(first.status, 200);
    let hash = stored("rotated");
    peppered("rotated", Some(NEW)).key("pepper-1").send_to(faults::server()).is(200, &first.body);
    assert_eq!(peppered("rotated", Some(NEW)).send_to(faults::server()).status, 409);
    assert_eq!(stored("rotated"), hash);
}

#[test]
fn a_bad_pepper_stops_the_service_and_is_neither_answered_nor_logged() {
    for pepper in ["", "bad-s3cret", "2026:bad-s3cret", "bad-s3cret:0123456789abcdef0123456789abcdef"] {
        let answer = peppered("bad", Some(pepper)).send_to(faults::server());
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
