//! Every error of a request, and the one place that turns an error into an answer.
//!
//! It owns the errors' statuses, bodies and headers, and their words in the log. It must not know JavaScript.
//!
//! To choose a variant: if the client can correct the request, choose a status below 500 and say what would be right.
//! If the fault is ours, choose [`ApiError::Unavailable`] where the same request can succeed later, and
//! [`ApiError::Internal`] otherwise. Both carry a cause that goes to the log and never to the client.

use std::borrow::Cow;

use serde::Serialize;

use crate::fields::password::HashError;
use crate::http::response::Reply;
use crate::js_error::JsError;
use crate::reason::Reason;
use crate::setting::ConfigError;
use crate::storage::database::StoreError;

/// Why a request was not carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum ApiError {
    /// 400 of `/sign-up`: the body, one of its members or a header is not of its form, or a guard refuses its value.
    Invalid {
        /// The fault, as a word.
        reason: Reason,
        /// The member or the header at fault; `None` if the fault is in the body as a whole.
        field: Option<&'static str>,
        /// One sentence that says what is wrong and what would be right. It never contains a password.
        description: String,
    },
    /// 400 of `/users/`: a header is missing or invalid, or a guard refuses its value. The body repeats the headers
    /// `Username` and `Privacy` as they were sent.
    InvalidAccount {
        /// The fault, as a word.
        reason: Reason,
        /// The `Username` header.
        name: Option<String>,
        /// The `Privacy` header.
        privacy: Option<String>,
        /// A sentence that says which header is at fault, or the sentence of the operator's hook.
        description: Cow<'static, str>,
    },
    /// 403: the address is on the block list.
    Blocked {
        /// The operator's text beside the entry; for the log only.
        reason: String,
    },
    /// 403: the platform did not give the client's address.
    Unverified,
    /// 403: the client does not list the origin of the page that the request came from.
    OriginRefused,
    /// 403: the hook of the operator denies the sign-up.
    Denied {
        /// The hook's sentence.
        description: String,
    },
    /// 404: the path does not exist.
    NotFound {
        /// Whether the path `/challenge` exists.
        has_challenges: bool,
    },
    /// 405: the path does not take the method.
    MethodNotAllowed {
        /// The method that the path takes besides `OPTIONS`.
        allowed: &'static str,
    },
    /// 409 of `/sign-up`: the name is taken in its namespace.
    UsernameTaken {
        /// The name, in NFC.
        username: String,
    },
    /// 409 of `/users/`: the name is taken.
    NameTaken {
        /// The name, in NFC.
        name: String,
    },
    /// 429: too many sign-ups from one network, or for one application.
    Limited {
        /// A sentence that says which of the two.
        description: &'static str,
    },
    /// 413: the body is over the limit.
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// 415: the `Content-Type` is not JSON.
    NotJson,
    /// 500: the fault is ours.
    Internal {
        /// The cause; for the log only.
        cause: String,
    },
    /// 503: a part of the platform failed; the same request may succeed later.
    Unavailable {
        /// The cause; for the log only.
        cause: String,
    },
}

/// How long a client should wait after a 503, in seconds.
const RETRY_AFTER: &str = "5";

/// How long a client should wait after a 429, in seconds: the longer of the two periods that a rate limit can have,
/// because the Worker cannot see which one is set.
const LIMIT_RETRY_AFTER: &str = "60";

/// The body of most errors, with its members in the documented order.
#[derive(Serialize)]
pub struct Problem<'a> {
    /// A sentence for people.
    pub description: &'a str,
    /// The status, as a text.
    pub code: &'a str,
    /// The parameter at fault, if there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'a str>,
}

#[derive(Serialize)]
struct InvalidAccount<'a> {
    name: Option<&'a str>,
    privacy: Option<&'a str>,
    code: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct UsernameTaken<'a> {
    username: &'a str,
    code: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct NameTaken<'a> {
    name: &'a str,
    code: &'a str,
}

impl ApiError {
    /// A 400 for the parameter `field`. `problem` completes a sentence that begins with the parameter's name.
    pub fn field(reason: Reason, field: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::Invalid { reason, field: Some(field), description: format!("{field} {problem}") }
    }

    /// A failure of `part`: [`ApiError::Unavailable`] if it may pass, [`ApiError::Internal`] if the binding is of the
    /// wrong kind.
    #[must_use]
    pub fn platform(part: &str, error: &JsError) -> Self {
        let cause = format!("{part}: {error}");
        if error.is_misuse() { Self::Internal { cause } } else { Self::Unavailable { cause } }
    }

