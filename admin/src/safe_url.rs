//! A URL to which a secret may be sent.
//!
//! It owns the rule that only the Worker and the server can read the text between them. It must not know that text.

use std::ops::Deref;

use worker::Url;

/// A URL of HTTPS, or of HTTP on this machine, without a user, a password and a fragment
/// (<https://url.spec.whatwg.org/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// Reads a URL. Returns `None` for a text that is not a URL, or not a safe one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let is_private = url.scheme() == "https" || url.scheme() == "http" && is_local;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (is_private && is_plain).then_some(Self(url))
    }
}

/// The parts of the URL can be read, and not changed.
impl Deref for SafeUrl {
    type Target = Url;

    fn deref(&self) -> &Url {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn https_is_safe_and_http_on_this_machine() {
        for (text, written) in [
            ("https://hooks.example", "https://hooks.example/"),
            ("HTTPS://Hooks.Example:443/", "https://hooks.example/"),
            ("https://hooks.example:8443/a?b=c", "https://hooks.example:8443/a?b=c"),
            ("http://127.0.0.1:8788", "http://127.0.0.1:8788/"),
            ("http://localhost/in", "http://localhost/in"),
            ("http://[::1]:9000/", "http://[::1]:9000/"),
        ] {
            assert_eq!(SafeUrl::parse(text).expect(text).as_str(), written);
        }
    }

    #[test]
    fn every_other_text_is_refused() {
        for text in [
            "",
            "hooks.example",
            "/in",
            "https://",
            "http://hooks.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://[::2]",
            "ftp://localhost",
            "https://user@hooks.example",
            "https://:password@hooks.example",
            "https://hooks.example/#a",
            "https://hooks.example:port",
        ] {
            assert_eq!(SafeUrl::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_url_is_read_as_itself(text in "\\PC{0,20}|(https?://)?[a-z0-9.:/?@-]{0,20}") {
            if let Some(url) = SafeUrl::parse(&text) {
                prop_assert_eq!(SafeUrl::parse(url.as_str()), Some(url));
            }
        }
    }
}
