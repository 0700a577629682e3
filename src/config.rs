//! The settings that belong to no guard, read from the Worker's variables into types that only hold valid values.
//!
//! It owns this set of settings, and the names, defaults and limits of those that have no module of their own, as
//! [`Shards`] and [`Confusables`] do. A setting that makes no sense stops the service, with an error that names
//! it: a value is never guessed. This room must not know JavaScript: values come through a look-up closure.

use argon2::Params;

use crate::fields::confusables::Confusables;
use crate::fields::password;
use crate::fields::password::pepper::Pepper;
use crate::setting::{ConfigError, OnError, number};
use crate::storage::shards::{Placing, Shards};

/// The name of the block list's KV binding.
pub const BLOCK_LIST: &str = "BLOCKLIST";

const PASSWORD_MIN_LENGTH: &str = "PASSWORD_MIN_LENGTH";
const BLOCK_LIST_ON_ERROR: &str = "BLOCK_LIST_ON_ERROR";
const ARGON2_MEMORY_KIB: &str = "ARGON2_MEMORY_KIB";
const ARGON2_ITERATIONS: &str = "ARGON2_ITERATIONS";
/// The secret that goes into every hash.
pub const PASSWORD_PEPPER: &str = "PASSWORD_PEPPER";

/// The least memory (KiB) and iterations that resist guessing. All rows are equally strong
/// ([OWASP, Password Storage](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id)).
const ARGON2_FLOOR: [(u32, u32); 5] = [(7168, 5), (9216, 4), (12288, 3), (19456, 2), (47104, 1)];

/// The most memory for a hash: more would leave too little of an isolate's 128 MB.
const ARGON2_MAX_MEMORY_KIB: u32 = 65536;

/// The most iterations. Each row of the floor has far fewer, so a larger number is taken for a mistake.
const ARGON2_MAX_ITERATIONS: u32 = 100;

/// The settings that belong to no guard, valid.
#[derive(Debug)]
pub struct Config {
    /// The fewest characters of a password.
    pub password_min_length: usize,
    /// How to treat a request when the block list cannot be read.
    pub block_list_on_error: OnError,
    /// Whether a name may look like another name.
    pub confusables: Confusables,
    /// The databases.
    pub shards: Shards,
    /// Argon2id's cost.
    pub argon2: Params,
    /// The secret that goes into every hash, where it is set.
    pub pepper: Option<Pepper>,
}

impl Config {
    /// Reads these settings through `lookup`, which gives a variable's value, or `None` where it is not set.
    ///
    /// # Errors
    /// [`ConfigError`]: the first setting that is not of its form, or does not go with another setting.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let password_min_length = number(&lookup, PASSWORD_MIN_LENGTH, 1)?;
        if !(1..=password::MAX_BYTES).contains(&password_min_length) {
            return Err(ConfigError::new(format!(
                "{PASSWORD_MIN_LENGTH} is {password_min_length}: it must be 1 to {}",
                password::MAX_BYTES
            )));
        }
        let confusables = Confusables::read(&lookup)?;
        let names_are_placed = confusables == Confusables::Allow;
        let placing = if names_are_placed { Placing::Name } else { Placing::Skeleton };
        Ok(Self {
            password_min_length,
            block_list_on_error: OnError::read(lookup(BLOCK_LIST_ON_ERROR).as_deref(), BLOCK_LIST_ON_ERROR)?,
            confusables,
            shards: Shards::read(&lookup, placing)?,
            argon2: argon2(
                number(&lookup, ARGON2_MEMORY_KIB, 19456)?,
                number(&lookup, ARGON2_ITERATIONS, 2)?,
            )?,
            pepper: lookup(PASSWORD_PEPPER).map(|value| pepper(&value)).transpose()?,
        })
    }
}

fn argon2(memory: u32, iterations: u32) -> Result<Params, ConfigError> {
    if memory > ARGON2_MAX_MEMORY_KIB {
        return Err(ConfigError::new(format!(
            "{ARGON2_MEMORY_KIB} is {memory}: it must be at most {ARGON2_MAX_MEMORY_KIB}"
        )));
    }
    if iterations > ARGON2_MAX_ITERATIONS {
        return Err(ConfigError::new(format!(
            "{ARGON2_ITERATIONS} is {iterations}: it must be at most {ARGON2_MAX_ITERATIONS}"
        )));
    }
    if !ARGON2_FLOOR.iter().any(|&(m, t)| memory >= m && iterations >= t) {
        let floor = ARGON2_FLOOR.map(|(m, t)| format!("m={m},t={t}")).join(" or ");
        return Err(ConfigError::new(format!(
            "{ARGON2_MEMORY_KIB} {memory} with {ARGON2_ITERATIONS} {iterations} is too weak: it must be at least {floor}"
        )));
    }
    Params::new(memory, iterations, 1, Some(password::TAG_BYTES))
        .map_err(|error| ConfigError::new(format!("{ARGON2_MEMORY_KIB}, {ARGON2_ITERATIONS}: {error}")))
}