    /// The answer that the client gets.
    #[must_use]
    pub fn reply(&self) -> Reply {
        self.bare_reply().with("X-Error-Reason", self.reason().as_str())
    }

    fn bare_reply(&self) -> Reply {
        let problem = |status: u16, description: &str, field| {
            let code = &status.to_string();
            Reply::json(status, &Problem { description, code, field })
        };
        match self {
            Self::Invalid { field, description, .. } => problem(400, description, *field),
            Self::InvalidAccount { name, privacy, description, .. } => Reply::json(
                400,
                &InvalidAccount {
                    name: name.as_deref(),
                    privacy: privacy.as_deref(),
                    code: "400",
                    description,
                },
            ),
            Self::Blocked { .. } => problem(403, "Your IP address was blocked.", None),
            Self::Unverified => problem(403, "Your IP address could not be verified.", None),
            Self::OriginRefused => {
                problem(403, "Pages of this origin may not sign users up for this client_id", None)
            }
            Self::Denied { description } => problem(403, description, None),
            Self::NotFound { has_challenges } => {
                let paths =
                    if *has_challenges { "/sign-up, /users/ and /challenge" } else { "/sign-up and /users/" };
                problem(404, &format!("There is nothing here: the paths are {paths}"), None)
            }
            Self::MethodNotAllowed { allowed } => {
                problem(405, &format!("This path takes {allowed} and OPTIONS only"), None)
                    .with("Allow", format!("{allowed}, OPTIONS"))
            }
            Self::UsernameTaken { username } => Reply::json(
                409,
                &UsernameTaken { username, code: "409", description: "Username already in use" },
            ),
            Self::NameTaken { name } => Reply::json(409, &NameTaken { name, code: "409" }),
            Self::Limited { description } => {
                problem(429, description, None).with("Retry-After", LIMIT_RETRY_AFTER)
            }
            Self::BodyTooLarge { limit } => {
                problem(413, &format!("The body must have at most {limit} bytes"), None)
            }
            Self::NotJson => problem(415, "The Content-Type must be application/json", None),
            Self::Internal { .. } => problem(500, "Internal error", None),
            Self::Unavailable { .. } => {
                problem(503, "The service is unavailable for the moment, try again later", None)
                    .with("Retry-After", RETRY_AFTER)
            }
        }
    }

