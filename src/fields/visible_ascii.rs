//! Opaque identifiers that travel in headers and URLs unchanged.
//!
//! It owns their form: visible ASCII of a limited length. It must not know who chooses an identifier or what it is for.

use std::fmt;

/// 1 to `MAX` ASCII characters from `!` to `~`, so without spaces and controls.
#[derive(Clone, PartialEq, Eq)]
pub struct VisibleAscii<const MAX: usize>(String);

impl<const MAX: usize> VisibleAscii<MAX> {
    /// The longest value, in characters.
    pub const MAX: usize = MAX;

    /// Takes `raw` as it is.
    ///
    /// # Errors
    /// [`NotVisibleAscii`]: `raw` is empty, is too long, or has another character.
    pub fn parse(raw: String) -> Result<Self, NotVisibleAscii> {
        let in_bounds = (1..=MAX).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic());
        if in_bounds { Ok(Self(raw)) } else { Err(NotVisibleAscii { max: MAX }) }
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The error for a text that is not 1 to `max` visible ASCII characters. Its text says what would be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotVisibleAscii {
    max: usize,
}

impl fmt::Display for NotVisibleAscii {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be 1 to {} visible ASCII characters", self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Identifier = VisibleAscii<128>;

    #[test]
    fn visible_ascii_within_the_length_is_taken_unchanged() {
        for raw in ["!", "~", "g7kj2axpf13umghr5m9xl6aiordknff", &"x".repeat(128)] {
            assert_eq!(Identifier::parse(raw.to_owned()).ok().unwrap().as_str(), raw);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for raw in ["", " ", "a b", "a\tb", "a\0", "\u{7f}", "é", "a\n", &"x".repeat(129)] {
            let error = Identifier::parse(raw.to_owned()).err().unwrap();
            assert_eq!(error.to_string(), "must be 1 to 128 visible ASCII characters", "{raw:?}");
        }
        assert!(VisibleAscii::<255>::parse("x".repeat(255)).is_ok());
        assert!(VisibleAscii::<255>::parse("x".repeat(256)).is_err());
    }

    proptest! {
        #[test]
        fn the_rule_is_the_range(raw in any::<String>()) {
            let expected = !raw.is_empty() && raw.len() <= 128 && raw.chars().all(|c| ('!'..='~').contains(&c));
            prop_assert_eq!(Identifier::parse(raw).is_ok(), expected);
        }
    }
}
