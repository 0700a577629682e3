//! A name that a user signs up with.
//!
//! It owns the rule for which texts are names, and for when two names are the same. It must not know HTTP, nor in which
//! namespace a name has to be unique.

use std::fmt;

use crate::unicode::{self, Bounded};

/// The longest name, in characters after NFC.
pub const MAX_CHARACTERS: usize = 254;

/// The longest text that can become a name, in code points: no character decomposes canonically into more
/// than four ([UAX #15](https://www.unicode.org/reports/tr15/)), so NFC composes at most four into one.
const MAX_RAW: usize = 4 * MAX_CHARACTERS;

/// A valid username, in NFC, with the key that decides whether it is taken.
#[derive(Clone, PartialEq, Eq)]
pub struct Username {
    text: String,
    key: String,
}

/// Why a text is not a username. Its text completes a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsernameError {
    /// The text is empty, or has more than [`MAX_CHARACTERS`].
    Length,
    /// The first character is a mark, which would combine with the text before the name.
    LeadingMark,
    /// The text has white space, or a control, format, private-use or unassigned character.
    Character(char),
    /// The text has only default-ignorable characters: its key is empty.
    Invisible,
}

impl Username {
    /// Takes 1 to [`MAX_CHARACTERS`] letters, marks, numbers, punctuation and symbols. The first must not be a mark,
    /// and at least one must not be default-ignorable. The characters are counted, and the name is kept, in NFC.
    ///
    /// # Errors
    /// [`UsernameError`]: the first rule that `raw` breaks.
    pub fn parse(raw: &str) -> Result<Self, UsernameError> {
        let raw = Bounded::new(raw, MAX_RAW).ok_or(UsernameError::Length)?;
        let text = unicode::nfc(raw);
        let name = Bounded::new(&text, MAX_CHARACTERS).ok_or(UsernameError::Length)?;
        if text.is_empty() {
            return Err(UsernameError::Length);
        }
        if let Some(c) = text.chars().find(|&c| !unicode::is_graphic(c)) {
            return Err(UsernameError::Character(c));
        }
        if text.starts_with(unicode::is_mark) {
            return Err(UsernameError::LeadingMark);
        }
        let key = unicode::nfkc_casefold(name);
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

    /// The name's `NFKC_Casefold` form: two names with the same key are the same name.
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
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

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
    fn the_longest_text_that_composes_to_a_name_is_taken() {
        // Each four code points are one character in NFC: U+1F82.
        let longest = "\u{3b1}\u{313}\u{300}\u{345}".repeat(254);
        assert_eq!(longest.chars().count(), MAX_RAW);
        assert_eq!(Username::parse(&longest).unwrap().as_str(), "\u{1f82}".repeat(254));
        assert_eq!(error(&format!("{longest}\u{345}")), UsernameError::Length);
    }

    #[test]
    fn no_character_decomposes_into_more_than_four() {
        let nfd = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd();
        let longest = ('\0'..=char::MAX).map(|c| nfd.normalize(&c.to_string()).chars().count()).max();
        assert_eq!(longest, Some(4));
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
            // The pattern's tables can be of a newer Unicode than ours, where a character is still unassigned.
            let error = Username::parse(&raw).err();
            prop_assert!(matches!(error, None | Some(UsernameError::Invisible | UsernameError::Character(_))));
        }
    }
}
