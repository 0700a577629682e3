//! A name that a user signs up with: which texts are names, and when two of them are the same.
//!
//! Must not know HTTP, nor in which namespace a name has to be unique.

use std::fmt;

use crate::unicode;

/// The longest name, in characters after NFC.
pub const MAX_CHARACTERS: usize = 254;

/// A valid username, in NFC, with the key that decides whether it is taken.
#[derive(Clone, PartialEq, Eq)]
pub struct Username {
    text: String,
    key: String,
}

/// Why a text is not a username. As text it completes the sentence that the field's name begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsernameError {
    /// No character, or more than [`MAX_CHARACTERS`].
    Length,
    /// The first character would combine with whatever stands before the name.
    LeadingMark,
    /// White space, a control, format, private-use or unassigned character.
    Character(char),
    /// Only invisible characters: the key is empty.
    Invisible,
}

impl Username {
    /// Takes 1 to 254 letters, marks, numbers, punctuation and symbols, the first not a mark, at
    /// least one of them visible; counted and kept in NFC.
    ///
    /// # Errors
    /// The first rule that `raw` breaks.
    pub fn parse(raw: &str) -> Result<Self, UsernameError> {
        let text = unicode::nfc(raw);
        if text.is_empty() || text.chars().nth(MAX_CHARACTERS).is_some() {
            return Err(UsernameError::Length);
        }
        if let Some(c) = text.chars().find(|&c| !unicode::is_graphic(c)) {
            return Err(UsernameError::Character(c));
        }
        if text.starts_with(unicode::is_mark) {
            return Err(UsernameError::LeadingMark);
        }
        let key = unicode::nfkc_casefold(&text);
        if key.is_empty() {
            return Err(UsernameError::Invisible);
        }
        Ok(Self { text, key })
    }

    /// The name in NFC, as it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name's `NFKC_Casefold` form: names with one key are one name.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for UsernameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "must have 1 to {MAX_CHARACTERS} characters"),
            Self::LeadingMark => f.write_str("must not begin with a combining mark"),
            Self::Character(c) => write!(
                f,
                "must consist of letters, marks, numbers, punctuation and symbols, and U+{:04X} is none of them",
                u32::from(*c)
            ),
            Self::Invisible => f.write_str("must have a visible character"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(raw: &str) -> UsernameError {
        Username::parse(raw).err().unwrap_or_else(|| panic!("{raw:?} was taken"))
    }

    #[test]
    fn names_are_kept_in_nfc() {
        let name = Username::parse("Zoe\u{308}").unwrap();
        assert_eq!(name.as_str(), "Zoë");
        assert_eq!(name.key(), "zoë");
    }

    #[test]
    fn one_name_in_many_spellings() {
        for spelling in ["Ada", "ada", "ＡＤＡ", "aDa"] {
            assert_eq!(Username::parse(spelling).unwrap().key(), "ada");
        }
    }

    #[test]
    fn letters_numbers_and_symbols_of_any_script_are_names() {
        for name in ["a", "7", "☃", "🥰", "名前", "ada@example.com", "ÅΩ", "नमस्ते", "!", "\u{fffd}"]
        {
            assert!(Username::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_length_is_counted_in_characters_after_nfc() {
        assert_eq!(error(""), UsernameError::Length);
        assert!(Username::parse(&"é".repeat(254)).is_ok());
        assert!(Username::parse(&"e\u{301}".repeat(254)).is_ok());
        assert_eq!(error(&"é".repeat(255)), UsernameError::Length);
    }

    #[test]
    fn white_space_controls_and_unassigned_characters_are_refused() {
        for c in [
            ' ',
            '\t',
            '\0',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2028}',
            '\u{3000}',
            '\u{e000}',
            '\u{feff}',
            '\u{378}',
            '\u{ffff}',
            '\u{10ffff}',
        ] {
            assert_eq!(error(&format!("a{c}b")), UsernameError::Character(c));
        }
    }

    #[test]
    fn a_mark_cannot_be_first_and_fillers_alone_are_nothing() {
        assert_eq!(error("\u{301}a"), UsernameError::LeadingMark);
        assert_eq!(error("\u{fe0f}"), UsernameError::LeadingMark);
        assert_eq!(error("\u{3164}"), UsernameError::Invisible);
        assert_eq!(error("\u{115f}\u{1160}\u{ffa0}"), UsernameError::Invisible);
    }

    #[test]
    fn an_error_says_what_would_be_right() {
        assert_eq!(error("").to_string(), "must have 1 to 254 characters");
        assert_eq!(
            error("a b").to_string(),
            "must consist of letters, marks, numbers, punctuation and symbols, and U+0020 is none of them"
        );
    }

    proptest! {
        #[test]
        fn a_name_stays_itself(raw in any::<String>()) {
            if let Ok(name) = Username::parse(&raw) {
                let again = Username::parse(name.as_str()).unwrap();
                prop_assert!(again == name);
                prop_assert!((1..=MAX_CHARACTERS).contains(&name.as_str().chars().count()));
                prop_assert!(!name.key().is_empty());
            }
        }

        #[test]
        fn graphic_text_is_a_name(raw in "[\\p{L}\\p{N}\\p{P}\\p{S}]{1,20}") {
            // The pattern's tables and ours can differ by a Unicode version: an unassigned character is no surprise.
            let error = Username::parse(&raw).err();
            prop_assert!(matches!(error, None | Some(UsernameError::Invisible | UsernameError::Character(_))));
        }
    }
}
