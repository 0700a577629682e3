//! bcrypt (`$2b$12$`, then 22 characters of salt and 31 of hash), also as Django writes it, and of a digest of the
//! password, as Django (`bcrypt_sha256$$2b$12$…`) and passlib (`$bcrypt-sha256$v=2,t=2b,r=12$salt$hash`) do.
//!
//! The versions 2a, 2b and 2y are the same for a text in UTF-8. Version 2x has the mistake of old copies of
//! `crypt_blowfish`, which take a byte above 127 for a negative number. bcrypt reads only the first 72 bytes.

use base64ct::{Base64, Base64Bcrypt, Encoding};
use blowfish::Blowfish;
use ctutils::CtEq;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::HashError;

const FORM: HashError = HashError::Malformed(
    "$2b$COST$SALTHASH with a cost of two digits from 04 to 31, and 22 and 31 characters of bcrypt's Base64",
);
const SHA256_FORM: HashError = HashError::Malformed(
    "$bcrypt-sha256$v=2,t=2b,r=COST$SALT$HASH with a cost from 4 to 31, and 22 and 31 characters of bcrypt's Base64",
);

const MAX_COST: u32 = 13;
const TOO_COSTLY: HashError = HashError::TooCostly("the cost of bcrypt may be at most 13");

const KEY_BYTES: usize = 72;

/// A hash of bcrypt.
pub struct BcryptHash {
    input: Input,
    is_2x: bool,
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

/// The input of bcrypt.
enum Input {
    /// The password itself.
    Password,
    /// The SHA-256 of the password in hexadecimal digits: Django's.
    Hexadecimal,
    /// The SHA-256 of the password in Base64: passlib's first version.
    Base64,
    /// The HMAC-SHA-256 of the password in Base64, with the text of the salt as the key: passlib's second version.
    Hmac { salt: String },
}

impl BcryptHash {
    pub(super) fn parse(fields: &[&str]) -> Result<Self, HashError> {
        let form = if let ["", "bcrypt-sha256", ..] = *fields { SHA256_FORM } else { FORM };
        let hash = Self::read(fields).ok_or(form)?;
        if hash.cost > MAX_COST { Err(TOO_COSTLY) } else { Ok(hash) }
    }

    fn read(fields: &[&str]) -> Option<Self> {
        let (input, version, cost, salt, hash) = match *fields {
            ["", "bcrypt-sha256", params, salt, hash] => match *params.split(',').collect::<Vec<_>>() {
                ["v=2", "t=2b", cost] => {
                    let cost = cost_of(cost.strip_prefix("r=")?)?;
                    (Input::Hmac { salt: salt.to_owned() }, "2b", cost, salt, hash)
                }
                [version @ ("2a" | "2b"), cost] => (Input::Base64, version, cost_of(cost)?, salt, hash),
                _ => return None,
            },
            ["", version, cost, rest] | ["bcrypt", "", version, cost, rest] => {
                let (salt, hash) = rest.split_at_checked(22)?;
                (Input::Password, version, cost_of_two_digits(cost)?, salt, hash)
            }
            ["bcrypt_sha256", "", version, cost, rest] => {
                let (salt, hash) = rest.split_at_checked(22)?;
                (Input::Hexadecimal, version, cost_of_two_digits(cost)?, salt, hash)
            }
            _ => return None,
        };
        Some(Self {
            input,
            is_2x: match version {
                "2a" | "2b" | "2y" => false,
                "2x" => true,
                _ => return None,
            },
            cost,
            salt: decode(salt, 22)?,
            hash: decode(hash, 31)?,
        })
    }

    pub(super) fn verify(&self, password: &str) -> bool {
        let sha256 = || Sha256::digest(password);
        let input = match &self.input {
            // A NUL ends the key. It would also make the key of "a" from "a\0a", because a short key is repeated.
            Input::Password if password.contains('\0') => return false,
            Input::Password => password.to_owned(),
            Input::Hexadecimal => base16ct::lower::encode_string(&sha256()),
            Input::Base64 => Base64::encode_string(&sha256()),
            Input::Hmac { salt } => {
                let Ok(hmac) = Hmac::<Sha256>::new_from_slice(salt.as_bytes()) else { return false };
                Base64::encode_string(&hmac.chain_update(password).finalize().into_bytes())
            }
        };
        let hash = bcrypt(self.cost, &self.salt, &key(input.as_bytes(), self.is_2x));
        hash.as_flattened().first_chunk().is_some_and(|hash| self.hash.ct_eq(hash).to_bool())
    }
}

/// Reads a cost from 04 to 31, as bcrypt itself writes it.
fn cost_of_two_digits(text: &str) -> Option<u32> {
    cost_of(text).filter(|_| text.len() == 2)
}

/// Reads a cost from 4 to 31, of one digit or two: passlib writes one digit for a cost below ten.
fn cost_of(text: &str) -> Option<u32> {
    let is_short = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|cost| is_short && (4..=31).contains(cost))
}

