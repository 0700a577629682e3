//! `CONFUSABLES`: whether a name may look like another name.
//!
//! It owns the setting, and the skeletons, by which names that look alike are found. The table behind the skeletons is
//! large, so a Worker has it only if it was built with the feature `confusables`. It must not know where a name is
//! taken.

#[cfg(feature = "confusables")]
mod outline;

use crate::fields::username::Username;
use crate::setting::ConfigError;
#[cfg(feature = "confusables")]
use crate::unicode::{self, Bounded};

const SETTING: &str = "CONFUSABLES";

/// Whether a name may look like another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confusables {
    /// Names that look alike are different names.
    Allow,
    /// A name is taken if a name that looks like it is taken.
    #[cfg(feature = "confusables")]
    Deny,
}

/// Three forms of a name. Two names look alike if they share at least one of the forms.
///
/// One form is not enough: `BOB0` looks like `BOBO`, and `BOB0` is the same name as `bob0`, but `bob0` does not look
/// like `bobo`. The forms can change with a new version of Unicode's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeletons {
    /// The skeleton of the name as it is written: `B0B` shares it with `BOB`.
    pub written: String,
    /// The skeleton of the name's key: `раураl` in Cyrillic shares it with `PAYPAL`.
    pub folded: String,
    /// The skeleton of the key of a changed name: each character that looks like a Latin capital was replaced by that
    /// capital. `ТОМ` in Cyrillic shares it with `tom`, though the small letters of the two scripts do not look alike.
    pub capitals: String,
}

impl Confusables {
    /// Reads the setting through `lookup`, which gives a variable's value, or `None` where it is not set.
    ///
    /// # Errors
    /// [`ConfigError`]: the value is neither `deny` nor `allow`, or is `deny` in a Worker without the feature.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        match lookup(SETTING).as_deref() {
            None | Some("allow") => Ok(Self::Allow),
            #[cfg(feature = "confusables")]
            Some("deny") => Ok(Self::Deny),
            #[cfg(not(feature = "confusables"))]
            Some("deny") => Err(ConfigError::new(format!(
                "{SETTING} is \"deny\": build the Worker for it, with make build FEATURES=confusables"
            ))),
            Some(other) => Err(ConfigError::must_be(SETTING, other, "\"deny\" or \"allow\"")),
        }
    }

    /// The skeletons of `name`, or `None` where names may look alike.
    #[must_use]
    #[cfg_attr(not(feature = "confusables"), expect(unused_variables, reason = "skeletons need the feature"))]
    pub fn skeletons(self, name: &Username) -> Option<Skeletons> {
        match self {
            Self::Allow => None,
            #[cfg(feature = "confusables")]
            Self::Deny => Some(Skeletons::of(name.as_str(), name.key())),
        }
    }

    /// The skeletons of four spellings of `name`, for a name that is taken in all its spellings: as given, in small
    /// letters, in capitals, and with a capital first. The list is empty where names may look alike.
    #[must_use]
    #[cfg_attr(not(feature = "confusables"), expect(unused_variables, reason = "skeletons need the feature"))]
    pub fn skeletons_of_spellings(self, name: &Username) -> Vec<Skeletons> {
        match self {
            Self::Allow => Vec::new(),
            #[cfg(feature = "confusables")]
            Self::Deny => {
                let key = name.key();
                let mut rest = key.chars();
                let first = rest.next().into_iter().flat_map(char::to_uppercase);
                let capitalized = first.chain(rest).collect();
                [name.as_str().to_owned(), key.to_owned(), key.to_uppercase(), capitalized]
                    .map(|spelling| Skeletons::of(&spelling, key))
                    .into()
            }
        }
    }
}

impl Skeletons {
    /// The skeletons of `name`, which is in NFC, and of its `NFKC_Casefold` form `key`. Both are those of a valid name,
    /// or of a spelling of one, so they are short enough to be normalised.
    #[cfg(feature = "confusables")]
    #[must_use]
    pub fn of(name: &str, key: &str) -> Self {
        let latin: String = name.chars().map(|c| latin_capital(c).unwrap_or(c)).collect();
        let latin = Bounded::new(&latin, Bounded::MAX).map(unicode::nfkc_casefold);
        Self {
            written: skeleton(name),
            folded: skeleton(key),
            capitals: skeleton(&latin.unwrap_or_default()),
        }
    }

