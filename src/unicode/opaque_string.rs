//! The `OpaqueString` profile of [RFC 8265](https://www.rfc-editor.org/rfc/rfc8265#section-4.2), by which a password
//! has the same bytes on every system that it is typed on.
//!
//! It owns the profile's rules. The tables behind the rules are newer than the profile, so a character of today's
//! keyboards is not refused as unassigned. They come from ICU4X, and in the Worker those of scripts come from V8. It
//! must not know what is done with the string.

use std::ops::RangeInclusive;

use icu_properties::CodePointMapData;
use icu_properties::props::{CanonicalCombiningClass, GeneralCategory, HangulSyllableType, JoiningType};

use crate::unicode::{self, Bounded, Script};

/// The text has a character that the profile refuses, either everywhere or in its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disallowed;

/// Maps every space to U+0020, normalises to NFC and checks that only characters of the
/// `FreeformClass` are left, in the order of
/// [RFC 8264, section 7](https://www.rfc-editor.org/rfc/rfc8264#section-7).
///
/// # Errors
/// [`Disallowed`]: a control, unassigned, private-use or invisible character; a conjoining Hangul letter that NFC did
/// not compose; or a character outside the context that it is allowed in.
pub fn enforce(raw: Bounded<'_>) -> Result<String, Disallowed> {
    let mut spaced = String::with_capacity(raw.as_str().len());
    spaced.extend(raw.as_str().chars().map(|c| match unicode::category(c) {
        GeneralCategory::SpaceSeparator => ' ',
        _ => c,
    }));
    // Each space was replaced by one space, so the number of code points is the same as before.
    let text = Bounded::new(&spaced, Bounded::MAX).map(unicode::nfc).ok_or(Disallowed)?;
    // Printable ASCII is always allowed.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Ok(text);
    }
    let characters: Vec<char> = text.chars().collect();
    let whole = Whole::of(&text);
    let allowed = (0..characters.len()).all(|at| is_allowed(&characters, at, &whole));
    allowed.then_some(text).ok_or(Disallowed)
}

/// The facts about a whole text that contextual rules depend on. They are found once, because a text can consist of
/// characters with such a rule.
struct Whole {
    is_japanese: bool,
    has_arabic_indic_digit: bool,
    has_extended_arabic_indic_digit: bool,
}

impl Whole {
    fn of(text: &str) -> Self {
        let has = |range: &RangeInclusive<char>| text.chars().any(|c| range.contains(&c));
        Self {
            is_japanese: has(&(KATAKANA_MIDDLE_DOT..=KATAKANA_MIDDLE_DOT))
                && unicode::holds(text, Script::Japanese),
            has_arabic_indic_digit: has(&ARABIC_INDIC_DIGITS),
            has_extended_arabic_indic_digit: has(&EXTENDED_ARABIC_INDIC_DIGITS),
        }
    }
}

const KATAKANA_MIDDLE_DOT: char = '\u{30fb}';
const ARABIC_INDIC_DIGITS: RangeInclusive<char> = '\u{660}'..='\u{669}';
const EXTENDED_ARABIC_INDIC_DIGITS: RangeInclusive<char> = '\u{6f0}'..='\u{6f9}';

/// Whether the `FreeformClass` ([RFC 8264, sections 4.3 and 8](https://www.rfc-editor.org/rfc/rfc8264#section-8))
/// allows the character at the index `at` in its context.
fn is_allowed(text: &[char], at: usize, whole: &Whole) -> bool {
    let Some(&c) = text.get(at) else { return false };
    let before = || at.checked_sub(1).and_then(|i| text.get(i)).copied();
    let after = || at.checked_add(1).and_then(|i| text.get(i)).copied();
    let is_in = |script: Script| move |c: char| unicode::holds(c.encode_utf8(&mut [0; 4]), script);
    match c {
        // Exceptions that the tables would allow (RFC 8264, section 9.6).
        '\u{640}' | '\u{7fa}' | '\u{302e}' | '\u{302f}' | '\u{3031}'..='\u{3035}' | '\u{303b}' => false,
        // Contextual rules (RFC 5892, appendix A).
        '\u{200c}' => before().is_some_and(is_virama) || joins_both_sides(text, at),
        '\u{200d}' => before().is_some_and(is_virama),
        '\u{b7}' => before() == Some('l') && after() == Some('l'),
        '\u{375}' => after().is_some_and(is_in(Script::Greek)),
        '\u{5f3}' | '\u{5f4}' => before().is_some_and(is_in(Script::Hebrew)),
        KATAKANA_MIDDLE_DOT => whole.is_japanese,
        c if ARABIC_INDIC_DIGITS.contains(&c) => !whole.has_extended_arabic_indic_digit,
        c if EXTENDED_ARABIC_INDIC_DIGITS.contains(&c) => !whole.has_arabic_indic_digit,
        ' ' => true,
        _ => unicode::is_graphic(c) && !unicode::is_ignorable(c) && !is_conjoining_hangul(c),
    }
}

