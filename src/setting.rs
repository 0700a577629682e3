//! How a setting is read.
//!
//! It owns the kinds of value that several settings share, and the error for a setting that makes no sense. It must
//! not know which settings exist, nor JavaScript: values come through a look-up closure.

use std::fmt;
use std::str::FromStr;

/// The error for a setting that makes no sense. Its text has the setting's name and says what would be right.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// Takes one sentence for the log, with the setting's name and what would be right.
    #[must_use]
    pub fn new(message: String) -> Self {
        Self(message)
    }

    /// The error for the `value` of the setting `name`, which must be `expected`.
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

/// How to treat a request that cannot be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Refuse the request with 503.
    Deny,
    /// Let the request pass, with a warning in the log.
    Allow,
}

impl OnError {
    /// Reads the `value` of the setting `name`: `deny` or `allow`, and by default [`OnError::Deny`].
    ///
    /// # Errors
    /// [`ConfigError`]: the value is neither `deny` nor `allow`.
    pub fn read(value: Option<&str>, name: &str) -> Result<Self, ConfigError> {
        match value {
            None | Some("deny") => Ok(Self::Deny),
            Some("allow") => Ok(Self::Allow),
            Some(other) => Err(ConfigError::must_be(name, other, "\"deny\" or \"allow\"")),
        }
    }
}

/// The number in the setting `name`, or `default` where it is not set.
///
/// # Errors
/// [`ConfigError`]: the value is not a whole number within the range of `T`.
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