    /// Whether a name with these skeletons looks like a name with the `other` skeletons.
    #[must_use]
    pub fn are_like(&self, other: &Self) -> bool {
        self.written == other.written || self.folded == other.folded || self.capitals == other.capitals
    }
}

/// The skeleton of [UTS 39](https://www.unicode.org/reports/tr39/#Confusable_Detection), which does not fold case.
#[cfg(feature = "confusables")]
fn skeleton(text: &str) -> String {
    unicode_security::skeleton(text).collect()
}

/// The letter from A to Z that `c` looks like, unless `c` is a small letter or a number: `bob0` is not `bobO`.
#[cfg(feature = "confusables")]
fn latin_capital(c: char) -> Option<char> {
    if c.is_lowercase() || c.is_numeric() {
        return None;
    }
    let mut buffer = [0; 4];
    let mut prototype = unicode_security::skeleton(c.encode_utf8(&mut buffer));
    match (prototype.next(), prototype.next()) {
        // The prototype of the characters that look like a capital I is the small L.
        (Some('l'), None) => Some('I'),
        (latin, None) => latin.filter(char::is_ascii_uppercase),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(value: Option<&str>) -> Result<Confusables, String> {
        Confusables::read(|name| value.filter(|_| name == SETTING).map(str::to_owned))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn names_may_look_alike_unless_the_setting_denies_it() {
        for value in [None, Some("allow")] {
            assert_eq!(read(value), Ok(Confusables::Allow));
        }
        let name = Username::parse("ada").unwrap();
        assert_eq!(Confusables::Allow.skeletons(&name), None);
        assert_eq!(Confusables::Allow.skeletons_of_spellings(&name), []);
        for value in ["", "Deny", "true", "deny "] {
            let expected = format!("CONFUSABLES is {value:?}: it must be \"deny\" or \"allow\"");
            assert_eq!(read(Some(value)), Err(expected));
        }
    }

    #[cfg(not(feature = "confusables"))]
    #[test]
    fn without_the_table_deny_is_refused() {
        assert_eq!(
            read(Some("deny")).unwrap_err(),
            "CONFUSABLES is \"deny\": build the Worker for it, with make build FEATURES=confusables"
        );
    }

    #[cfg(feature = "confusables")]
    mod with_the_table {
        use super::*;
        use proptest::{collection, prelude::*, sample};
        use std::collections::BTreeMap;
        use std::sync::LazyLock;
        #[cfg(target_arch = "wasm32")]
        use wasm_bindgen_test::wasm_bindgen_test as test;

        fn of(name: &Username) -> Skeletons {
            Confusables::Deny.skeletons(name).unwrap()
        }

        fn are_alike(name: &str, other: &str) -> bool {
            of(&Username::parse(name).unwrap()).are_like(&of(&Username::parse(other).unwrap()))
        }

        fn characters() -> impl Iterator<Item = char> {
            ('\0'..=char::MAX).filter(|c| Username::parse(c.encode_utf8(&mut [0; 4])).is_ok())
        }

        #[test]
        fn names_look_alike_whatever_their_script_and_case() {
            assert_eq!(read(Some("deny")), Ok(Confusables::Deny));
            for alike in [
                ["admin", "аdmin", "ＡDМIN", "adrnin", "ad\u{fe0f}mın"],
                ["paypal", "раураl", "payраl", "ΡАYPАL", "paypa1"],
                ["TOM", "tom", "ТОМ", "Тom", "tоrn"],
                ["Ὅμηρος", "ὅμηρος", "ὅμηρoς", "Ο\u{314}\u{301}μηρος", "ὅμηроς"],
                ["alice", "𐊠LICE", "𐊠lice", "ꓮlice", "АLIСЕ"],
                ["admin", "ꓮꓓꓟꓲꓠ", "ADM|N", "Admin", "ꓮdmіn"],
            ] {
                for name in alike {
                    assert!(are_alike(name, alike[0]), "{name}");
                }
            }
            for (name, other) in [
                ("ADMIN", "ꓮꓓꓟꓲꓠ"),
                ("BOB", "B0B"),
                ("paypal", "paypaI"),
                ("ADMIN", "ADMlN"),
                ("Мама", "мaмa"),
            ] {
                assert!(are_alike(name, other), "{name} {other}");
            }
            for (name, other) in [
                ("admin", "admins"),
                ("admin", "adnin"),
                ("admin", "админ"),
                ("admin", "ádmin"),
                ("admin", "ADMlN"),
                ("mail", "mall"),
                ("bobo", "bob0"),
                ("мама", "mama"),
            ] {
                assert!(!are_alike(name, other), "{name} {other}");
            }
        }

        #[test]
        fn a_character_is_like_the_ascii_letter_of_the_same_skeleton() {
            let ascii: BTreeMap<_, _> = ('!'..='~')
                .filter(char::is_ascii_alphanumeric)
                .map(|c| (skeleton(&c.to_string()), c.to_string()))
                .collect();
            let mut others = 0;
            for c in characters().map(String::from) {
                let Skeletons { written, folded, capitals } = of(&Username::parse(&c).unwrap());
                assert!(!written.is_empty() && !folded.is_empty() && !capitals.is_empty(), "{c}");
                if let Some(letter) = ascii.get(&skeleton(&c)) {
                    others += u32::from(!c.is_ascii());
                    assert!(are_alike(&c, letter), "{c} {letter}");
                }
            }
            assert!(others > 1000, "{others}");
        }

        /// The classes of two or more characters that have the same `form`.
        fn classes(form: impl Fn(&str) -> String) -> Vec<Vec<char>> {
            let mut classes = BTreeMap::<_, Vec<char>>::new();
            for c in characters() {
                classes.entry(form(c.encode_utf8(&mut [0; 4]))).or_default().push(c);
            }
            classes.into_values().filter(|class| class.len() > 1).collect()
        }

        fn folded(text: &str) -> String {
            skeleton(&unicode::nfkc_casefold(Bounded::new(text, Bounded::MAX).unwrap()))
        }

        static AS_WRITTEN: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| classes(skeleton));
        static FOLDED: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| classes(folded));

        /// Two names whose characters at each place are of the same class.
        fn pair(classes: &'static [Vec<char>]) -> impl Strategy<Value = (String, String)> {
            let two = sample::select(classes)
                .prop_flat_map(|class| (sample::select(class.clone()), sample::select(class)));
            collection::vec(two, 1..12).prop_map(|pairs| pairs.into_iter().unzip()).prop_filter(
                "no names",
                |(name, other): &(String, String)| {
                    Username::parse(name).is_ok() && Username::parse(other).is_ok()
                },
            )
        }

        proptest! {
            #[test]
            fn names_that_unicode_calls_confusable_look_alike((name, other) in pair(&AS_WRITTEN)) {
                prop_assume!(skeleton(&name) == skeleton(&other));
                prop_assert!(are_alike(&name, &other));
            }

            #[test]
            fn names_whose_folded_forms_unicode_calls_confusable_look_alike((name, other) in pair(&FOLDED)) {
                prop_assume!(folded(&name) == folded(&other));
                prop_assert!(are_alike(&name, &other));
            }

            #[test]
            fn a_name_has_the_same_skeletons_in_either_normal_form(raw in any::<String>()) {
                let decomposed = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(&raw);
                if let (Ok(name), Ok(decomposed)) = (Username::parse(&raw), Username::parse(&decomposed)) {
                    prop_assert_eq!(of(&decomposed), of(&name));
                }
            }

            #[test]
            fn an_ascii_name_looks_alike_in_every_case(name in "[!-~]{1,20}") {
                prop_assert!(are_alike(&name.to_uppercase(), &name.to_lowercase()));
            }
        }
    }
}
