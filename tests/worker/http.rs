//! Answers. Each is checked for the headers that all answers share.

use std::time::Duration;

use md5::{Digest, Md5};
use ureq::Agent;
use ureq::http::HeaderMap;

use crate::openapi;
use crate::rules;

/// The headers that a page may send while every guard with its own header is off.
pub const PREFLIGHT_ALLOW_HEADERS: &str = "Origin, X-Requested-With, Content-Type, Accept, Authorization, \
     Content-Disposition, Username, Privacy, Idempotency-Key";

/// An answer of a Worker.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    pub headers: HeaderMap,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The request's id.
    pub fn id(&self) -> &str {
        self.header("X-Request-Id").unwrap()
    }

    /// Asserts everything that all answers share, and that the answer fits the API's description.
    pub fn check(&self, method: &str, path: &str) {
        for (name, value) in [
            ("X-Frame-Options", "SAMEORIGIN"),
            ("X-XSS-Protection", "1; mode=block"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-UA-Compatible", "chrome=1"),
            ("Access-Control-Allow-Methods", "POST, PUT, DELETE, GET, OPTIONS"),
            ("Access-Control-Request-Method", "*"),
            ("Access-Control-Expose-Headers", "ETag, X-Request-Id, X-Runtime, X-Error-Reason, Retry-After"),
            (
                "Cache-Control",
                if path == rules::PATH && self.status == 200 {
                    "public, max-age=60"
                } else {
                    "max-age=0, private, must-revalidate"
                },
            ),
        ] {
            assert_eq!(self.header(name), Some(value), "{name} of {self:?}");
        }
        // An answer that does not depend on the origin is open to all origins.
        if self.header("Vary").is_none() {
            assert_eq!(self.header("Access-Control-Allow-Origin"), Some("*"), "{self:?}");
        }
        let allowed = self.header("Access-Control-Allow-Headers").unwrap();
        if self.status == 204 {
            // A guard may add its own header.
            assert!(allowed.starts_with(PREFLIGHT_ALLOW_HEADERS), "{allowed}");
        } else {
            let expected =
                "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition";
            assert_eq!(allowed, expected);
        }
        assert_uuid_v4(self.id());
        let (seconds, decimals) = self.header("X-Runtime").unwrap().split_once('.').unwrap();
        assert!(
            seconds.parse::<u32>().is_ok() && decimals.len() == 6 && decimals.parse::<u32>().is_ok(),
            "{self:?}"
        );

        let has_body = self.status != 204;
        assert_eq!(self.header("Content-Type"), has_body.then_some("application/json; charset=utf-8"));
        if has_body && method != "HEAD" {
            assert_eq!(self.header("Content-Length"), Some(self.body.len().to_string().as_str()));
            let compact = self.body.parse::<serde_json::Value>().unwrap();
            assert_eq!(compact.to_string().len(), self.body.len(), "{}", self.body);
        } else {
            assert_eq!(self.body, "");
        }
        let etag = format!("\"{:032x}\"", u128::from_be_bytes(Md5::digest(&self.body).into()));
        let has_etag = matches!(self.status, 200 | 201);
        assert_eq!(self.header("ETag"), has_etag.then_some(etag.as_str()));
        let is_word = |text: &str| text.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
        assert_eq!(
            self.header("X-Error-Reason").map(is_word),
            (self.status >= 400).then_some(true),
            "{self:?}"
        );
        openapi::assert_described(method, path, self);
    }

    /// Asserts the status and the body.
    pub fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }
}

/// A client that keeps its connections.
pub fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_mins(1)))
        .build()
        .into()
}

pub fn assert_uuid_v4(id: &str) {
    let shape: String =
        id.chars().map(|c| if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() { 'x' } else { c }).collect();
    assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "{id}");
    assert!(id[14..].starts_with('4') && id[19..].starts_with(['8', '9', 'a', 'b']), "{id}");
}
