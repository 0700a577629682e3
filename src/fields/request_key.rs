//! The request key, which identifies a request across its retries: the client's `Idempotency-Key`, or the request's own
//! id.
//!
//! It owns the form of both, which keeps them apart. It must not know the header, nor where the key is stored.

use base16ct::lower;
use sha2::{Digest, Sha256};

use crate::fields::visible_ascii::{NotVisibleAscii, VisibleAscii};

/// The beginning of a key that no client can choose. An id alone would not be safe: the client sees it in the answer.
const PREFIX: &str = "request-id:";

/// 1 to 255 visible ASCII characters. A key that a client chose never equals the key of a request without one.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestKey(String);

impl RequestKey {
    /// The longest key of a client, in characters.
    pub const MAX: usize = 255;

    /// The request key for a client's `key`.
    ///
    /// # Errors
    /// [`NotVisibleAscii`], unless `key` is 1 to [`Self::MAX`] visible ASCII characters.
    pub fn of_client(key: String) -> Result<Self, NotVisibleAscii> {
        let key = VisibleAscii::<{ Self::MAX }>::parse(key)?;
        Ok(Self(if key.as_str().starts_with(PREFIX) {
            let digest: [u8; 32] = Sha256::digest(key.as_str()).into();
            format!("{PREFIX}sha-256:{}", lower::encode_string(&digest))
        } else {
            key.as_str().to_owned()
        }))
    }

    /// The request key of a request whose client sent no key. `id` is the request's UUID.
    #[must_use]
    pub fn of_request(id: &str) -> Self {
        Self(format!("{PREFIX}{id}"))
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_client(key: &str) -> Option<String> {
        RequestKey::of_client(key.to_owned()).ok().map(|key| key.as_str().to_owned())
    }

    #[test]
    fn a_clients_key_is_visible_ascii_and_stays_as_it_is() {
        for key in ["!", "7f9c2ba4", "695a5522-b30e-4108-a5a2-60d0985c1ad6", "Request-Id:1", &"~".repeat(255)]
        {
            assert_eq!(of_client(key).as_deref(), Some(key));
        }
        for key in ["", "a b", "é", "request-id:é", &"x".repeat(256)] {
            assert_eq!(of_client(key), None);
        }
    }

    #[test]
    fn a_clients_key_is_never_that_of_a_request() {
        let id = "695a5522-b30e-4108-a5a2-60d0985c1ad6";
        let own = RequestKey::of_request(id);
        assert_eq!(own.as_str(), "request-id:695a5522-b30e-4108-a5a2-60d0985c1ad6");
        // hashlib.sha256(b"request-id:695a5522-b30e-4108-a5a2-60d0985c1ad6").hexdigest()
        let digest = "25baad9d6ee83c64f7c48716fbf87bd12f47814a52e4f44f0a7ac87843a05fcb";
        assert_eq!(of_client(own.as_str()), Some(format!("request-id:sha-256:{digest}")));
        assert_ne!(of_client(&format!("request-id:sha-256:{digest}")), of_client(own.as_str()));
    }

    proptest! {
        #[test]
        fn different_keys_of_clients_stay_different(
            key in "(request-id:)?(sha-256:)?[!-~]{0,40}",
            other in "(request-id:)?(sha-256:)?[!-~]{0,40}",
        ) {
            prop_assert_eq!(of_client(&key) == of_client(&other), key == other);
        }

        #[test]
        fn a_key_fits_where_it_is_stored(key in "(request-id:)?[!-~]{1,244}") {
            let stored = of_client(&key).unwrap();
            prop_assert!(stored.len() <= RequestKey::MAX && stored.bytes().all(|b| b.is_ascii_graphic()));
        }
    }
}
