//! PBKDF2 ([RFC 8018](https://www.rfc-editor.org/rfc/rfc8018)) with SHA-1, SHA-256 or SHA-512, as a PHC string
//! (`$pbkdf2-sha256$i=600000,l=32$salt$hash`), as passlib's (`$pbkdf2-sha256$29000$salt$hash`), or as Django's
//! (`pbkdf2_sha256$600000$salt$hash`, whose salt is a text).

use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::text::{Salted, any_base64, number, numbers};
use super::{HashError, VerifyError};

const FORM: HashError = HashError::Malformed(
    "$pbkdf2-sha256$i=ITERATIONS,l=BYTES$SALT$HASH, $pbkdf2-sha256$ITERATIONS$SALT$HASH with salt and hash in Base64, \
     or pbkdf2_sha256$ITERATIONS$SALT$HASH",
);

const MAX_ITERATIONS: u32 = 1_500_000;
const TOO_COSTLY: HashError = HashError::TooCostly(
    "PBKDF2 may have at most 1500000 iterations, times the number of digests that make up the hash, rounded up",
);

/// A hash of PBKDF2.
pub struct Pbkdf2Hash {
    digest: Digest,
    iterations: u32,
    salted: Salted,
}

#[derive(Clone, Copy)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Pbkdf2Hash {
    pub(super) fn parse(fields: &[&str]) -> Result<Self, HashError> {
        let (name, cost, salt, hash) = match *fields {
            ["", name, cost, salt, hash] => (name, cost, any_base64(salt).ok_or(FORM)?, hash),
            [name, cost, salt, hash] => (name, cost, salt.into(), hash),
            _ => return Err(FORM),
        };
        let digest = match name {
            "pbkdf2" | "pbkdf2-sha1" | "pbkdf2_sha1" => Digest::Sha1,
            "pbkdf2-sha256" | "pbkdf2_sha256" => Digest::Sha256,
            "pbkdf2-sha512" => Digest::Sha512,
            _ => return Err(FORM),
        };
        let with_length = || numbers(cost, ["i", "l"]).map(|[iterations, length]| (iterations, Some(length)));
        let without = || numbers(cost, ["i"]).map(|[iterations]| iterations).or_else(|| number(cost));
        let (iterations, length) = with_length().or_else(|| Some((without()?, None))).ok_or(FORM)?;
        let salted = Salted::new(salt, any_base64(hash).ok_or(FORM)?)?;
        if iterations == 0 || length.is_some_and(|length| usize::try_from(length) != Ok(salted.hash_len())) {
            return Err(FORM);
        }
        let digests = u32::try_from(salted.hash_len().div_ceil(digest.bytes())).map_err(|_| TOO_COSTLY)?;
        if iterations.saturating_mul(digests) > MAX_ITERATIONS {
            return Err(TOO_COSTLY);
        }
        Ok(Self { digest, iterations, salted })
    }

    pub(super) fn verify(&self, password: &str) -> Result<bool, VerifyError> {
        self.salted.verify(|salt, hash| {
            let derive = match self.digest {
                Digest::Sha1 => pbkdf2_hmac::<Sha1>,
                Digest::Sha256 => pbkdf2_hmac::<Sha256>,
                Digest::Sha512 => pbkdf2_hmac::<Sha512>,
            };
            derive(password.as_bytes(), salt, self.iterations, hash);
            Ok(())
        })
    }
}

impl Digest {
    fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashes::{Secrets, StoredHash};
    use base64ct::{Base64Unpadded, Encoding};
    use proptest::prelude::*;

    /// Zero bytes.
    fn base64(bytes: usize) -> String {
        Base64Unpadded::encode_string(&vec![0; bytes])
    }

    fn error(name: &str, cost: &str, bytes: usize) -> Option<HashError> {
        StoredHash::parse(&format!("${name}${cost}$c2FsdHNhbHQ${}", base64(bytes))).err()
    }

    #[test]
    fn the_cost_counts_each_digest_of_the_hash() {
        for (name, iterations, bytes, refused) in [
            ("pbkdf2-sha256", 1_500_000, 32, None),
            ("pbkdf2-sha256", 1_500_001, 32, Some(TOO_COSTLY)),
            ("pbkdf2-sha256", 750_000, 64, None),
            ("pbkdf2-sha256", 750_001, 33, Some(TOO_COSTLY)),
            ("pbkdf2-sha512", 1_500_000, 64, None),
            ("pbkdf2-sha512", 1_500_001, 64, Some(TOO_COSTLY)),
            ("pbkdf2", 750_000, 40, None),
            ("pbkdf2", 500_001, 41, Some(TOO_COSTLY)),
            ("pbkdf2-sha1", u32::MAX, 64, Some(TOO_COSTLY)),
        ] {
            assert_eq!(error(name, &iterations.to_string(), bytes), refused, "{name} {iterations} {bytes}");
            assert_eq!(error(name, &format!("i={iterations},l={bytes}"), bytes), refused);
            assert_eq!(error(name, &format!("i={iterations}"), bytes), refused);
        }
    }

    #[test]
    fn another_form_is_refused() {
        for cost in ["", "0", "i=0", "01", "i=1,l=16", "l=32,i=1", "i=1,l=32,", "i=", "1,32", "4294967296"] {
            assert_eq!(error("pbkdf2-sha256", cost, 32), Some(FORM), "{cost}");
        }
        for text in [
            "$pbkdf2$",
            "pbkdf2_sha1$",
            "$pbkdf2$1$c2FsdHNhbHQ",
            "$pbkdf2$1$?$AAAAAAAAAAAAAAAAAAAAAA",
            "pbkdf2_sha1$1$salt$?",
            "pbkdf2_sha256$1$salt$AAAAAAAAAAAAAAAAAAAAAA==$",
        ] {
            assert_eq!(StoredHash::parse(text).err(), Some(FORM), "{text}");
        }
        for text in ["$pbkdf2$1$$AAAAAAAAAAAAAAAAAAAAAA", "pbkdf2_sha1$1$salt$AAAA"] {
            assert_eq!(StoredHash::parse(text).err(), Some(HashError::Lengths), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_hash_that_is_taken_can_be_computed_at_a_bounded_cost(
            name in prop::sample::select(vec!["pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"]),
            iterations in prop_oneof![0_u32..50, any::<u32>()],
            bytes in prop::sample::select(vec![16_usize, 32, 33, 64]),
        ) {
            let text = format!("${name}${iterations}$c2FsdHNhbHQ${}", base64(bytes));
            if let Ok(hash) = StoredHash::parse(&text) {
                prop_assert!((1..=1_500_000).contains(&iterations));
                if iterations < 50 {
                    prop_assert_eq!(hash.verify("secret", &Secrets::new(vec![], None)), Ok(false));
                }
            }
        }
    }
}