/// Reads `characters` characters of bcrypt's Base64. Zeros fill the last group, and bits beyond the last byte do not
/// count, because some systems do not clear them.
fn decode<const BYTES: usize>(text: &str, characters: usize) -> Option<[u8; BYTES]> {
    let filled = format!("{text:.<width$}", width = characters.next_multiple_of(4));
    let bytes = (text.len() == characters).then(|| Base64Bcrypt::decode_vec(&filled).ok())??;
    bytes.first_chunk().copied()
}

/// The key: the password and a NUL, again and again. In each word of version 2x, a byte above 127 sets every bit of the
/// bytes before it.
fn key(password: &[u8], is_2x: bool) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    let mut bytes = password.iter().chain(&[0]).cycle();
    for word in key.as_chunks_mut().0 {
        *word = bytes
            .by_ref()
            .take(4)
            .fold(0_u32, |word, &byte| {
                let extended =
                    if is_2x { i32::from(byte.cast_signed()).cast_unsigned() } else { byte.into() };
                word << 8 | extended
            })
            .to_be_bytes();
    }
    key
}

/// The hash, whose last byte is not stored
/// ([Provos and Mazières](https://www.usenix.org/legacy/events/usenix99/provos/provos_html/node5.html)).
fn bcrypt(cost: u32, salt: &[u8; 16], key: &[u8; KEY_BYTES]) -> [[u8; 4]; 6] {
    let mut blowfish: Blowfish = Blowfish::bc_init_state();
    blowfish.salted_expand_key(salt, key);
    for _ in 0..2_u32.saturating_pow(cost) {
        blowfish.bc_expand_key(key);
        blowfish.bc_expand_key(salt);
    }
    let mut words = [*b"Orph", *b"eanB", *b"ehol", *b"derS", *b"cryD", *b"oubt"].map(u32::from_be_bytes);
    for block in words.as_chunks_mut().0 {
        for _ in 0..64 {
            *block = blowfish.bc_encrypt(*block);
        }
    }
    words.map(u32::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashes::{Secrets, StoredHash};
    use proptest::prelude::*;

    const SALT: &str = "abcdefghijklmnopqrstuu";
    const HASH: &str = "abcdefghijklmnopqrstuvwxyz01234";

    fn error(text: &str) -> Option<HashError> {
        StoredHash::parse(text).err()
    }

    /// The examples of `crypt_blowfish`, whose passwords are not UTF-8.
    #[test]
    fn the_mistake_of_2x_is_in_its_key() {
        let salt = decode("/OK.fbVrR/bpIqNJ5ianF.", 22).unwrap();
        let expected = |hash| decode::<23>(hash, 31).unwrap();
        for (password, is_2x, hash) in [
            (&b"\xa3"[..], true, "CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
            (b"\xa3", false, "Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
            (b"\xff\xff\xa3", true, "CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
            (b"\xff\xa3345", true, "o./n25XVfn6oAPaUvHe.Csk4zRfsYPi"),
            (b"\xff\xa3345", false, "nRht2l/HRhr6zmCp9vYUvvsqynflf9e"),
        ] {
            let made = bcrypt(5, &salt, &key(password, is_2x));
            let same = made.as_flattened()[..23] == expected(hash);
            assert!(same, "{password:x?} {is_2x}");
        }
    }

    #[test]
    fn a_byte_above_127_fills_the_bytes_before_it_in_2x() {
        let first = |password: &[u8], is_2x| key(password, is_2x)[..8].to_vec();
        assert_eq!(first(b"ab\xa3d\xa3", true), [0xff, 0xff, 0xa3, 0x64, 0xa3, 0, 0x61, 0x62]);
        assert_eq!(first(b"ab\xa3d\xa3", false), [0x61, 0x62, 0xa3, 0x64, 0xa3, 0, 0x61, 0x62]);
        assert_eq!(key(b"", false), [0; KEY_BYTES]);
        assert_eq!(key(&[b'x'; 72], false), [b'x'; KEY_BYTES]);
    }

    #[test]
    fn a_password_with_nul_matches_nothing() {
        let text = |password: &[u8]| {
            let salt = decode(SALT, 22).unwrap();
            let hash = bcrypt(4, &salt, &key(password, false));
            format!("$2b$04${SALT}{:.31}", Base64Bcrypt::encode_string(hash.as_flattened()))
        };
        let verify = |hash: &str, typed| {
            StoredHash::parse(hash).unwrap().verify(typed, &Secrets::new(vec![], None)).unwrap()
        };
        assert_eq!(key(b"a", false), key(b"a\0a", false));
        let hash = text(b"a");
        assert!(verify(&hash, "a") && !verify(&hash, "a\0a") && !verify(&hash, "a\0"));
    }

    #[test]
    fn the_bits_beyond_the_last_byte_do_not_count() {
        assert_eq!(decode::<16>(SALT, 22), decode::<16>("abcdefghijklmnopqrstuv", 22));
        assert_ne!(decode::<16>(SALT, 22), decode::<16>("abcdefghijklmnopqrstue", 22));
        for text in ["", "abcdefghijklmnopqrstu", "abcdefghijklmnopqrstuuu", "abcdefghijklmnopqrst+u"] {
            assert_eq!(decode::<16>(text, 22), None, "{text}");
        }
    }

    #[test]
    fn the_cost_has_limits() {
        for (cost, refused) in [
            ("04", None),
            ("13", None),
            ("14", Some(TOO_COSTLY)),
            ("31", Some(TOO_COSTLY)),
            ("03", Some(FORM)),
            ("32", Some(FORM)),
            ("99", Some(FORM)),
            ("+5", Some(FORM)),
            ("005", Some(FORM)),
            ("5", Some(FORM)),
            ("", Some(FORM)),
        ] {
            assert_eq!(error(&format!("$2b${cost}${SALT}{HASH}")), refused, "{cost}");
        }
        for (cost, refused) in
            [("4", None), ("14", Some(TOO_COSTLY)), ("3", Some(SHA256_FORM)), ("", Some(SHA256_FORM))]
        {
            assert_eq!(error(&format!("$bcrypt-sha256$v=2,t=2b,r={cost}${SALT}${HASH}")), refused, "{cost}");
        }
    }

    #[test]
    fn another_form_is_refused() {
        for text in [
            "$2b$05".to_owned(),
            format!("$2b$05${SALT}"),
            format!("$2b$05${SALT}${HASH}"),
            format!("$2b$05${SALT}{HASH}a"),
            format!("$2b$05${SALT}{}", HASH.replace('a', "+")),
            format!("bcrypt$2b$05${SALT}{HASH}"),
            format!("bcrypt$$2c$05${SALT}{HASH}"),
            format!("bcrypt$$2b$5${SALT}{HASH}"),
            format!("bcrypt_sha256$$2b$5${SALT}{HASH}"),
            format!("bcrypt_sha256$$bcrypt-sha256$05${SALT}{HASH}"),
        ] {
            assert_eq!(error(&text), Some(FORM), "{text}");
        }
        for params in [
            "v=3,t=2b,r=5",
            "v=2,t=2b,r=32",
            "v=2,t=2a,r=5",
            "v=2,t=2b,5",
            "2x,5",
            "2b",
            "",
            "v=2,t=2b,r=5,x=1",
        ] {
            assert_eq!(
                error(&format!("$bcrypt-sha256${params}${SALT}${HASH}")),
                Some(SHA256_FORM),
                "{params}"
            );
        }
        assert_eq!(error(&format!("$bcrypt-sha256$2b,5${SALT}{HASH}")), Some(SHA256_FORM));
    }

    proptest! {
        #[test]
        fn both_keys_are_the_same_without_high_bytes(password in "[ -~]{0,90}") {
            prop_assert_eq!(key(password.as_bytes(), true), key(password.as_bytes(), false));
        }

        #[test]
        fn the_cost_of_a_hash_that_is_taken_is_bounded(cost in "[0-9]{0,3}") {
            if StoredHash::parse(&format!("$2b${cost}${SALT}{HASH}")).is_ok() {
                prop_assert!((4..=13).contains(&cost.parse::<u32>().unwrap()));
            }
        }
    }
}
