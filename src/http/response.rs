//! A response as plain data: a status, a JSON body, and every header that goes with them.
//!
//! It owns the headers that all answers share, CORS and `ETag`. It must not know JavaScript, nor what an answer is
//! about.

use std::borrow::Cow;

use md5::{Digest, Md5};
use serde::Serialize;

use crate::http::json;

/// A header's name and value.
pub type Header<'a> = (&'static str, Cow<'a, str>);

/// The headers of every answer that does not override them. The security headers are those of the API that this service
/// is compatible with. The CORS headers let a page call the service and read the answer
/// ([Fetch](https://fetch.spec.whatwg.org/#http-cors-protocol)).
pub const COMMON: [(&str, &str); 11] = [
    ("X-Frame-Options", "SAMEORIGIN"),
    ("X-XSS-Protection", "1; mode=block"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-UA-Compatible", "chrome=1"),
    ("Access-Control-Allow-Methods", "POST, PUT, DELETE, GET, OPTIONS"),
    ("Access-Control-Request-Method", "*"),
    ("Access-Control-Expose-Headers", "ETag, X-Request-Id, X-Runtime, X-Error-Reason, Retry-After"),
    ("Cache-Control", "max-age=0, private, must-revalidate"),
    (
        "Access-Control-Allow-Headers",
        "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition",
    ),
    ("Access-Control-Allow-Origin", "*"),
    ("Content-Type", "application/json; charset=utf-8"),
];

const PREFLIGHT_ALLOW_HEADERS: &str = "Origin, X-Requested-With, Content-Type, Accept, Authorization, \
     Content-Disposition, Username, Privacy, Idempotency-Key";

/// Which pages may read an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowOrigin {
    /// Pages of any origin.
    #[default]
    Any,
    /// Pages of the origin that the request came from. `Vary` says that the answer depends on the origin.
    Only(String),
    /// No page. `Access-Control-Allow-Origin` is left out, because every value of it allows some page (`null` is the
    /// origin of every sandboxed frame).
    None,
}

/// An answer before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body; `None` for a preflight.
    pub body: Option<String>,
    /// Which pages may read the answer.
    pub allow_origin: AllowOrigin,
    allow_headers: Option<Cow<'static, str>>,
    extra: Vec<Header<'static>>,
}

impl Reply {
    /// An answer with `body` as compact JSON.
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        Self {
            status,
            body: Some(json::write(body)),
            allow_origin: AllowOrigin::Any,
            allow_headers: None,
            extra: Vec::new(),
        }
    }

    /// The answer to a CORS preflight: 204, which a browser may keep for a day.
    #[must_use]
    pub fn preflight() -> Self {
        Self {
            status: 204,
            body: None,
            allow_origin: AllowOrigin::Any,
            allow_headers: Some(PREFLIGHT_ALLOW_HEADERS.into()),
            extra: vec![("Access-Control-Max-Age", "86400".into())],
        }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    /// The same answer to a preflight, with one more header that pages may send. Another answer stays as it is.
    #[must_use]
    pub fn allowing(mut self, header: &str) -> Self {
        if let Some(allowed) = &mut self.allow_headers {
            *allowed = format!("{allowed}, {header}").into();
        }
        self
    }

    /// The headers in which this answer differs from the [`COMMON`] ones. An empty value removes a common header. The
    /// runtime adds `Content-Length`, because it knows the bytes that it sends.
    ///
    /// `runtime` is the time since the request's arrival, in microseconds.
    #[must_use]
    pub fn headers<'a>(&'a self, request_id: &'a str, runtime: u64) -> Vec<Header<'a>> {
        let mut headers: Vec<Header> =
            vec![("X-Request-Id", request_id.into()), ("X-Runtime", seconds(runtime).into())];
        let allowed = match &self.allow_origin {
            AllowOrigin::Any => None,
            AllowOrigin::Only(origin) => Some(origin.as_str()),
            AllowOrigin::None => Some(""),
        };
        if let Some(allowed) = allowed {
            headers.extend([("Access-Control-Allow-Origin", allowed.into()), ("Vary", "Origin".into())]);
        }
        let allowed = self.allow_headers.iter().map(|value| ("Access-Control-Allow-Headers", value));
        let extra = self.extra.iter().map(|(name, value)| (*name, value));
        headers.extend(allowed.chain(extra).map(|(name, value)| (name, value.as_ref().into())));
        match &self.body {
            Some(body) if (200..300).contains(&self.status) => headers.push(("ETag", etag(body).into())),
            Some(_) => {}
            None => headers.push(("Content-Type", "".into())),
        }
        headers
    }
}

