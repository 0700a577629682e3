//! Opaque identifiers that travel in headers and URLs unchanged: visible ASCII of a limited length.
//!
//! Must not know who chooses the identifier or what it is for.

/// The application that a sign-up belongs to; usernames are unique within it.
pub type ClientId = VisibleAscii<128>;

/// 1 to `MAX` characters from `!` to `~`: no space, no control, nothing beyond ASCII.
#[derive(Clone, PartialEq, Eq)]
pub struct VisibleAscii<const MAX: usize>(String);

impl<const MAX: usize> VisibleAscii<MAX> {
    /// The longest value, in characters.
    pub const MAX: usize = MAX;

    /// Takes `raw` as it is, or gives `None` where a character or the length is out of bounds.
    #[must_use]
    pub fn parse(raw: String) -> Option<Self> {
        let in_bounds = (1..=MAX).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic());
        in_bounds.then_some(Self(raw))
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn visible_ascii_within_the_length_is_taken_unchanged() {
        for raw in ["!", "~", "g7kj2axpf13umghr5m9xl6aiordknff", &"x".repeat(128)] {
            assert_eq!(ClientId::parse(raw.to_owned()).unwrap().as_str(), raw);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for raw in ["", " ", "a b", "a\tb", "a\0", "\u{7f}", "é", "a\n", &"x".repeat(129)] {
            assert!(ClientId::parse(raw.to_owned()).is_none(), "{raw:?}");
        }
        assert!(VisibleAscii::<255>::parse("x".repeat(255)).is_some());
        assert!(VisibleAscii::<255>::parse("x".repeat(256)).is_none());
    }

    proptest! {
        #[test]
        fn the_rule_is_the_range(raw in any::<String>()) {
            let expected = !raw.is_empty() && raw.len() <= 128 && raw.chars().all(|c| ('!'..='~').contains(&c));
            prop_assert_eq!(ClientId::parse(raw).is_some(), expected);
        }
    }
}
