//! Normalisation, case folding and character classes.
//!
//! It owns the choice of their sources. It must not know what a username or a password is.
//!
//! General categories and folding come from crates, with the same tables on the host and in the Worker. Normalisation
//! and scripts come from V8 in the Worker and from ICU4X on the host, and the tests compare the two. ICU4X's tables for
//! them would add 45 KB (gzip) to the Worker's 14 KB of tables; 5 of the 45 KB are for scripts. V8's patterns for
//! scripts are fast enough: the most expensive password that the search in `cost.rs` finds takes an eighth of a
//! sign-up.
//!
//! The skeletons of confusable names, with the feature `confusables`, also need Normalization Form D. It comes from the
//! crate `unicode-normalization`, on the host and in the Worker.
//!
//! Two sources agree as long as the crates' version of Unicode is not newer than V8's. A character that the tables call
//! unassigned is refused, and the normalisation of an assigned character never changes
//! ([stability policy](https://www.unicode.org/policies/stability_policy.html#Normalization)).
//!
//! This room normalises only [`Bounded`] text: V8 takes quadratic time for marks in the wrong order, so a text's size
//! has to be known before.

pub mod opaque_string;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicase::UniCase;

/// A text that is short enough to be normalised. Its length is counted in code points, and before any other work, so a
/// longer text costs no more than a text at the limit.
#[derive(Debug, Clone, Copy)]
pub struct Bounded<'a>(&'a str);

impl<'a> Bounded<'a> {
    /// The most code points that this room normalises. With marks in the worst order, V8 takes about 2 ms for them.
    pub const MAX: usize = 1536;

    /// Takes `text` if it has at most `limit` code points, or at most [`Bounded::MAX`] where `limit` is more.
    #[must_use]
    pub fn new(text: &'a str, limit: usize) -> Option<Self> {
        text.chars().nth(limit.min(Self::MAX)).is_none().then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// Normalization Form C of `text` ([UAX #15](https://www.unicode.org/reports/tr15/)).
#[must_use]
pub fn nfc(text: Bounded<'_>) -> String {
    // Most text is ASCII, and ASCII is in every normalization form.
    if text.0.is_ascii() { text.0.to_owned() } else { normalize(text.0, Form::Nfc) }
}

/// `toNFKC_Casefold(text)`: each character replaced by its `NFKC_Casefold` mapping, then NFC
/// (The Unicode Standard, section 3.13, R5).
///
/// Two strings with the same result are the same identifier, whatever their case, width or invisible characters. The
/// result can be empty, because some characters are mapped to the empty string.
#[must_use]
pub fn nfkc_casefold(text: Bounded<'_>) -> String {
    let Bounded(text) = text;
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // The mapping is defined character by character, as NFKC, case folding and the removal of
    // default ignorables, repeated until nothing changes. A line feed after each character keeps
    // neighbours from combining, so one call maps them all.
    let mut mapped: String = text.chars().flat_map(|c| [c, SEPARATOR]).collect();
    loop {
        let folded = UniCase::unicode(normalize(&mapped, Form::Nfkc)).to_folded_case();
        let next: String = folded.chars().filter(|&c| !is_ignorable(c)).collect();
        if next == mapped {
            break;
        }
        mapped = next;
    }
    normalize(&mapped.replace(SEPARATOR, ""), Form::Nfc)
}

/// A control character. It starts a new normalization segment, and no mapping changes or produces it.
const SEPARATOR: char = '\n';

/// The general category of `c`.
#[must_use]
pub fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Whether `c` is a combining mark (category M).
#[must_use]
pub fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

/// Whether `c` is punctuation (category P).
#[must_use]
pub fn is_punctuation(c: char) -> bool {
    GeneralCategoryGroup::Punctuation.contains(category(c))
}

/// Whether `c` is a letter, mark, number, punctuation or symbol (categories L, M, N, P, S).
#[must_use]
pub fn is_graphic(c: char) -> bool {
    const GRAPHIC: GeneralCategoryGroup = GeneralCategoryGroup::Letter
        .union(GeneralCategoryGroup::Mark)
        .union(GeneralCategoryGroup::Number)
        .union(GeneralCategoryGroup::Punctuation)
        .union(GeneralCategoryGroup::Symbol);
    GRAPHIC.contains(category(c))
}

/// Whether `c` is invisible where a font does not support it (`Default_Ignorable_Code_Point`).
#[must_use]
pub fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// The scripts that the rules depend on ([UAX #24](https://www.unicode.org/reports/tr24/)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Greek.
    Greek,
    /// Hebrew.
    Hebrew,
    /// Hiragana, Katakana or Han: the scripts of Japanese.
    Japanese,
}

/// Whether any character of `text` belongs to `script`. Takes time in proportion to the text.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn holds(text: &str, script: Script) -> bool {
    use worker::js_sys::RegExp;
    thread_local! {
        // Each pattern is compiled at its first use and then kept: to compile it takes far longer than to use it.
        static GREEK: RegExp = RegExp::new(r"\p{Script=Greek}", "u");
        static HEBREW: RegExp = RegExp::new(r"\p{Script=Hebrew}", "u");
        static JAPANESE: RegExp =
            RegExp::new(r"[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]", "u");
    }
    let pattern = match script {
        Script::Greek => &GREEK,
        Script::Hebrew => &HEBREW,
        Script::Japanese => &JAPANESE,
    };
    pattern.with(|pattern| pattern.test(text))
}

