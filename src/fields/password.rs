//! A password.
//!
//! It owns a password's normal form, its limits and its hash. A password cannot be shown by accident: its type has no
//! `Display`, and its `Debug` prints only the name of the type. It must not know HTTP or storage.

mod argon2id;
pub mod pepper;

use std::cell::RefCell;
use std::fmt;

use argon2::Params;
use base64ct::{Base64Unpadded, Encoding};

use crate::unicode::Bounded;
use crate::unicode::opaque_string;

use argon2id::Block;
use pepper::Pepper;

pub use argon2id::TAG_BYTES;

/// The longest password, in bytes of its normal form.
pub const MAX_BYTES: usize = 1024;

/// The longest text that can become a password, in code points: a character in NFC decomposes canonically into at most
/// three code points for each two of its bytes, and no text has more code points than its decomposition.
const MAX_RAW: usize = MAX_BYTES / 2 * 3;

/// The salt, in bytes ([RFC 9106, section 3.1](https://www.rfc-editor.org/rfc/rfc9106#section-3.1)).
pub const SALT_BYTES: usize = 16;

/// A password under the `OpaqueString` profile of RFC 8265.
pub struct Password(String);

/// Why a text is not a password. Its text completes a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// The text is empty.
    Empty,
    /// The text has fewer characters than the service asks for.
    TooShort {
        /// The fewest characters.
        minimum: usize,
    },
    /// The text has more than [`MAX_BYTES`].
    TooLong,
    /// The text has a character that the profile refuses. The error does not say which one.
    Disallowed,
}

/// The hash could not be computed. The error's text says why, without anything about the password.
#[derive(Debug)]
pub struct HashError(String);

impl Password {
    /// Takes a text of at least `minimum` characters and at most 1,024 bytes. Both are counted in the normal form,
    /// which is also the form that is hashed.
    ///
    /// # Errors
    /// [`PasswordError`]: the first rule that `raw` breaks.
    pub fn parse(raw: &str, minimum: usize) -> Result<Self, PasswordError> {
        let raw = Bounded::new(raw, MAX_RAW).ok_or(PasswordError::TooLong)?;
        let text =
            opaque_string::enforce(raw).map_err(|opaque_string::Disallowed| PasswordError::Disallowed)?;
        if text.is_empty() {
            Err(PasswordError::Empty)
        } else if text.len() > MAX_BYTES {
            Err(PasswordError::TooLong)
        } else if text.chars().count() < minimum {
            Err(PasswordError::TooShort { minimum })
        } else {
            Ok(Self(text))
        }
    }

    /// The normal form, for computing a digest. It must never be shown, logged or sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hashes the password with Argon2id, version 0x13. Returns the PHC string `$argon2id$v=19$m=…,t=…,p=…$salt$tag`
    /// (<https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md>). With a `pepper`, the string has the
    /// pepper's id after `p`, as `keyid`, and never its secret.
    ///
    /// # Errors
    /// [`HashError`]: the memory could not be allocated or is in use, or an input is too long for Argon2.
    pub fn hash(
        &self,
        params: &Params,
        pepper: Option<&Pepper>,
        salt: [u8; SALT_BYTES],
    ) -> Result<String, HashError> {
        let tag = self.tag(params, &salt, pepper.map_or(&[][..], Pepper::secret))?;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        let keyid = pepper.map_or_else(String::new, |pepper| format!(",keyid={}", pepper.id()));
        let [salt, tag] = [&salt[..], &tag].map(Base64Unpadded::encode_string);
        Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}{keyid}${salt}${tag}"))
    }

    /// The tag in the [hash](Self::hash), which a stored hash can be compared with. `secret` is that of the pepper, or
    /// empty.
    ///
    /// # Errors
    /// [`HashError`], as in [`Self::hash`].
    pub fn tag(&self, params: &Params, salt: &[u8], secret: &[u8]) -> Result<[u8; TAG_BYTES], HashError> {
        with_memory(params.block_count(), |memory| {
            argon2id::hash(self.0.as_bytes(), salt, secret, params, memory)
                .map_err(|error| HashError(error.to_string()))
        })
    }
}

