//! Firebase's scrypt (<https://github.com/firebase/scrypt>): `$firebase-scrypt$ln=14,r=8$salt$hash`, where `ln` is the
//! project's memory cost and `r` its rounds, and salt and hash are in Base64 as Firebase exports them.
//!
//! scrypt makes a key of the password. The hash is the project's signer key, encrypted with it.

use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;

use super::scrypt::Cost;
use super::text::{Salted, any_base64, numbers};
use super::{HashError, Secrets, VerifyError};

const FORM: HashError =
    HashError::Malformed("$firebase-scrypt$ln=MEM_COST,r=ROUNDS$SALT$HASH with salt and hash in Base64");

/// A hash of Firebase.
pub struct FirebaseHash {
    cost: Cost,
    salted: Salted,
}

impl FirebaseHash {
    pub(super) fn parse(fields: &[&str]) -> Result<Self, HashError> {
        let ["", _, params, salt, hash] = *fields else { return Err(FORM) };
        let [log_n, r] = numbers(params, ["ln", "r"]).ok_or(FORM)?;
        let cost = Cost::new(log_n, r, 1)?.ok_or(FORM)?;
        let salted = Salted::new(any_base64(salt).ok_or(FORM)?, any_base64(hash).ok_or(FORM)?)?;
        Ok(Self { cost, salted })
    }

    pub(super) fn verify(&self, password: &str, secrets: &Secrets) -> Result<bool, VerifyError> {
        let firebase = secrets.firebase().ok_or(VerifyError::NoFirebaseKey)?;
        if self.salted.hash_len() != firebase.signer.len() {
            return Ok(false);
        }
        self.salted.verify(|salt, hash| {
            let mut key = [0; 32];
            self.cost.derive(password.as_bytes(), &[salt, &firebase.separator].concat(), &mut key)?;
            hash.copy_from_slice(&firebase.signer);
            Ctr128BE::<Aes256>::new(&key.into(), &[0; 16].into()).apply_keystream(hash);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashes::vectors::{FIREBASE, secrets};
    use crate::hashes::{FirebaseKey, StoredHash};

    const SHORT: &str = "$firebase-scrypt$ln=1,r=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==";

    fn verify(hash: &str, firebase: Option<&str>) -> Result<bool, VerifyError> {
        let key = firebase.map(|raw| FirebaseKey::parse(raw).unwrap());
        StoredHash::parse(hash).unwrap().verify("user1password", &Secrets::new(vec![], key))
    }

    /// Google's example, with the alphabet of the Admin SDK's answers.
    #[test]
    fn the_hash_may_have_the_alphabet_of_urls() {
        let hash = "$firebase-scrypt$ln=14,r=8$42xEC-ixf3L2lw==$lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==";
        assert_eq!(StoredHash::parse(hash).unwrap().verify("user1password", &secrets()), Ok(true));
    }

    #[test]
    fn a_hash_needs_its_projects_key() {
        assert_eq!(verify(SHORT, None), Err(VerifyError::NoFirebaseKey));
        assert_eq!(verify(SHORT, Some("AAECAwQFBgcICQoLDA0ODw==:Bw==")), Ok(false));
        assert_eq!(verify(SHORT, Some(FIREBASE)), Ok(false));
    }

    #[test]
    fn another_form_is_refused() {
        let error = |text: &str| StoredHash::parse(text).err();
        for text in [
            "$firebase-scrypt$",
            "$firebase-scrypt$ln=14,r=8$c2FsdA==",
            "$firebase-scrypt$ln=14$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            "$firebase-scrypt$ln=14,r=8,p=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            "$firebase-scrypt$ln=0,r=8$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            "$firebase-scrypt$ln=14,r=8$?$AAAAAAAAAAAAAAAAAAAAAA==",
            "$firebase-scrypt$ln=14,r=8$c2FsdA==$?",
        ] {
            assert_eq!(error(text), Some(FORM), "{text}");
        }
        assert!(matches!(
            error("$firebase-scrypt$ln=17,r=8$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA=="),
            Some(HashError::TooCostly(_))
        ));
        assert_eq!(error("$firebase-scrypt$ln=14,r=8$c2FsdA==$AAAA"), Some(HashError::Lengths));
    }
}
