//! Argon2 ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)) in its three kinds, of version 16 or 19, as a PHC string
//! (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`) or as Django's, which has `argon2` before it.
//!
//! The service's own hashes are Argon2id of version 19 with 32 bytes. It computes those with its own code, which is
//! faster, from the password's normal form. A text that is not a password has no normal form, and matches none of them.

use ::argon2::{Algorithm, Argon2, Block, Params, Version};
use edge_signup::fields::password::pepper::Pepper;
use edge_signup::fields::password::{Password, SALT_BYTES, TAG_BYTES, release_memory};

use super::text::{Salted, base64, numbers};
use super::{HashError, Secrets, VerifyError};

const FORM: HashError = HashError::Malformed(
    "$argon2id$v=19$m=MEMORY,t=PASSES,p=LANES$SALT$HASH with salt and hash in unpadded Base64, 8 KiB or more for each \
     lane, and no associated data",
);

/// Django's own hasher takes this much. A Worker has 131,072 KiB of memory in all, and the rest of the admin fits beside it.
const MAX_MEMORY: u32 = 102_400;
const MAX_WORK: u64 = 4 * 65_536;
const MAX_LANES: u32 = 16;
const TOO_COSTLY: HashError = HashError::TooCostly(
    "Argon2 may use at most 102400 KiB (m) and 16 lanes (p), and memory times passes (m × t) may be at most 262144",
);

/// The shortest salt that Argon2 takes.
const MIN_SALT: usize = 8;

/// A hash of Argon2.
pub struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    /// The id of the pepper that is Argon2's secret value.
    keyid: Option<String>,
    salted: Salted,
    /// Without Django's name before it.
    is_phc: bool,
}

impl Argon2Hash {
    pub(super) fn parse(fields: &[&str]) -> Result<Self, HashError> {
        let (prefix, algorithm, version, params, salt, hash) = match *fields {
            [prefix, algorithm, version, params, salt, hash] => {
                (prefix, algorithm, version, params, salt, hash)
            }
            // Version 16 did not write its number.
            [prefix, algorithm, params, salt, hash] => (prefix, algorithm, "v=16", params, salt, hash),
            _ => return Err(FORM),
        };
        let version = match version {
            "v=16" => Version::V0x10,
            "v=19" => Version::V0x13,
            _ => return Err(FORM),
        };
        let (costs, keyid) = match params.split_once(",keyid=") {
            Some((costs, keyid)) => (costs, Some(keyid)),
            None => (params, None),
        };
        if keyid.is_some_and(|id| id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return Err(FORM);
        }
        let [memory, passes, lanes] = numbers(costs, ["m", "t", "p"]).ok_or(FORM)?;
        let work = u64::from(memory).saturating_mul(passes.into());
        if memory > MAX_MEMORY || work > MAX_WORK || lanes > MAX_LANES {
            return Err(TOO_COSTLY);
        }
        let salted = Salted::new(base64(salt).ok_or(FORM)?, base64(hash).ok_or(FORM)?)?;
        if salted.salt_len() < MIN_SALT {
            return Err(HashError::Lengths);
        }
        Ok(Self {
            algorithm: Algorithm::new(algorithm).map_err(|_| FORM)?,
            version,
            params: Params::new(memory, passes, lanes, Some(salted.hash_len())).map_err(|_| FORM)?,
            keyid: keyid.map(str::to_owned),
            salted,
            is_phc: prefix.is_empty(),
        })
    }

