//! The secrets that some hashes need, which are not in the database.

use std::fmt;

use edge_signup::fields::password::pepper::Pepper;

use super::text::any_base64;

/// The peppers of the service's own hashes, and Firebase's key.
pub struct Secrets {
    peppers: Vec<Pepper>,
    firebase: Option<FirebaseKey>,
}

/// A Firebase project's signer key and its salt separator, from the project's hash parameters.
pub struct FirebaseKey {
    pub(super) signer: Vec<u8>,
    pub(super) separator: Vec<u8>,
}

impl Secrets {
    /// Takes the current pepper and the old ones. Of two with the same id, the first is used.
    #[must_use]
    pub fn new(peppers: Vec<Pepper>, firebase: Option<FirebaseKey>) -> Self {
        Self { peppers, firebase }
    }

    pub(super) fn pepper(&self, id: &str) -> Option<&Pepper> {
        self.peppers.iter().find(|pepper| pepper.id() == id)
    }

    pub(super) fn firebase(&self) -> Option<&FirebaseKey> {
        self.firebase.as_ref()
    }
}

impl FirebaseKey {
    /// The form that [`FirebaseKey::parse`] takes, in words that complete a sentence.
    pub const FORM: &str = "Firebase's base64_signer_key, a colon, and its base64_salt_separator";

    /// Takes `signer key:salt separator`, both in Base64; returns `None` if `raw` is not of this
    /// [form](FirebaseKey::FORM).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (signer, separator) = raw.split_once(':')?;
        let (signer, separator) = (any_base64(signer)?, any_base64(separator)?);
        // A hash is as long as the signer key.
        let valid = (16..=64).contains(&signer.len()) && separator.len() <= 64;
        valid.then_some(Self { signer, separator })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl fmt::Debug for FirebaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirebaseKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pepper_is_found_by_its_id() {
        let pepper =
            |id: &str, n: char| Pepper::parse(&format!("{id}:{}", String::from(n).repeat(32))).unwrap();
        let secrets = Secrets::new(vec![pepper("2026", 'a'), pepper("2025", 'b'), pepper("2026", 'c')], None);
        assert_eq!(secrets.pepper("2026").unwrap().secret(), [b'a'; 32]);
        assert_eq!(secrets.pepper("2025").unwrap().secret(), [b'b'; 32]);
        assert!(secrets.pepper("2024").is_none() && secrets.firebase().is_none());
    }

    #[test]
    fn a_key_and_a_separator_are_firebases() {
        let key = FirebaseKey::parse("AAECAwQFBgcICQoLDA0ODw==:Bw==").unwrap();
        assert_eq!((&*key.signer, &*key.separator), (&(0..16).collect::<Vec<u8>>()[..], &[7][..]));
        assert!(FirebaseKey::parse("AAECAwQFBgcICQoLDA0ODw:").is_some());
        let long = "AAAA".repeat(22);
        for raw in [
            "",
            ":",
            "Bw==:AAECAwQFBgcICQoLDA0ODw==",
            "AAECAwQFBgcICQoLDA0ODw==",
            "AAECAwQFBgcICQoLDA0ODw==:?",
        ] {
            assert!(FirebaseKey::parse(raw).is_none(), "{raw}");
        }
        assert!(FirebaseKey::parse(&format!("{long}:")).is_none());
        assert!(FirebaseKey::parse(&format!("AAECAwQFBgcICQoLDA0ODw==:{long}")).is_none());
    }

    #[test]
    fn debug_shows_nothing() {
        let key = FirebaseKey::parse("AAECAwQFBgcICQoLDA0ODw==:Bw==").unwrap();
        assert_eq!(format!("{key:?}"), "FirebaseKey(…)");
        assert_eq!(format!("{:?}", Secrets::new(vec![], Some(key))), "Secrets(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_refused(raw in "[!-~é]{0,40}|[A-Za-z0-9+/]{20,100}:[A-Za-z0-9+/]{0,100}") {
            if let Some(key) = FirebaseKey::parse(&raw) {
                prop_assert!((16..=64).contains(&key.signer.len()) && key.separator.len() <= 64);
            }
        }
    }
}