thread_local! {
    /// The memory of a hash, kept for the next one: wasm memory never shrinks, and to allocate it takes time.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Gives the memory of the last hash back to the allocator, before another algorithm needs as much.
pub fn release_memory() {
    MEMORY.with(|memory| {
        if let Ok(mut memory) = memory.try_borrow_mut() {
            *memory = Vec::new();
        }
    });
}

/// Runs `fill` on `blocks` blocks of 1 KiB, and wipes them afterwards.
fn with_memory<T>(
    blocks: usize,
    fill: impl FnOnce(&mut [Block]) -> Result<T, HashError>,
) -> Result<T, HashError> {
    let failed = |error: &dyn fmt::Display| HashError(error.to_string());
    MEMORY.with(|memory| {
        let mut memory = memory.try_borrow_mut().map_err(|error| failed(&error))?;
        let missing = blocks.saturating_sub(memory.len());
        memory.try_reserve_exact(missing).map_err(|error| failed(&error))?;
        memory.resize(blocks, Block::ZERO);
        let filled = fill(&mut memory);
        memory.fill(Block::ZERO);
        filled
    })
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooShort { minimum } => write!(f, "must have at least {minimum} characters"),
            Self::TooLong => write!(f, "must have at most {MAX_BYTES} bytes"),
            Self::Disallowed => {
                f.write_str("must not hold control, invisible or unassigned characters (RFC 8265)")
            }
        }
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "password hash: {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::phc::PasswordHash;
    use argon2::{Algorithm, Argon2, PasswordVerifier, Version};
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn cheap() -> Params {
        Params::new(32, 2, 1, Some(TAG_BYTES)).unwrap()
    }

    fn error(raw: &str) -> PasswordError {
        Password::parse(raw, 1).err().unwrap()
    }

    #[test]
    fn the_length_is_that_of_the_normal_form() {
        assert_eq!(error(""), PasswordError::Empty);
        assert!(Password::parse(&"x".repeat(1024), 1).is_ok());
        assert_eq!(error(&"x".repeat(1025)), PasswordError::TooLong);
        assert!(Password::parse(&"e\u{301}".repeat(512), 1).is_ok());
        assert_eq!(Password::parse("e\u{301}x", 3).err(), Some(PasswordError::TooShort { minimum: 3 }));
        assert!(Password::parse("éxé", 3).is_ok());
        assert_eq!(error("a\0b"), PasswordError::Disallowed);
    }

    #[test]
    fn the_longest_text_that_composes_to_a_password_is_taken() {
        // Each three code points are two bytes in NFC: U+0390.
        let longest = "\u{3b9}\u{308}\u{301}".repeat(512);
        assert_eq!(longest.chars().count(), MAX_RAW);
        assert_eq!(Password::parse(&longest, 1).unwrap().as_str(), "\u{390}".repeat(512));
        for longer in [format!("{longest}\u{301}"), format!("{longest}\0")] {
            assert_eq!(error(&longer), PasswordError::TooLong);
        }
    }

    #[test]
    fn no_character_decomposes_into_more_than_three_for_two_bytes() {
        let nfd = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd();
        for c in '\0'..=char::MAX {
            let decomposed = nfd.normalize(&c.to_string()).chars().count();
            assert!(2 * decomposed <= 3 * c.len_utf8(), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Password::parse("secret", 1).unwrap()), "Password(…)");
    }

    #[test]
    fn a_hash_is_a_phc_string_that_argon2_verifies() {
        let params = Params::new(19456, 2, 1, Some(TAG_BYTES)).unwrap();
        let phc = Password::parse("pa\u{308}ss\u{a0}word", 1)
            .unwrap()
            .hash(&params, None, *b"0123456789abcdef")
            .unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"), "{phc}");
        let parsed = PasswordHash::new(&phc).unwrap();
        assert_eq!(parsed.hash.unwrap().len(), TAG_BYTES);
        assert!(Argon2::default().verify_password("päss word".as_bytes(), &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"pass word", &parsed).is_err());
    }

    #[test]
    fn a_peppered_hash_names_its_pepper_and_needs_it() {
        let pepper =
            |id: &str, n: char| Pepper::parse(&format!("{id}:{}", String::from(n).repeat(32))).unwrap();
        let hash = |pepper: Option<&Pepper>| {
            Password::parse("secret", 1).unwrap().hash(&cheap(), pepper, [1; SALT_BYTES]).unwrap()
        };
        let phc = hash(Some(&pepper("2026", 'a')));
        assert!(phc.starts_with("$argon2id$v=19$m=32,t=2,p=1,keyid=2026$AQEBAQ"), "{phc}");
        let parsed = PasswordHash::new(&phc).unwrap();
        let verified_with = |secret: &[u8]| {
            Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
                .unwrap()
                .verify_password(b"secret", &parsed)
                .is_ok()
        };
        assert!(verified_with(&[b'a'; 32]));
        assert!(!verified_with(&[b'b'; 32]) && !verified_with(b""));

        // The id does not change the tag. A hash without a pepper has no id.
        let tag = |phc: &str| phc.rsplit_once('$').unwrap().1.to_owned();
        assert_eq!(tag(&hash(Some(&pepper("2027", 'a')))), tag(&phc));
        assert_ne!(tag(&hash(Some(&pepper("2026", 'b')))), tag(&phc));
        assert!(!hash(None).contains("keyid"));
    }

    #[test]
    fn a_tag_is_that_of_the_hash_for_a_salt_of_any_length() {
        let password = Password::parse("secret", 1).unwrap();
        let phc = password.hash(&cheap(), None, [1; SALT_BYTES]).unwrap();
        let tag = password.tag(&cheap(), &[1; SALT_BYTES], b"").unwrap();
        assert!(phc.ends_with(&format!("${}", Base64Unpadded::encode_string(&tag))));

        let mut expected = [0; TAG_BYTES];
        Argon2::new_with_secret(b"pepper", Algorithm::Argon2id, Version::V0x13, cheap())
            .unwrap()
            .hash_password_into(b"secret", &[1; 8], &mut expected)
            .unwrap();
        assert_eq!(password.tag(&cheap(), &[1; 8], b"pepper").unwrap(), expected);
    }

    #[test]
    fn released_memory_is_taken_anew() {
        let tag = || Password::parse("secret", 1).unwrap().tag(&cheap(), &[1; 8], b"").unwrap();
        let before = tag();
        release_memory();
        assert_eq!(MEMORY.with_borrow(Vec::capacity), 0);
        assert_eq!(tag(), before);
    }

    #[test]
    fn memory_is_reused_and_wiped() {
        let password = Password::parse("secret", 1).unwrap();
        let first = password.hash(&cheap(), None, [1; SALT_BYTES]).unwrap();
        let other =
            password.hash(&Params::new(64, 1, 1, Some(TAG_BYTES)).unwrap(), None, [1; SALT_BYTES]).unwrap();
        assert_ne!(first, other);
        assert_eq!(password.hash(&cheap(), None, [1; SALT_BYTES]).unwrap(), first);
        MEMORY.with_borrow(|memory| {
            assert!(memory.iter().all(Block::is_zero));
        });
    }

    #[test]
    fn an_error_says_what_would_be_right_or_what_failed() {
        assert_eq!(error("").to_string(), "must not be empty");
        let too_short = Password::parse("short", 12).err().unwrap();
        assert_eq!(too_short.to_string(), "must have at least 12 characters");
        assert_eq!(error(&"x".repeat(1025)).to_string(), "must have at most 1024 bytes");
        assert_eq!(
            error("a\0b").to_string(),
            "must not hold control, invisible or unassigned characters (RFC 8265)"
        );
        assert_eq!(HashError("no memory".to_owned()).to_string(), "password hash: no memory");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(raw in any::<String>(), minimum in 1_usize..20) {
            if let Ok(Password(text)) = Password::parse(&raw, minimum) {
                prop_assert!(text.chars().count() >= minimum && text.len() <= MAX_BYTES);
                prop_assert_eq!(Password::parse(&text, minimum).ok().map(|again| again.0), Some(text));
            }
        }
    }
}
