//! The answers of the admin, good and bad.
//!
//! It owns their statuses, bodies and headers. A bad answer has the form that the public Worker's have. It must not know
//! which endpoint answers.

use std::borrow::Cow;

use edge_signup::error::{ApiError, Problem};
use edge_signup::http::json;
use edge_signup::setting::ConfigError;
use edge_signup::storage::database::StoreError;
use serde::Serialize;

/// An answer before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body, unless the status has none.
    pub body: Option<String>,
}

impl Answer {
    /// 200 with `body`.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self { status: 200, body: Some(json::write(body)) }
    }

    /// 201 with `body`.
    #[must_use]
    pub fn created(body: &impl Serialize) -> Self {
        Self { status: 201, body: Some(json::write(body)) }
    }

    /// 204: the change was made.
    #[must_use]
    pub fn done() -> Self {
        Self { status: 204, body: None }
    }
}

/// Why a request was not carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// 400: a parameter or the body is not of its form.
    Invalid {
        /// The fault, as a word.
        reason: Cow<'static, str>,
        /// The parameter, unless the fault is in the body as a whole.
        field: Option<&'static str>,
        /// One sentence. It never contains a password or a hash.
        description: String,
    },
    /// 401: the request has no credentials, or wrong ones.
    Unauthorized,
    /// 403: the credentials only allow to read.
    ReadOnly,
    /// 403: a page of another origin asks for a change.
    OtherOrigin,
    /// 404: the path does not exist.
    NoPath,
    /// 404: there is no such thing. The value names it, such as `user` or `endpoint`.
    Missing(&'static str),
    /// 405: the path takes other methods.
    Method(String),
    /// 413: the body has more bytes than this.
    TooLarge(usize),
    /// 415: the body must be of this type.
    Type(&'static str),
    /// 429: too many wrong credentials came from one network.
    TooManyTries,
    /// 500: the fault is ours. The cause is for the log only.
    Internal(String),
    /// 503: the operator has set no credentials.
    NotConfigured,
    /// 503: events cannot be signed, because the operator has not set the secret for their keys.
    NoVault,
    /// 503: a part of the platform failed. The cause is for the log only.
    Unavailable(String),
}

impl Failure {
    /// A 400 for the parameter `field`. `problem` completes a sentence that begins with the parameter's name.
    #[must_use]
    pub fn parameter(field: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::Invalid {
            reason: format!("{field}_invalid").into(),
            field: Some(field),
            description: format!("{field} {problem}"),
        }
    }

    /// The status and the word of `X-Error-Reason`.
    #[must_use]
    pub fn status(&self) -> (u16, &str) {
        match self {
            Self::Invalid { reason, .. } => (400, reason),
            Self::Unauthorized => (401, "unauthorized"),
            Self::ReadOnly => (403, "read_only"),
            Self::OtherOrigin => (403, "origin_refused"),
            Self::NoPath | Self::Missing(_) => (404, "not_found"),
            Self::Method(_) => (405, "method_not_allowed"),
            Self::TooLarge(_) => (413, "body_too_large"),
            Self::Type(_) => (415, "content_type_invalid"),
            Self::TooManyTries => (429, "rate_limited"),
            Self::Internal(_) => (500, "internal_error"),
            Self::NotConfigured | Self::NoVault => (503, "not_configured"),
            Self::Unavailable(_) => (503, "unavailable"),
        }
    }

    /// The sentence for the operator.
    #[must_use]
    pub fn description(&self) -> Cow<'_, str> {
        match self {
            Self::Invalid { description, .. } => description.into(),
            Self::Unauthorized => {
                "The request needs the header Authorization: Bearer with the admin's token".into()
            }
            Self::ReadOnly => "These credentials can only read".into(),
            Self::OtherOrigin => "Only a page of the admin's own origin may change something".into(),
            Self::NoPath => "The path does not exist: openapi.json describes the paths".into(),
            Self::Missing(thing) => format!("There is no such {thing}").into(),
            Self::Method(allowed) => format!("This path takes {allowed} only").into(),
            Self::TooLarge(limit) => format!("The body must have at most {limit} bytes").into(),
            Self::Type(expected) => format!("The Content-Type must be {expected}").into(),
            Self::TooManyTries => {
                "Too many wrong tokens came from this network: try again in a minute".into()
            }
            Self::Internal(_) => "Internal error".into(),
            Self::NotConfigured => {
                "The admin has no credentials: set the secret ADMIN_TOKEN, or ACCESS_TEAM and ACCESS_AUD"
                    .into()
            }
            Self::NoVault => "Events need the secret WEBHOOK_KEY of the admin".into(),
            Self::Unavailable(_) => "The service is unavailable for the moment, try again later".into(),
        }
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> String {
        let field = match self {
            Self::Invalid { field, .. } => *field,
            _ => None,
        };
        let code = &self.status().0.to_string();
        json::write(&Problem { description: &self.description(), code, field })
    }

    /// The headers that this answer has beside those of every answer.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = vec![("X-Error-Reason", self.status().1)];
        match self {
            Self::Unauthorized => headers.push(("WWW-Authenticate", "Bearer")),
            Self::Method(allowed) => headers.push(("Allow", allowed)),
            Self::TooManyTries => headers.push(("Retry-After", "60")),
            Self::Unavailable(_) => headers.push(("Retry-After", "5")),
            _ => {}
        }
        headers
    }

    /// The text for the log's `cause`.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) | Self::Unavailable(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<ApiError> for Failure {
    /// A failure of a room that both Workers share.
    fn from(error: ApiError) -> Self {
        let cause = error.cause().unwrap_or_default().to_owned();
        match error {
            ApiError::Unavailable { .. } => Self::Unavailable(cause),
            ApiError::Invalid { reason, field, description } => {
                Self::Invalid { reason: reason.as_str().into(), field, description }
            }
            _ => Self::Internal(cause),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_answer_has_the_public_form() {
        let failure = Failure::parameter("limit", "must be a number from 1 to 200");
        assert_eq!(failure.status(), (400, "limit_invalid"));
        assert_eq!(
            failure.body(),
            r#"{"description":"limit must be a number from 1 to 200","code":"400","field":"limit"}"#
        );
        assert_eq!(
            Failure::Missing("user").body(),
            r#"{"description":"There is no such user","code":"404"}"#
        );
    }

    #[test]
    fn a_cause_is_for_the_log() {
        for failure in [Failure::Internal("secret".to_owned()), Failure::Unavailable("secret".to_owned())] {
            assert!(!failure.body().contains("secret"));
            assert_eq!(failure.cause(), Some("secret"));
        }
    }

    #[test]
    fn an_answer_that_asks_for_credentials_says_which() {
        assert!(Failure::Unauthorized.headers().contains(&("WWW-Authenticate", "Bearer")));
        assert!(Failure::Method("GET, PUT".to_owned()).headers().contains(&("Allow", "GET, PUT")));
        assert!(Failure::TooManyTries.headers().contains(&("Retry-After", "60")));
    }
}
