//! An exception of the platform, as text. Must not know JavaScript.

use std::fmt;

/// An exception or a rejection.
#[derive(Debug, Clone)]
pub struct JsError {
    /// The class of the error, such as `TypeError`.
    pub name: String,
    /// Its message.
    pub message: String,
}

impl JsError {
    /// Whether a binding is of the wrong kind, or another object is not what the code takes it for. That is our
    /// mistake, and it does not pass.
    #[must_use]
    pub fn is_misuse(&self) -> bool {
        self.name == "TypeError"
    }

    /// Whether its message contains `text`.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        // `str::contains` would bring 4 KB of searching into the Worker, for an error's few words.
        self.message.as_bytes().windows(text.len()).any(|part| part == text.as_bytes())
    }
}

impl fmt::Display for JsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}