fn is_conjoining_hangul(c: char) -> bool {
    let kind = CodePointMapData::<HangulSyllableType>::new().get(c);
    [HangulSyllableType::LeadingJamo, HangulSyllableType::VowelJamo, HangulSyllableType::TrailingJamo]
        .contains(&kind)
}

fn is_virama(c: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
}

/// Whether cursive letters join on both sides of the index `at`. Transparent characters between them are skipped.
fn joins_both_sides(text: &[char], at: usize) -> bool {
    let joining = |c: &char| CodePointMapData::<JoiningType>::new().get(*c);
    let opaque = |kind: &JoiningType| *kind != JoiningType::Transparent;
    let (before, rest) = text.split_at(at);
    let before = before.iter().rev().map(joining).find(opaque);
    let after = rest.iter().skip(1).map(joining).find(opaque);
    matches!(before, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(after, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

#[cfg(test)]
mod tests {
    use super::*;
    use precis_profiles::precis_core::profile::PrecisFastInvocation;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn enforce(raw: &str) -> Result<String, Disallowed> {
        super::enforce(Bounded::new(raw, Bounded::MAX).unwrap())
    }

    #[test]
    fn case_and_width_are_kept_and_spaces_become_one_kind() {
        for (raw, enforced) in [
            ("Correct Horse", "Correct Horse"),
            ("correct\u{a0}horse\u{3000}", "correct horse "),
            ("naïve\u{a0}horse", "naïve horse"),
            ("πßå", "πßå"),
            ("pa\u{308}ss", "päss"),
            ("Ａ", "Ａ"),
            ("🥰", "🥰"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
        ] {
            assert_eq!(enforce(raw).as_deref(), Ok(enforced), "{raw}");
        }
    }

    #[test]
    fn controls_invisible_private_and_unassigned_characters_are_refused() {
        for c in [
            '\0', '\t', '\n', '\u{7f}', '\u{85}', '\u{ad}', '\u{200b}', '\u{202e}', '\u{2028}', '\u{fe0f}',
            '\u{e000}', '\u{378}', '\u{fdd0}', '\u{1100}', '\u{640}', '\u{3031}',
        ] {
            assert_eq!(enforce(&format!("a{c}b")), Err(Disallowed), "{c:?}");
        }
    }

    #[test]
    fn contextual_characters_are_allowed_in_their_context_only() {
        for (text, allowed) in [
            ("col·lar", true),
            ("co·lar", false),
            ("\u{375}α", true),
            ("\u{375}a", false),
            ("א\u{5f3}", true),
            ("a\u{5f4}", false),
            ("ア・b", true),
            ("a・b", false),
            ("\u{660}1", true),
            ("\u{6f0}1", true),
            ("\u{660}\u{6f0}", false),
            ("\u{915}\u{94d}\u{200d}\u{937}", true),
            ("👩\u{200d}🚀", false),
            ("\u{915}\u{94d}\u{200c}", true),
            ("\u{628}\u{64b}\u{200c}\u{64b}\u{628}", true),
            ("a\u{200c}b", false),
            ("\u{628}\u{200c}", false),
        ] {
            assert_eq!(enforce(text).is_ok(), allowed, "{text:?}");
        }
    }

    /// Texts that the other implementation knows: in NFC, because it checks a text before it normalises, and with
    /// characters of Unicode 6.3 only.
    fn known_to_both() -> impl Strategy<Value = String> {
        use precis_profiles::precis_core::{DerivedPropertyValue, Error};
        let known = |c: &char| {
            let prepared = precis_profiles::OpaqueString::prepare(c.to_string());
            !matches!(prepared, Err(Error::BadCodepoint(c)) if c.property == DerivedPropertyValue::Unassigned)
        };
        let contextual = "l·\u{375}α\u{5f3}א・ア\u{660}\u{6f0}\u{200c}\u{200d}\u{94d}\u{628}\u{64b}a \u{a0}";
        let contextual = proptest::sample::select(contextual.chars().collect::<Vec<_>>());
        let character = prop_oneof![any::<char>().prop_filter("known to both", known), contextual];
        proptest::collection::vec(character, 1..8).prop_map(|characters| {
            let text: String = characters.into_iter().collect();
            unicode::nfc(Bounded::new(&text, Bounded::MAX).unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_agrees_with_an_independent_implementation(text in known_to_both()) {
            let theirs = precis_profiles::OpaqueString::enforce(text.as_str()).ok();
            prop_assert_eq!(enforce(&text).ok(), theirs.map(std::borrow::Cow::into_owned));
        }

        #[test]
        fn enforcing_twice_changes_nothing(raw in any::<String>()) {
            if let Ok(once) = enforce(&raw) {
                prop_assert_eq!(enforce(&once), Ok(once));
            }
        }
    }
}