    /// The word of the header `X-Error-Reason`, for the client's program.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Invalid { reason, .. } | Self::InvalidAccount { reason, .. } => *reason,
            Self::Blocked { .. } => Reason::ADDRESS_BLOCKED,
            Self::Unverified => Reason::ADDRESS_UNVERIFIED,
            Self::OriginRefused => Reason::ORIGIN_REFUSED,
            Self::Denied { .. } => Reason::HOOK_DENIED,
            Self::NotFound { .. } => Reason::NOT_FOUND,
            Self::MethodNotAllowed { .. } => Reason::METHOD_NOT_ALLOWED,
            Self::UsernameTaken { .. } | Self::NameTaken { .. } => Reason::USERNAME_TAKEN,
            Self::Limited { .. } => Reason::RATE_LIMITED,
            Self::BodyTooLarge { .. } => Reason::BODY_TOO_LARGE,
            Self::NotJson => Reason::CONTENT_TYPE_NOT_JSON,
            Self::Internal { .. } => Reason::INTERNAL_ERROR,
            Self::Unavailable { .. } => Reason::UNAVAILABLE,
        }
    }

    /// The word for the log's `outcome`.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::InvalidAccount { .. } => "invalid",
            Self::Blocked { .. } => "blocked",
            Self::Unverified => "unverified",
            Self::OriginRefused => "origin_refused",
            Self::Denied { .. } => "denied",
            Self::NotFound { .. } => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::UsernameTaken { .. } | Self::NameTaken { .. } => "taken",
            Self::Limited { .. } => "limited",
            Self::BodyTooLarge { .. } => "too_large",
            Self::NotJson => "not_json",
            Self::Internal { .. } => "internal_error",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// The text for the log's `cause`. It contains nothing that came from the client.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Blocked { reason: cause } | Self::Internal { cause } | Self::Unavailable { cause } => {
                Some(cause)
            }
            _ => None,
        }
    }
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        Self::Internal { cause: error.to_string() }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        Self::Internal { cause: error.to_string() }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { database, error } => {
                Self::Unavailable { cause: format!("database {database}: {error}") }
            }
            StoreError::Broken { database, error } => {
                Self::Internal { cause: format!("database {database}: {error}") }
            }
            StoreError::Misplaced { database } => Self::Internal {
                cause: format!("database {database}: it has another place than SHARDS gives it"),
            },
            StoreError::Frozen => Self::Unavailable {
                cause: "every database for this name is frozen: SHARDS needs one more generation".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(error: &ApiError, name: &str) -> Option<String> {
        let reply = error.reply();
        let headers = reply.headers("", 0);
        headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn every_error_has_its_status_and_body() {
        let secret = || "SQLITE_ERROR: secret".to_owned();
        for (error, status, body) in [
            (
                ApiError::field(Reason::USERNAME_LENGTH, "username", "must have 1 to 254 characters"),
                400,
                r#"{"description":"username must have 1 to 254 characters","code":"400","field":"username"}"#,
            ),
            (
                ApiError::Invalid {
                    reason: Reason::BODY_NOT_JSON,
                    field: None,
                    description: "The body must be JSON".to_owned(),
                },
                400,
                r#"{"description":"The body must be JSON","code":"400"}"#,
            ),
            (
                ApiError::InvalidAccount {
                    reason: Reason::PRIVACY_INVALID,
                    name: Some("Username".to_owned()),
                    privacy: None,
                    description: "Privacy was invalid".into(),
                },
                400,
                r#"{"name":"Username","privacy":null,"code":"400","description":"Privacy was invalid"}"#,
            ),
            (
                ApiError::Blocked { reason: secret() },
                403,
                r#"{"description":"Your IP address was blocked.","code":"403"}"#,
            ),
            (
                ApiError::Unverified,
                403,
                r#"{"description":"Your IP address could not be verified.","code":"403"}"#,
            ),
            (
                ApiError::OriginRefused,
                403,
                r#"{"description":"Pages of this origin may not sign users up for this client_id","code":"403"}"#,
            ),
            (
                ApiError::Denied { description: "Not yet".to_owned() },
                403,
                r#"{"description":"Not yet","code":"403"}"#,
            ),
            (
                ApiError::NotFound { has_challenges: false },
                404,
                r#"{"description":"There is nothing here: the paths are /sign-up and /users/","code":"404"}"#,
            ),
            (
                ApiError::NotFound { has_challenges: true },
                404,
                r#"{"description":"There is nothing here: the paths are /sign-up, /users/ and /challenge","code":"404"}"#,
            ),
            (
                ApiError::MethodNotAllowed { allowed: "POST" },
                405,
                r#"{"description":"This path takes POST and OPTIONS only","code":"405"}"#,
            ),
            (
                ApiError::UsernameTaken { username: "username".to_owned() },
                409,
                r#"{"username":"username","code":"409","description":"Username already in use"}"#,
            ),
            (ApiError::NameTaken { name: "Username".to_owned() }, 409, r#"{"name":"Username","code":"409"}"#),
            (
                ApiError::Limited { description: "Too many" },
                429,
                r#"{"description":"Too many","code":"429"}"#,
            ),
            (
                ApiError::BodyTooLarge { limit: 16384 },
                413,
                r#"{"description":"The body must have at most 16384 bytes","code":"413"}"#,
            ),
            (
                ApiError::NotJson,
                415,
                r#"{"description":"The Content-Type must be application/json","code":"415"}"#,
            ),
            (ApiError::Internal { cause: secret() }, 500, r#"{"description":"Internal error","code":"500"}"#),
            (
                ApiError::Unavailable { cause: secret() },
                503,
                r#"{"description":"The service is unavailable for the moment, try again later","code":"503"}"#,
            ),
        ] {
            let reply = error.reply();
            assert_eq!((reply.status, reply.body.as_deref()), (status, Some(body)));
            assert_eq!(header(&error, "X-Error-Reason").as_deref(), Some(error.reason().as_str()));
        }
    }

    #[test]
    fn some_errors_say_more_in_a_header() {
        let not_allowed = ApiError::MethodNotAllowed { allowed: "GET" };
        assert_eq!(header(&not_allowed, "Allow").as_deref(), Some("GET, OPTIONS"));
        let unavailable = ApiError::Unavailable { cause: String::new() };
        assert_eq!(header(&unavailable, "Retry-After").as_deref(), Some("5"));
        let limited = ApiError::Limited { description: "" };
        assert_eq!(header(&limited, "Retry-After").as_deref(), Some("60"));
        assert_eq!(header(&ApiError::NotJson, "Allow"), None);
    }
}
