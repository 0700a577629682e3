//! The keys that sign events, and the encryption under which they are stored.
//!
//! It owns the two kinds of signatures of [Standard Webhooks](https://www.standardwebhooks.com). `Debug` shows only the
//! kind of a key. This room must know neither SQL nor the content of the text that is signed.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use edge_signup::http::webhook::{MessageId, Secrets};
use edge_signup::setting::ConfigError;
use sha2::{Digest, Sha256};

/// The secret of the Worker that encrypts the keys.
const SETTING: &str = "WEBHOOK_KEY";

/// The fewest and the most bytes of that secret.
const LENGTH: std::ops::RangeInclusive<usize> = 32..=256;

/// The bytes of a new secret for HMAC.
const SECRET_BYTES: usize = 32;

/// The bytes of AES-GCM before and after an encrypted text.
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The length of a key of Ed25519 as a text: `whsk_` and the Base64 of 32 bytes.
const ED25519_BYTES: usize = "whsk_".len() + 44;

/// A key that signs.
pub enum Key {
    /// `v1`: HMAC-SHA256 with a secret that the endpoint has too, and its text, `whsec_…`.
    Hmac(Secrets, String),
    /// `v1a`: Ed25519. The endpoint has only the public key.
    Ed25519(Box<SigningKey>),
}

impl Key {
    /// A new key, at random. With `is_asymmetric` it is one of Ed25519.
    ///
    /// # Errors
    /// The platform has no random bytes.
    pub fn new(is_asymmetric: bool) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        if is_asymmetric {
            return Ok(Self::Ed25519(Box::new(SigningKey::from_bytes(&bytes))));
        }
        let text = format!("whsec_{}", Base64::encode_string(&bytes));
        // 32 bytes are always a secret.
        Secrets::parse(&text).map(|secrets| Self::Hmac(secrets, text)).ok_or(getrandom::Error::UNEXPECTED)
    }

    /// Reads the text that [`Key::text`] gave.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("whsk_") {
            Some(encoded) => {
                let bytes: [u8; SECRET_BYTES] = Base64::decode_vec(encoded).ok()?.try_into().ok()?;
                Some(Self::Ed25519(Box::new(SigningKey::from_bytes(&bytes))))
            }
            None => Some(Self::Hmac(Secrets::parse(text)?, text.to_owned())),
        }
    }

    /// The key as a text, `whsec_…` or `whsk_…`. It is secret.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Hmac(_, text) => text.clone(),
            Self::Ed25519(key) => format!("whsk_{}", Base64::encode_string(&key.to_bytes())),
        }
    }

    /// The text for the endpoint, which verifies with it: the secret `whsec_…`, or the public key `whpk_…`.
    #[must_use]
    pub fn for_endpoint(&self) -> String {
        match self {
            Self::Hmac(_, text) => text.clone(),
            Self::Ed25519(key) => {
                format!("whpk_{}", Base64::encode_string(key.verifying_key().as_bytes()))
            }
        }
    }

    /// The signature of a message, with its kind.
    #[must_use]
    pub fn sign(&self, id: &MessageId, time: u64, body: &str) -> String {
        match self {
            Self::Hmac(secrets, _) => secrets.sign(id, time, body),
            Self::Ed25519(key) => {
                let signature = key.sign(id.signed_text(time, body).as_bytes());
                format!("v1a,{}", Base64::encode_string(&signature.to_bytes()))
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(..) => "Key(v1)",
            Self::Ed25519(_) => "Key(v1a)",
        })
    }
}

/// Whether a sealed key is one of Ed25519. The encryption keeps the length of a text, and the texts of the two kinds
/// have different lengths, so this needs no secret.
#[must_use]
pub fn is_asymmetric(sealed: &str) -> bool {
    Base64::decode_vec(sealed).is_ok_and(|bytes| bytes.len() == NONCE_BYTES + ED25519_BYTES + TAG_BYTES)
}

/// Encrypts keys under a secret of the Worker, by AES-256-GCM: a copy of the database alone signs nothing.
pub struct Vault(Aes256Gcm);