/// Microseconds as seconds with six decimals.
fn seconds(microseconds: u64) -> String {
    // The text is made of whole numbers, because the code that prints an `f64` takes 20 KB.
    format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)
}

/// A strong entity tag ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3)): the MD5 of the body.
fn etag(body: &str) -> String {
    format!("\"{:032x}\"", u128::from_be_bytes(Md5::digest(body).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header `name` of `reply`: its own, or else the common one.
    fn header(reply: &Reply, name: &str) -> Option<String> {
        let own = reply.headers("the-id", 114_259);
        let common = COMMON.map(|(name, value)| (name, value.into()));
        let (_, value) = own.iter().chain(&common).find(|(n, _)| *n == name)?;
        (!value.is_empty()).then(|| value.to_string())
    }

    #[test]
    fn the_etag_of_the_documents_example() {
        let reply = Reply::json(
            200,
            &serde_json::from_str::<serde_json::Value>(r#"{"user":{"id":814,"username":"username"}}"#)
                .unwrap(),
        );
        assert_eq!(reply.body.as_ref().unwrap().len(), 41);
        assert_eq!(header(&reply, "ETag").as_deref(), Some("\"d9861ea6d4dcf291ebac090547f67da2\""));
    }

    #[test]
    fn an_etag_keeps_its_leading_zeros() {
        assert_eq!(etag("jk8ssl"), "\"0000000018e6137ac2caab16074784a6\"");
    }

    #[test]
    fn the_common_headers_are_on_every_answer() {
        for reply in [Reply::json(200, &()), Reply::json(500, &()), Reply::preflight()] {
            let is_own = |name| ["Access-Control-Allow-Headers", "Content-Type"].contains(&name);
            for (name, value) in COMMON {
                if reply.body.is_some() || !is_own(name) {
                    assert_eq!(header(&reply, name).as_deref(), Some(value));
                }
            }
            assert_eq!(header(&reply, "X-Request-Id").as_deref(), Some("the-id"));
            assert_eq!(header(&reply, "X-Runtime").as_deref(), Some("0.114259"));
        }
    }

    #[test]
    fn a_runtime_has_six_decimals() {
        assert_eq!(
            [0, 42, 1_000_000, 61_000_007].map(seconds),
            ["0.000000", "0.000042", "1.000000", "61.000007"]
        );
    }

    #[test]
    fn an_answer_is_readable_by_all_pages_or_those_of_one_origin_or_none() {
        for (allow_origin, allowed, vary) in [
            (AllowOrigin::Any, Some("*"), None),
            (
                AllowOrigin::Only("https://app.example".to_owned()),
                Some("https://app.example"),
                Some("Origin"),
            ),
            (AllowOrigin::None, None, Some("Origin")),
        ] {
            for reply in [Reply::json(200, &()), Reply::preflight()] {
                let reply = Reply { allow_origin: allow_origin.clone(), ..reply };
                assert_eq!(header(&reply, "Access-Control-Allow-Origin").as_deref(), allowed);
                assert_eq!(header(&reply, "Vary").as_deref(), vary);
            }
        }
        assert_eq!(Reply::json(200, &()).allow_origin, AllowOrigin::Any);
    }

    #[test]
    fn only_a_success_with_a_body_has_an_etag() {
        assert!(header(&Reply::json(201, &()), "ETag").is_some());
        assert!(header(&Reply::json(400, &()), "ETag").is_none());
        assert!(header(&Reply::preflight(), "ETag").is_none());
    }

    #[test]
    fn only_a_body_has_a_type() {
        assert_eq!(
            header(&Reply::json(400, &()), "Content-Type").as_deref(),
            Some("application/json; charset=utf-8")
        );
        assert_eq!(header(&Reply::preflight(), "Content-Type"), None);
    }

    #[test]
    fn a_preflight_allows_the_headers_that_the_routes_and_the_guards_read() {
        let allowed = |reply: &Reply| header(reply, "Access-Control-Allow-Headers").unwrap();
        assert_eq!(header(&Reply::preflight(), "Access-Control-Max-Age").as_deref(), Some("86400"));
        assert_eq!(
            allowed(&Reply::preflight()),
            "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition, Username, Privacy, Idempotency-Key"
        );
        assert_eq!(
            allowed(&Reply::json(200, &())),
            "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition"
        );
        assert_eq!(
            allowed(&Reply::preflight().allowing("One").allowing("Two")),
            format!("{PREFLIGHT_ALLOW_HEADERS}, One, Two")
        );
    }
}
