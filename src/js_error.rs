//! An exception of the platform, as text.
//!
//! It owns an exception's class and message, and the questions that are asked about them. It must not know how an
//! exception is caught.

use std::fmt;

/// A JavaScript exception, or the reason of a promise's rejection.
#[derive(Debug, Clone)]
pub struct JsError {
    /// The class of the error, such as `TypeError`.
    pub name: String,
    /// The error's message.
    pub message: String,
}

impl JsError {
    /// Whether a binding, or another object, is of a different kind than the code expects. That is a mistake of ours,
    /// and it does not pass by itself.
    #[must_use]
    pub fn is_misuse(&self) -> bool {
        self.name == "TypeError"
    }

    /// Whether the message contains `text`.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        // `str::contains` would add 4 KB of search code to the Worker, and a message has only a few words.
        self.message.as_bytes().windows(text.len()).any(|part| part == text.as_bytes())
    }
}

impl fmt::Display for JsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}