impl Vault {
    /// Reads the secret; `None` where it is not set.
    ///
    /// # Errors
    /// [`ConfigError`]: it is too short or too long.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let Some(secret) = lookup(SETTING) else { return Ok(None) };
        if !LENGTH.contains(&secret.len()) {
            let (fewest, most) = (LENGTH.start(), LENGTH.end());
            return Err(ConfigError::new(format!("{SETTING} must have {fewest} to {most} bytes")));
        }
        Ok(Some(Self(Aes256Gcm::new(&Sha256::digest(secret)))))
    }

    /// Encrypts `text`.
    ///
    /// # Errors
    /// The platform has no random bytes.
    pub fn seal(&self, text: &str) -> Result<String, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        // This fails only for a text of gigabytes.
        let sealed =
            self.0.encrypt(&Nonce::from(nonce), text.as_bytes()).map_err(|_| getrandom::Error::UNEXPECTED)?;
        Ok(Base64::encode_string(&[&nonce[..], &sealed].concat()))
    }

    /// Decrypts the text that [`Vault::seal`] gave; `None` if another secret encrypted it.
    #[must_use]
    pub fn open(&self, sealed: &str) -> Option<String> {
        let bytes = Base64::decode_vec(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        String::from_utf8(self.0.decrypt(&Nonce::from(*nonce), sealed).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    use proptest::prelude::*;

    fn vault(secret: &str) -> Vault {
        Vault::read(|name| (name == SETTING).then(|| secret.to_owned())).unwrap().unwrap()
    }

    #[test]
    fn a_key_comes_back_as_it_was() {
        for (is_asymmetric, shown) in [(false, "Key(v1)"), (true, "Key(v1a)")] {
            let key = Key::new(is_asymmetric).unwrap();
            let again = Key::parse(&key.text()).unwrap();
            assert_eq!(again.text(), key.text());
            assert_ne!(Key::new(is_asymmetric).unwrap().text(), key.text());
            assert_eq!([&key, &again].map(|key| format!("{key:?}")), [shown; 2]);
        }
        assert!(Key::new(false).unwrap().for_endpoint().starts_with("whsec_"));
        assert!(Key::new(true).unwrap().for_endpoint().starts_with("whpk_"));
    }

    #[test]
    fn a_public_key_verifies_a_signature() {
        let key = Key::new(true).unwrap();
        let id = MessageId::parse("msg_1").unwrap();
        let signature = key.sign(&id, 7, "{}");
        let bytes = |text: &str| Base64::decode_vec(text).unwrap();
        let public = bytes(key.for_endpoint().strip_prefix("whpk_").unwrap());
        let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        let signature = Signature::from_slice(&bytes(signature.strip_prefix("v1a,").unwrap())).unwrap();
        assert!(public.verify(b"msg_1.7.{}", &signature).is_ok());
        assert!(public.verify(b"msg_1.8.{}", &signature).is_err());
    }

    #[test]
    fn the_kind_of_a_sealed_key_is_known_without_its_secret() {
        for is_key_asymmetric in [false, true] {
            let key = Key::new(is_key_asymmetric).unwrap();
            assert_eq!(is_asymmetric(&vault(&"a".repeat(32)).seal(&key.text()).unwrap()), is_key_asymmetric);
        }
        assert!(!is_asymmetric("") && !is_asymmetric("no Base64"));
    }

    #[test]
    fn only_the_secret_that_sealed_a_text_opens_it() {
        let (one, other) = (vault(&"a".repeat(32)), vault(&"b".repeat(32)));
        let sealed = one.seal("whsec_x").unwrap();
        assert_eq!(one.open(&sealed).as_deref(), Some("whsec_x"));
        assert_eq!(other.open(&sealed), None);
        assert_ne!(one.seal("whsec_x").unwrap(), sealed);
        assert!(Vault::read(|_| Some("short".to_owned())).is_err());
        assert!(Vault::read(|_| None).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_not(text in any::<String>()) {
            let _ = Key::parse(&text);
            prop_assert_eq!(vault(&"a".repeat(32)).open(&text), None);
        }
    }
}
