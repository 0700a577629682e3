//! A pepper: a secret that every password is hashed with and that the database never holds, and the
//! id by which a hash says which pepper it was.
//!
//! Nothing here can show the secret: the type has no `Display`, its `Debug` says only that it is
//! one, and a bad value is refused without being repeated. Must not know how a password is hashed.

use std::fmt;
use std::ops::RangeInclusive;

/// An id's length in characters. Four characters of Base64's alphabet are three whole bytes, so the
/// id stands in a hash as it is: nobody has to encode or decode it.
const ID_LENGTH: usize = 4;

/// A secret's length in characters: 128 bits even if they are hexadecimal digits
/// ([NIST SP 800-63B, section 3.1.1.2](https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver) asks for 112).
const SECRET_LENGTH: RangeInclusive<usize> = 32..=128;

/// A good pepper.
pub struct Pepper {
    id: String,
    secret: String,
}

impl Pepper {
    /// What [`Pepper::parse`] takes, to complete a sentence.
    pub const FORM: &str =
        "an id of 4 letters or digits, a colon, and a secret of 32 to 128 visible ASCII characters";

    /// Takes `id:secret`, or gives `None` where it is not of its [form](Pepper::FORM).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (id, secret) = raw.split_once(':')?;
        let valid = id.len() == ID_LENGTH
            && id.bytes().all(|b| b.is_ascii_alphanumeric())
            && SECRET_LENGTH.contains(&secret.len())
            && secret.bytes().all(|b| b.is_ascii_graphic());
        valid.then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The parameter `keyid` of a PHC string, ready to stand in it.
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