    pub(super) fn form(&self) -> &'static str {
        self.algorithm.as_str()
    }

    pub(super) fn is_own_form(&self) -> bool {
        self.is_phc && self.algorithm == Algorithm::Argon2id && self.version == Version::V0x13
    }

    fn is_own(&self) -> bool {
        self.is_own_form() && self.salted.hash_len() == TAG_BYTES
    }

    pub(super) fn is_current(&self, params: &Params, pepper: Option<&Pepper>) -> bool {
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        self.is_own()
            && costs(&self.params) == costs(params)
            && self.keyid.as_deref() == pepper.map(Pepper::id)
            && self.salted.salt_len() == SALT_BYTES
    }

    pub(super) fn verify(&self, password: &str, secrets: &Secrets) -> Result<bool, VerifyError> {
        let secret = match &self.keyid {
            None => &[],
            Some(id) => secrets.pepper(id).ok_or(VerifyError::UnknownPepper)?.secret(),
        };
        if !self.is_own() {
            return self.salted.verify(|salt, hash| self.derive(password.as_bytes(), salt, secret, hash));
        }
        let Ok(password) = Password::parse(password, 1) else { return Ok(false) };
        self.salted.verify(|salt, hash| {
            let tag =
                password.tag(&self.params, salt, secret).map_err(|error| VerifyError::failed(&error))?;
            hash.copy_from_slice(&tag);
            Ok(())
        })
    }

    fn derive(
        &self,
        password: &[u8],
        salt: &[u8],
        secret: &[u8],
        hash: &mut [u8],
    ) -> Result<(), VerifyError> {
        release_memory();
        let mut memory = Vec::new();
        memory.try_reserve_exact(self.params.block_count()).map_err(|error| VerifyError::failed(&error))?;
        memory.resize(self.params.block_count(), Block::new());
        Argon2::new_with_secret(secret, self.algorithm, self.version, self.params.clone())
            .and_then(|argon2| argon2.hash_password_into_with_memory(password, salt, hash, memory))
            .map_err(|error| VerifyError::failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashes::StoredHash;
    use crate::hashes::vectors::vectors;
    use proptest::prelude::*;

    const SALT: &str = "MDEyMzQ1Njc4OWFiY2RlZg";
    const TAG: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn params() -> Params {
        Params::new(32, 2, 1, Some(TAG_BYTES)).unwrap()
    }

    fn pepper(id: &str) -> Pepper {
        Pepper::parse(&format!("{id}:0123456789abcdef0123456789abcdef")).unwrap()
    }

    fn own(password: &str, pepper: Option<&Pepper>) -> StoredHash {
        let hash = Password::parse(password, 1).unwrap().hash(&params(), pepper, [7; SALT_BYTES]).unwrap();
        StoredHash::parse(&hash).unwrap()
    }

    fn error(params: &str) -> Option<HashError> {
        StoredHash::parse(&format!("$argon2id${params}${SALT}${TAG}")).err()
    }

    #[test]
    fn a_hash_of_the_service_matches_every_spelling_of_its_password() {
        let hash = own("pässwörd 1", None);
        let secrets = Secrets::new(vec![], None);
        for (typed, matches) in [
            ("pässwörd 1", true),
            ("pa\u{308}sswo\u{308}rd\u{a0}1", true),
            ("passwörd 1", false),
            ("pässwörd 1 ", false),
            ("", false),
            ("a\0b", false),
        ] {
            assert_eq!(hash.verify(typed, &secrets), Ok(matches), "{typed:?}");
        }
    }

    #[test]
    fn a_peppered_hash_needs_the_pepper_that_it_names() {
        let hash = own("secret", Some(&pepper("2025")));
        let verify = |peppers| hash.verify("secret", &Secrets::new(peppers, None));
        assert_eq!(verify(vec![pepper("2026"), pepper("2025")]), Ok(true));
        assert_eq!(verify(vec![pepper("2026")]), Err(VerifyError::UnknownPepper));
        let other =
            Pepper::parse("2025:an entirely other secret of this".replace(' ', "-").as_str()).unwrap();
        assert_eq!(verify(vec![other]), Ok(false));
    }

    #[test]
    fn a_hash_without_a_version_is_of_version_16() {
        let old = vectors().into_iter().find(|vector| vector.hash.contains("$v=16$")).unwrap();
        let hash = StoredHash::parse(&old.hash.replace("$v=16", "")).unwrap();
        assert_eq!(hash.verify(&old.password, &Secrets::new(vec![], None)), Ok(true));
    }

    #[test]
    fn a_current_hash_is_as_the_service_makes_it_now() {
        let hash = own("secret", None);
        assert!(hash.is_current(&params(), None));
        assert!(!hash.is_current(&params(), Some(&pepper("2026"))));
        for (memory, passes, lanes) in [(40, 2, 1), (32, 3, 1), (32, 2, 2)] {
            assert!(!hash.is_current(&Params::new(memory, passes, lanes, None).unwrap(), None));
        }
        let peppered = own("secret", Some(&pepper("2026")));
        assert!(peppered.is_current(&params(), Some(&pepper("2026"))));
        assert!(
            !peppered.is_current(&params(), Some(&pepper("2025"))) && !peppered.is_current(&params(), None)
        );

        let is_current = |text: String| {
            StoredHash::parse(&text).unwrap().is_current(&Params::new(32, 2, 1, None).unwrap(), None)
        };
        assert!(is_current(format!("$argon2id$v=19$m=32,t=2,p=1${SALT}${TAG}")));
        assert!(!is_current(format!("$argon2id$v=19$m=32,t=2,p=1${SALT}Zw${TAG}")));
        assert!(!is_current(format!("$argon2id$v=19$m=32,t=2,p=1${SALT}${SALT}")));
        assert!(!is_current(format!("$argon2id$v=16$m=32,t=2,p=1${SALT}${TAG}")));
        assert!(!is_current(format!("$argon2i$v=19$m=32,t=2,p=1${SALT}${TAG}")));
        assert!(!is_current(format!("argon2$argon2id$v=19$m=32,t=2,p=1${SALT}${TAG}")));
    }

    #[test]
    fn the_cost_has_limits() {
        for costs in ["m=102400,t=2,p=8", "m=65536,t=4,p=1", "m=8,t=32768,p=1", "m=128,t=1,p=16"] {
            assert_eq!(error(&format!("v=19${costs}")), None, "{costs}");
        }
        for costs in [
            "m=102401,t=1,p=1",
            "m=65536,t=5,p=1",
            "m=8,t=32769,p=1",
            "m=4294967295,t=4294967295,p=1",
            "m=136,t=1,p=17",
        ] {
            assert_eq!(error(&format!("v=19${costs}")), Some(TOO_COSTLY), "{costs}");
        }
    }

    #[test]
    fn another_form_is_refused() {
        for params in [
            "v=19$m=7,t=1,p=1",
            "v=19$m=8,t=0,p=1",
            "v=19$m=8,t=1,p=0",
            "v=19$m=15,t=1,p=2",
            "v=18$m=8,t=1,p=1",
            "v=19$t=1,m=8,p=1",
            "v=19$m=8,t=1",
            "v=19$m=8,t=1,p=1,data=AAAA",
            "v=19$m=8,t=1,p=1,keyid=",
            "v=19$m=8,t=1,p=1,keyid=20,6",
            "v=19$m=8,t=1,p=1,keyid=2026,data=AAAA",
            "v=19$v=19$m=8,t=1,p=1",
            "m=08,t=1,p=1",
        ] {
            assert_eq!(error(params), Some(FORM), "{params}");
        }
        for text in [
            "$argon2id$v=19".to_owned(),
            format!("$argon2id$v=19$m=8,t=1,p=1${SALT}"),
            format!("$argon2id$v=19$m=8,t=1,p=1${SALT}==${TAG}"),
            format!("$argon2id$v=19$m=8,t=1,p=1${SALT}${TAG}$"),
        ] {
            assert_eq!(StoredHash::parse(&text).err(), Some(FORM), "{text}");
        }
        let short = format!("$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Ng${TAG}");
        assert_eq!(StoredHash::parse(&short).err(), Some(HashError::Lengths));
        let shortest = short.replace("MDEyMzQ1Ng", "MDEyMzQ1Njc");
        assert!(StoredHash::parse(&shortest).is_ok());
    }

    proptest! {
        #[test]
        fn a_hash_that_is_taken_can_be_computed_at_a_bounded_cost(
            memory in prop_oneof![0_u32..300, any::<u32>()],
            passes in prop_oneof![0_u32..9, any::<u32>()],
            lanes in prop_oneof![0_u32..20, any::<u32>()],
        ) {
            let text = format!("$argon2d$m={memory},t={passes},p={lanes}${SALT}${TAG}");
            if let Ok(hash) = StoredHash::parse(&text) {
                prop_assert!(memory <= 102_400 && memory.saturating_mul(passes) <= 262_144 && lanes <= 16);
                if memory <= 300 && passes <= 9 {
                    prop_assert_eq!(hash.verify("secret", &Secrets::new(vec![], None)), Ok(false));
                }
            }
        }
    }
}
