//! How a setting is read: the values that several settings share, and the error for one that makes no sense.
//!
//! Must not know which settings there are, nor JavaScript: values come through a look-up closure.

use std::fmt;
use std::str::FromStr;

/// A setting that makes no sense; as text, its name and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// Takes the setting's name and what would be right, as one sentence for the log.
    #[must_use]
    pub fn new(message: String) -> Self {
        Self(message)
    }

    /// Refuses the `value` of the setting `name`, because it must be `expected`.
    #[must_use]
    pub fn must_be(name: &str, value: &str, expected: &str) -> Self {
        Self(format!("{name} is \"{value}\": it must be {expected}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to do with a request that cannot be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Answer 503.
    Deny,
    /// Let it pass, and say so in the log.
    Allow,
}

impl OnError {
    /// Takes the `value` of the setting `name`; without one, [`OnError::Deny`].
    ///
    /// # Errors
    /// [`ConfigError`]: it is neither `deny` nor `allow`.
    pub fn read(value: Option<&str>, name: &str) -> Result<Self, ConfigError> {
        match value {
            None | Some("deny") => Ok(Self::Deny),
            Some("allow") => Ok(Self::Allow),
            Some(other) => Err(ConfigError::must_be(name, other, "\"deny\" or \"allow\"")),
        }
    }
}

/// The number under `name`; without one, `default`.
///
/// # Errors
/// [`ConfigError`]: it is not a whole number that `T` holds.
pub fn number<T: FromStr>(
    lookup: impl Fn(&str) -> Option<String>,
    name: &str,
    default: T,
) -> Result<T, ConfigError> {
    match lookup(name) {
        None => Ok(default),
        Some(value) => value.parse().map_err(|_| ConfigError::must_be(name, &value, "a whole number")),
    }
}
