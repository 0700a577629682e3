//! `RESERVED_NAMES`: names that are refused at either route, one a line.
//!
//! A reserved name counts as taken by the operator. Clients get the same 409 as for any other taken name, only sooner,
//! because it costs no hash and no statement. Names are compared by their keys, so every spelling is reserved, in every
//! namespace. Where names must not look alike ([`crate::fields::confusables`]), a name that looks like one of those
//! spellings is reserved too. The guard does not use the platform, so only its setting can be wrong.
//!
//! It owns the reading of the setting and the comparison. It must not know the namespaces.

use worker::wasm_bindgen::JsValue;

use crate::fields::confusables::{Confusables, Skeletons};
use crate::fields::username::Username;
use crate::guards::{Attempt, Check, Guard, Parts, Refusal};
use crate::setting::ConfigError;

const SETTING: &str = "RESERVED_NAMES";

struct ReservedNames {
    /// The names. A variable has at most 5 KB, so they are few enough for a list.
    names: Vec<Username>,
    /// The skeletons of the names' spellings; empty where names may look alike.
    skeletons: Vec<Skeletons>,
}

/// The guard, which is on if the setting exists.
///
/// # Errors
/// [`ConfigError`]: the setting is not text, has a line that is not a username, or has no names.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    let Some(value) = parts.env.binding(SETTING) else { return Ok(None) };
    // An array in TOML would become one line of JSON, which could be taken for a username.
    let names = JsValue::as_string(&value)
        .ok_or_else(|| ConfigError::new(format!("{SETTING} must be text, with one name a line")))?;
    Ok(Some(Box::new(ReservedNames::parse(&names, parts.confusables)?)))
}

impl ReservedNames {
    fn parse(names: &str, confusables: Confusables) -> Result<Self, ConfigError> {
        let (mut reserved, mut skeletons) = (Vec::new(), Vec::new());
        for (number, line) in (1..).zip(names.lines()) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let name = Username::parse(line)
                .map_err(|error| ConfigError::new(format!("{SETTING}, line {number} {error}")))?;
            skeletons.extend(confusables.skeletons_of_spellings(&name));
            reserved.push(name);
        }
        if reserved.is_empty() {
            return Err(ConfigError::new(format!("{SETTING} must have a name")));
        }
        Ok(Self { names: reserved, skeletons })
    }

    fn holds(&self, name: &Username, skeletons: Option<&Skeletons>) -> bool {
        self.names.iter().any(|reserved| reserved.key() == name.key())
            || skeletons.is_some_and(|own| self.skeletons.iter().any(|reserved| reserved.are_like(own)))
    }
}

impl Guard for ReservedNames {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            if self.holds(attempt.name, attempt.skeletons) { Err(Refusal::NameReserved) } else { Ok(()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(names: &str, confusables: Confusables, name: &str) -> bool {
        let name = Username::parse(name).unwrap();
        ReservedNames::parse(names, confusables).unwrap().holds(&name, confusables.skeletons(&name).as_ref())
    }

    fn is_reserved(names: &str, name: &str) -> bool {
        holds(names, Confusables::Allow, name)
    }

    fn error(names: &str) -> String {
        ReservedNames::parse(names, Confusables::Allow).err().unwrap().to_string()
    }

    #[test]
    fn a_name_is_reserved_in_every_spelling() {
        let names = "\nadmin\n\n  Straße\t\r\nroot";
        for name in ["admin", "ADMIN", "Ａdmin", "ad\u{fe0f}min", "strasse", "STRAẞE", "Root"] {
            assert!(is_reserved(names, name), "{name}");
        }
        for name in ["admi", "admins", "adminStraße", "\\nadmin", "roоt"] {
            assert!(!is_reserved(names, name), "{name}");
        }
    }

    #[cfg(feature = "confusables")]
    #[test]
    fn where_names_must_not_look_alike_a_look_alike_is_reserved_too() {
        for name in ["admin", "Аdmin", "ꓮꓓꓟꓲꓠ", "ADMlN", "𐊠dmin", "1nfo", "INF0", "мама", "Maмa", "MAMA"]
        {
            assert!(holds("admin\ninfo\nМама", Confusables::Deny, name), "{name}");
        }
        for name in ["admins", "inf0", "ADM!N"] {
            assert!(!holds("admin\ninfo\nМама", Confusables::Deny, name), "{name}");
        }
        assert!(!is_reserved("admin", "Аdmin"));
    }

    #[test]
    fn a_line_that_is_not_a_name_is_named_by_its_number() {
        assert_eq!(
            error("admin\n\na b\n"),
            "RESERVED_NAMES, line 3 must consist of letters, marks, numbers, punctuation and symbols, and U+0020 is none of them"
        );
        assert_eq!(error(&"x".repeat(255)), "RESERVED_NAMES, line 1 must have 1 to 254 characters");
        assert_eq!(error("root\n\u{301}a"), "RESERVED_NAMES, line 2 must not begin with a combining mark");
        for names in ["", " ", "\n\t\n"] {
            assert_eq!(error(names), "RESERVED_NAMES must have a name");
        }
    }
}