/// Whether any character of `text` belongs to `script`. Takes time in proportion to the text.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn holds(text: &str, script: Script) -> bool {
    use icu_properties::props;
    let scripts: &[props::Script] = match script {
        Script::Greek => &[props::Script::Greek],
        Script::Hebrew => &[props::Script::Hebrew],
        Script::Japanese => &[props::Script::Hiragana, props::Script::Katakana, props::Script::Han],
    };
    text.chars().any(|c| scripts.contains(&CodePointMapData::<props::Script>::new().get(c)))
}

#[derive(Clone, Copy)]
enum Form {
    Nfc,
    Nfkc,
}

#[cfg(target_arch = "wasm32")]
fn normalize(text: &str, form: Form) -> String {
    let form = match form {
        Form::Nfc => "NFC",
        Form::Nfkc => "NFKC",
    };
    worker::js_sys::JsString::from(text).normalize(form).into()
}

#[cfg(not(target_arch = "wasm32"))]
fn normalize(text: &str, form: Form) -> String {
    use icu_normalizer::ComposingNormalizerBorrowed;
    let normalizer = match form {
        Form::Nfc => ComposingNormalizerBorrowed::new_nfc(),
        Form::Nfkc => ComposingNormalizerBorrowed::new_nfkc(),
    };
    normalizer.normalize(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn nfc(text: &str) -> String {
        super::nfc(Bounded::new(text, Bounded::MAX).unwrap())
    }

    fn nfkc_casefold(text: &str) -> String {
        super::nfkc_casefold(Bounded::new(text, Bounded::MAX).unwrap())
    }

    #[test]
    fn a_text_is_bounded_in_code_points() {
        for (text, limit, fits) in [
            ("", 0, true),
            ("é", 0, false),
            ("é", 1, true),
            ("e\u{301}", 1, false),
            (&"🥰".repeat(1536), usize::MAX, true),
            (&"a".repeat(1537), usize::MAX, false),
        ] {
            assert_eq!(Bounded::new(text, limit).map(Bounded::as_str), fits.then_some(text));
        }
    }

    #[test]
    fn nfc_composes_and_keeps_compatibility_characters() {
        assert_eq!(nfc("e\u{301}"), "é");
        assert_eq!(nfc("\u{1112}\u{1161}\u{11ab}"), "한");
        assert_eq!(nfc("ﬁＡ"), "ﬁＡ");
    }

    #[test]
    fn folding_removes_case_width_ligatures_and_invisible_characters() {
        for (text, key) in [
            ("Ada", "ada"),
            ("ＡＤＡ", "ada"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("ΌΣΟΣ", "όσοσ"),
            ("όσος", "όσοσ"),
            ("İ", "i\u{307}"),
            ("ı", "ı"),
            ("ﬁsh", "fish"),
            ("a\u{200b}b\u{fe0f}", "ab"),
            ("\u{3164}", ""),
            ("Ꮳ", "Ꮳ"),
            ("ꮳ", "Ꮳ"),
            ("①", "1"),
            ("ᾳ", "αι"),
        ] {
            assert_eq!(nfkc_casefold(text), key, "{text}");
        }
    }

    #[test]
    fn folding_is_icu_folding_for_every_character() {
        let icu = icu_casemap::CaseMapper::new();
        for c in ('\0'..=char::MAX).filter(|&c| category(c) != GeneralCategory::Unassigned) {
            let text = c.to_string();
            assert_eq!(
                UniCase::unicode(&text).to_folded_case(),
                icu.fold_string(&text),
                "U+{:04X}",
                u32::from(c)
            );
        }
    }

    #[test]
    fn categories_are_told_apart() {
        for c in ['a', 'ß', '\u{301}', '7', '①', '-', '+', '€', '☃', '🥰'] {
            assert!(is_graphic(c), "{c:?}");
        }
        for c in [' ', '\u{a0}', '\n', '\0', '\u{200b}', '\u{202e}', '\u{e000}', '\u{378}', '\u{ffff}'] {
            assert!(!is_graphic(c), "{c:?}");
        }
        assert!(is_mark('\u{301}') && !is_mark('e'));
        assert!(is_punctuation('-') && is_punctuation('@') && !is_punctuation('+') && !is_punctuation('e'));
    }

    #[test]
    fn a_character_that_v8_cannot_fold_yet_is_unassigned() {
        // New in Unicode 18: its compatibility mapping is unknown to V8, which is at 17.
        assert_eq!(category('\u{558}'), GeneralCategory::Unassigned);
    }

    proptest! {
        #[test]
        fn ascii_takes_a_short_cut_to_the_same_result(text in "[ -~]{0,40}") {
            prop_assert_eq!(nfc(&text), normalize(&text, Form::Nfc));
            let folded = UniCase::unicode(normalize(&text, Form::Nfkc)).to_folded_case();
            prop_assert_eq!(nfkc_casefold(&text), folded);
        }

        #[test]
        fn folding_is_stable(text in any::<String>()) {
            let key = nfkc_casefold(&text);
            prop_assert_eq!(nfkc_casefold(&key), key);
        }

        #[test]
        fn canonically_equivalent_texts_have_one_key(text in any::<String>()) {
            let decomposed = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(&text);
            prop_assert_eq!(nfkc_casefold(&nfc(&decomposed)), nfkc_casefold(&nfc(&text)));
        }
    }
}
