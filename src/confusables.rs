//! `CONFUSABLES`: whether a name may look like another one.
//!
//! Owns the setting, and the form in which names that look alike are one. The table behind it is
//! large, so a Worker has it only if it was built with the feature `confusables`. Must not know where
//! a name is taken.

use crate::config::ConfigError;
#[cfg(feature = "confusables")]
use crate::unicode::{self, Bounded};
#[cfg(feature = "confusables")]
use crate::username::MAX_CHARACTERS;
use crate::username::Username;

const SETTING: &str = "CONFUSABLES";

/// What becomes of a name that looks like another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confusables {
    /// It is a name of its own.
    Allow,
    /// It is taken if the other is.
    #[cfg(feature = "confusables")]
    Deny,
}

impl Confusables {
    /// Reads the setting through `lookup`, which gives a variable's value, or `None` where it is not set.
    ///
    /// # Errors
    /// It is neither `deny` nor `allow`, or `deny` in a Worker without the feature.
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

    /// What `name` has in common with every name that looks like it, or `None` where that does not matter.
    #[must_use]
    #[cfg_attr(not(feature = "confusables"), expect(unused_variables, reason = "nothing is made of it"))]
    pub fn skeleton(self, name: &Username) -> Option<String> {
        match self {
            Self::Allow => None,
            #[cfg(feature = "confusables")]
            Self::Deny => Some(skeleton(name.as_str())),
        }
    }
}

/// The skeleton ([UTS 39](https://www.unicode.org/reports/tr39/#Confusable_Detection)) of a name without
/// regard to case. It can differ between spellings with one key, and changes with Unicode's table.
#[cfg(feature = "confusables")]
#[must_use]
pub fn skeleton(name: &str) -> String {
    // Capitals of two scripts can look alike though their small letters do not, as М and M, м and m.
    let latin: String = name.chars().map(|c| latin_capital(c).unwrap_or(c)).collect();
    unicode_security::skeleton(
        &Bounded::new(&latin, MAX_CHARACTERS).map(unicode::nfkc_casefold).unwrap_or_default(),
    )
    .collect()
}

/// The letter from A to Z that the capital `c` looks like.
#[cfg(feature = "confusables")]
fn latin_capital(c: char) -> Option<char> {
    let mut buffer = [0; 4];
    let mut prototype = unicode_security::skeleton(c.encode_utf8(&mut buffer));
    let first = prototype.next().filter(|latin| c.is_uppercase() && latin.is_ascii_uppercase());
    first.filter(|_| prototype.next().is_none())
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
        assert_eq!(Confusables::Allow.skeleton(&Username::parse("ada").unwrap()), None);
        for value in ["", "Deny", "true", "deny "] {
            let expected = format!("CONFUSABLES is {value:?}: it must be \"deny\" or \"allow\"");
            assert_eq!(read(Some(value)), Err(expected));
        }
    }

    #[cfg(not(feature = "confusables"))]
    #[test]
    fn without_the_table_nothing_can_be_denied() {
        assert_eq!(
            read(Some("deny")).unwrap_err(),
            "CONFUSABLES is \"deny\": build the Worker for it, with make build FEATURES=confusables"
        );
    }

    #[cfg(feature = "confusables")]
    mod with_the_table {
        use super::*;
        use proptest::prelude::*;
        #[cfg(target_arch = "wasm32")]
        use wasm_bindgen_test::wasm_bindgen_test as test;

        fn of(name: &str) -> String {
            Confusables::Deny.skeleton(&Username::parse(name).unwrap()).unwrap()
        }

        #[test]
        fn names_that_look_alike_have_one_skeleton() {
            assert_eq!(read(Some("deny")), Ok(Confusables::Deny));
            for alike in [
                ["admin", "аdmin", "ＡDМIN", "adrnin", "ad\u{fe0f}mın"],
                ["paypal", "раураl", "payраl", "ΡАYPАL", "paypa1"],
                ["TOM", "tom", "ТОМ", "Тom", "tоrn"],
                ["Ὅμηρος", "ὅμηρος", "ὅμηρoς", "Ο\u{314}\u{301}μηρος", "ὅμηроς"],
            ] {
                for name in alike {
                    assert_eq!(of(name), of(alike[0]), "{name}");
                }
            }
            for (name, other) in [
                ("admin", "admins"),
                ("admin", "adnin"),
                ("admin", "админ"),
                ("admin", "ádmin"),
                ("mail", "mall"),
                ("bobo", "bob0"),
            ] {
                assert_ne!(of(name), of(other));
            }
        }

        proptest! {
            #[test]
            fn a_name_has_one_skeleton_in_either_normal_form(raw in any::<String>()) {
                let decomposed = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(&raw);
                if let (Ok(_), Ok(_)) = (Username::parse(&raw), Username::parse(&decomposed)) {
                    prop_assert!(!of(&raw).is_empty());
                    prop_assert_eq!(of(&decomposed), of(&raw));
                }
            }

            #[test]
            fn an_ascii_name_has_one_skeleton_in_every_case(name in "[!-~]{1,20}") {
                prop_assert_eq!(of(&name.to_uppercase()), of(&name.to_lowercase()));
            }
        }
    }
}
