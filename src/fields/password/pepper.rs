//! A pepper: a secret that goes into every password hash and never into the database, with an id that names the pepper
//! in the hash.
//!
//! It owns the form of a pepper. The secret cannot be shown by accident: the type has no `Display`, its `Debug` prints
//! only the name of the type, and a value that is refused is not repeated. It must not compute a hash.

use std::fmt;
use std::ops::RangeInclusive;

/// An id's length in characters. Four characters of Base64's alphabet are three whole bytes, so the id is valid in a
/// PHC string as it is, without being encoded.
const ID_LENGTH: usize = 4;

/// A secret's length in characters. Even 32 hexadecimal digits have 128 bits
/// ([NIST SP 800-63B, section 3.1.1.2](https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver) asks for 112).
const SECRET_LENGTH: RangeInclusive<usize> = 32..=128;

/// A valid pepper.
pub struct Pepper {
    id: String,
    secret: String,
}

impl Pepper {
    /// The form that [`Pepper::parse`] takes, in words that complete a sentence.
    pub const FORM: &str =
        "an id of 4 letters or digits, a colon, and a secret of 32 to 128 visible ASCII characters";

    /// Takes `id:secret`; returns `None` if `raw` is not of this [form](Pepper::FORM).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (id, secret) = raw.split_once(':')?;
        let valid = id.len() == ID_LENGTH
            && id.bytes().all(|b| b.is_ascii_alphanumeric())
            && SECRET_LENGTH.contains(&secret.len())
            && secret.bytes().all(|b| b.is_ascii_graphic());
        valid.then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The id, which is the parameter `keyid` of a PHC string.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Argon2's secret value K ([RFC 9106, section 3.1](https://www.rfc-editor.org/rfc/rfc9106#section-3.1)).
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn an_id_and_a_secret_are_a_pepper() {
        let long = "~".repeat(128);
        for (raw, id, secret) in [
            (format!("2026:{SECRET}"), "2026", SECRET),
            (format!("aZ09:{long}"), "aZ09", &*long),
            (format!("key1::{SECRET}:"), "key1", ":0123456789abcdef0123456789abcdef:"),
        ] {
            let pepper = Pepper::parse(&raw).unwrap();
            assert_eq!((pepper.id(), pepper.secret()), (id, secret.as_bytes()));
        }
    }

    #[test]
    fn all_else_is_refused() {
        for raw in [
            String::new(),
            ":".to_owned(),
            SECRET.to_owned(),
            format!("2026{SECRET}"),
            format!(":{SECRET}"),
            format!("202:{SECRET}"),
            format!("20261:{SECRET}"),
            format!("20-6:{SECRET}"),
            format!("20é:{SECRET}"),
            format!(" 2026:{SECRET}"),
            format!("2026: {SECRET}"),
            format!("2026:{SECRET}\n"),
            format!("2026:{SECRET}é"),
            "2026:".to_owned(),
            format!("2026:{}", "x".repeat(31)),
            format!("2026:{}", "x".repeat(129)),
        ] {
            assert!(Pepper::parse(&raw).is_none(), "{raw:?}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Pepper::parse(&format!("2026:{SECRET}")).unwrap()), "Pepper(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_whole_or_refused(raw in "[ -~é]{0,140}|[0-9a-z]{4}:[!-~]{20,140}") {
            if let Some(pepper) = Pepper::parse(&raw) {
                let secret = std::str::from_utf8(pepper.secret()).unwrap();
                prop_assert_eq!(format!("{}:{}", pepper.id(), secret), raw);
            }
        }
    }
}