/// Reads a pepper. Its error does not repeat the value, as the errors of other settings do: the value is a secret.
fn pepper(value: &str) -> Result<Pepper, ConfigError> {
    Pepper::parse(value)
        .ok_or_else(|| ConfigError::new(format!("{PASSWORD_PEPPER} must be {}", Pepper::FORM)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| settings.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn every_setting_has_a_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.password_min_length, 1);
        assert_eq!(config.block_list_on_error, OnError::Deny);
        assert_eq!((config.argon2.m_cost(), config.argon2.t_cost(), config.argon2.p_cost()), (19456, 2, 1));
        assert_eq!(config.argon2.output_len(), Some(32));
        assert!(config.pepper.is_none());
    }

    #[test]
    fn rows_are_placed_by_names_or_where_look_alike_names_are_denied_by_skeletons() {
        let place = |confusables: &str| {
            let config = read(&[("SHARDS", "DB DB_1"), ("CONFUSABLES", confusables)]).unwrap();
            config.shards.all[1].place.clone()
        };
        assert_eq!(place("allow"), "1 0 1 2 name");
        #[cfg(feature = "confusables")]
        assert_eq!(place("deny"), "1 0 1 2 skeleton");
    }

    #[test]
    fn every_setting_can_be_set() {
        let config = read(&[
            ("PASSWORD_MIN_LENGTH", "12"),
            ("BLOCK_LIST_ON_ERROR", "allow"),
            ("ARGON2_MEMORY_KIB", "65536"),
            ("ARGON2_ITERATIONS", "3"),
            ("PASSWORD_PEPPER", "2026:0123456789abcdef0123456789abcdef"),
        ])
        .unwrap();
        assert_eq!(config.password_min_length, 12);
        assert_eq!(config.block_list_on_error, OnError::Allow);
        assert_eq!((config.argon2.m_cost(), config.argon2.t_cost()), (65536, 3));
        assert_eq!(config.pepper.as_ref().unwrap().id(), "2026");
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn each_row_of_the_floor_is_enough_and_less_is_not() {
        for (memory, iterations) in ARGON2_FLOOR {
            assert!(argon2(memory, iterations).is_ok());
            assert!(argon2(memory - 1, iterations).is_err(), "{memory} {iterations}");
            assert!(argon2(memory, iterations - 1).is_err(), "{memory} {iterations}");
        }
    }

    #[test]
    fn the_most_that_is_allowed_is_allowed() {
        assert!(argon2(65536, 100).is_ok());
        assert!(argon2(65537, 100).is_err());
        assert!(argon2(65536, 101).is_err());
    }

    #[test]
    fn a_setting_without_sense_is_refused_by_name() {
        for (name, values) in [
            ("PASSWORD_MIN_LENGTH", ["0", "1025", "-1", "8.5", "", "eight", " 8"].as_slice()),
            ("BLOCK_LIST_ON_ERROR", &["", "Allow", "true"]),
            ("ARGON2_MEMORY_KIB", &["0", "19455", "65537", "19MiB", "4294967296"]),
            ("ARGON2_ITERATIONS", &["0", "1", "101", "two"]),
            ("PASSWORD_PEPPER", &["", "2026", "2026:short"]),
        ] {
            for value in values {
                let error = read(&[(name, value)]).unwrap_err().to_string();
                assert!(error.contains(name), "{name}={value}: {error}");
                assert!(error.contains("must be"), "{error}");
            }
        }
    }

    #[test]
    fn a_bad_pepper_is_not_repeated() {
        for value in ["s3cret", "2026:s3cret", "s3cret:0123456789abcdef0123456789abcdef"] {
            let error = read(&[("PASSWORD_PEPPER", value)]).unwrap_err();
            assert!(error.to_string().starts_with("PASSWORD_PEPPER must be an id of 4 letters or digits"));
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_taken_or_refused_by_name(value in any::<String>(), number in any::<u32>()) {
            for name in
                [PASSWORD_MIN_LENGTH, BLOCK_LIST_ON_ERROR, ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, PASSWORD_PEPPER]
            {
                for value in [&value, &number.to_string()] {
                    if let Err(error) = read(&[(name, value)]) {
                        prop_assert!(error.to_string().contains(name));
                    }
                }
            }
        }
    }
}
