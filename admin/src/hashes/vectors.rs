//! Hashes that the systems themselves made: `vectors.json` has the password and the system of each.

use serde::Deserialize;

use super::{FirebaseKey, Secrets, StoredHash};

/// The key and the separator of Google's example.
pub const FIREBASE: &str =
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==:Bw==";

#[derive(Deserialize)]
pub struct Vector {
    pub password: String,
    pub hash: String,
    /// The form that [`StoredHash::form`] names.
    pub form: String,
    /// The system and its version.
    pub made_by: String,
}

pub fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

pub fn secrets() -> Secrets {
    Secrets::new(vec![], FirebaseKey::parse(FIREBASE))
}

#[test]
fn the_hashes_of_other_systems_match_their_passwords_and_no_others() {
    let vectors = vectors();
    assert!(vectors.len() > 40, "only {} vectors", vectors.len());
    for Vector { password, hash, form, made_by } in vectors {
        let stored = StoredHash::parse(&hash).unwrap_or_else(|error| panic!("{hash} {error}"));
        assert_eq!(stored.form(), form, "{hash}");
        let verify = |password: &str| stored.verify(password, &secrets()).unwrap();
        assert!(verify(&password), "{made_by} {hash}");
        assert!(!verify(&format!("x{password}")), "{made_by} {hash}");
    }
}
