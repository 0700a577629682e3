//! `POST /sign-up`: creates a user, with a username and a password, in an application's namespace.
//!
//! It owns the JSON that comes in and goes out, and the order of the steps. It must not know the headers that all
//! answers share, nor SQL.

use serde::Serialize;

use crate::admission::Admitted;
use crate::config::Config;
use crate::endpoints::NETWORK_LIMITED;
use crate::error::ApiError;
use crate::fields::client_id::ClientId;
use crate::fields::password::{Password, SALT_BYTES};
use crate::fields::username::Username;
use crate::guards::proof_of_work::challenge::SolutionError;
use crate::guards::{DeniedField, Refusal, SignUpFields, SignUpRefusal};
use crate::http::json::{self, JsonError, Member};
use crate::http::response::Reply;
use crate::platform::BodyError;
use crate::reason::Reason;
use crate::storage::d1::NewUser;

/// The largest body, in bytes: the longest values of the three fields fit in together, with all characters escaped.
pub const BODY_LIMIT: usize = 16 * 1024;

/// The fields of a sign-up, all of them valid.
struct SignUp {
    username: Username,
    password: Password,
    client_id: ClientId,
}

#[derive(Serialize)]
struct Created<'a> {
    user: CreatedUser<'a>,
}

#[derive(Serialize)]
struct CreatedUser<'a> {
    id: u64,
    username: &'a str,
}

/// Carries out a sign-up: 200 with the user's id, also for a repeat of the same request.
///
/// # Errors
/// [`ApiError::NotJson`], [`ApiError::BodyTooLarge`], [`ApiError::Invalid`]: the request is not of its form.
/// [`ApiError::UsernameTaken`]: the name is taken or reserved. [`ApiError::Invalid`], [`ApiError::OriginRefused`],
/// [`ApiError::Denied`], [`ApiError::Limited`]: a guard refuses the sign-up. [`ApiError::Internal`],
/// [`ApiError::Unavailable`]: a guard, the hash or the database failed.
pub async fn handle(admitted: &Admitted<'_>) -> Result<Reply, ApiError> {
    let request_key = admitted
        .request_key()
        .map_err(|error| ApiError::field(Reason::IDEMPOTENCY_KEY_INVALID, "Idempotency-Key", error))?;
    if !is_json(admitted.request.header("Content-Type").as_deref()) {
        return Err(ApiError::NotJson);
    }
    let body = admitted.request.body(BODY_LIMIT).await.map_err(|error| match error {
        BodyError::TooLarge => ApiError::BodyTooLarge { limit: BODY_LIMIT },
        BodyError::Broken(error) => {
            admitted.trace.warn(format!("broken body: {error}"));
            invalid(Reason::BODY_INCOMPLETE, "The body broke off before its end")
        }
    })?;
    let config = &admitted.isolate.config;
    let sign_up = SignUp::parse(&body, config)?;
    let fields = SignUpFields { password: &sign_up.password, client_id: &sign_up.client_id, body: &body };
    let skeletons = config.confusables.skeletons(&sign_up.username);
    admitted
        .guard(&request_key, &sign_up.username, skeletons.as_ref(), Some(fields))
        .await
        .map_err(|refusal| refused(refusal, &sign_up.username))?;

    let pending = admitted.isolate.store.begin_user(&NewUser {
        client_id: &sign_up.client_id,
        username: &sign_up.username,
        skeletons: skeletons.as_ref(),
        request_key: &request_key,
    });
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| ApiError::Internal { cause: format!("salt: {error}") })?;
    let password_hash = sign_up.password.hash(&config.argon2, config.pepper.as_ref(), salt)?;
    let stored = pending.insert(&password_hash).await?;
    match stored {
        Some(user) => Ok(created(user.id, &user.username)),
        None => Err(taken(&sign_up.username)),
    }
}

fn taken(username: &Username) -> ApiError {
    ApiError::UsernameTaken { username: username.as_str().to_owned() }
}

/// The error for a sign-up that a guard refused.
fn refused(refusal: Refusal, username: &Username) -> ApiError {
    let proof = |reason, problem| ApiError::field(reason, "Proof-Of-Work", problem);
    let token = |reason, problem| ApiError::field(reason, "captcha_token", problem);
    match refusal {
        Refusal::NameReserved => taken(username),
        Refusal::NetworkLimited => ApiError::Limited { description: NETWORK_LIMITED },
        Refusal::ProofMissing => {
            proof(Reason::PROOF_MISSING, "must be given: solve a challenge from GET /challenge")
        }
        Refusal::ProofRefused(error) => proof(
            error.into(),
            match error {
                SolutionError::Invalid => "must be a challenge from GET /challenge, a colon and a nonce",
                SolutionError::Expired => "has expired: solve a new challenge",
                SolutionError::Unsolved => {
                    "must have a SHA-256 that begins with as many zero bits as its challenge asks for"
                }
            },
        ),
        Refusal::ProofUsed => proof(Reason::PROOF_USED, "was used before: solve a new challenge"),
        Refusal::CaptchaTokenMissing => token(
            Reason::CAPTCHA_TOKEN_MISSING,
            "must be given, as a string: the token of a Turnstile challenge",
        ),
        Refusal::CaptchaTokenRefused => token(
            Reason::CAPTCHA_TOKEN_REFUSED,
            "was not accepted: it must be the token of a new Turnstile challenge",
        ),
        Refusal::Denied { description, field } => {
            let (reason, field) = match field {
                None => return ApiError::Denied { description },
                Some(DeniedField::Username) => (Reason::USERNAME_DENIED, "username"),
                Some(DeniedField::ClientId) => (Reason::CLIENT_ID_DENIED, "client_id"),
            };
            ApiError::Invalid { reason, field: Some(field), description }
        }
        Refusal::OfSignUp(SignUpRefusal::ClientUnknown) => {
            ApiError::field(Reason::CLIENT_ID_UNKNOWN, "client_id", "must be that of a registered client")
        }
        Refusal::OfSignUp(SignUpRefusal::OriginRefused) => ApiError::OriginRefused,
        Refusal::OfSignUp(SignUpRefusal::ClientLimited) => {
            ApiError::Limited { description: "Too many sign-ups from this application" }
        }
        Refusal::OfSignUp(SignUpRefusal::PasswordBreached) => ApiError::field(
            Reason::PASSWORD_BREACHED,
            "password",
            "is known from data breaches: choose another",
        ),
        Refusal::Failed(error) => error,
    }
}

fn created(id: u64, username: &str) -> Reply {
    Reply::json(200, &Created { user: CreatedUser { id, username } })
}

impl SignUp {
    fn parse(body: &[u8], config: &Config) -> Result<Self, ApiError> {
        let body = std::str::from_utf8(body)
            .map_err(|_| invalid(Reason::BODY_ENCODING, "The body must be UTF-8"))?;
        let [username, password, client_id] = json::members(body, ["username", "password", "client_id"])
            .map_err(|error| match error {
                JsonError::NotAnObject => invalid(Reason::BODY_NOT_OBJECT, "The body must be a JSON object"),
                JsonError::Invalid => invalid(Reason::BODY_NOT_JSON, "The body must be valid JSON"),
                JsonError::Twice => invalid(
                    Reason::BODY_MEMBER_TWICE,
                    "The body must have each of username, password and client_id once",
                ),
            })?;
        let username = text(Reason::USERNAME_MISSING, "username", username)?;
        let password = text(Reason::PASSWORD_MISSING, "password", password)?;
        let client_id = text(Reason::CLIENT_ID_MISSING, "client_id", client_id)?;
        Ok(Self {
            username: Username::parse(&username)
                .map_err(|error| ApiError::field(error.into(), "username", error))?,
            password: Password::parse(&password, config.password_min_length)
                .map_err(|error| ApiError::field(error.into(), "password", error))?,
            client_id: ClientId::parse(client_id)
                .map_err(|error| ApiError::field(Reason::CLIENT_ID_INVALID, "client_id", error))?,
        })
    }
}

fn text(missing: Reason, field: &'static str, member: Member) -> Result<String, ApiError> {
    match member {
        Member::Text(text) => Ok(text),
        Member::Missing | Member::Other => {
            Err(ApiError::field(missing, field, "must be given, as a string of Unicode characters"))
        }
    }
}

fn invalid(reason: Reason, description: &str) -> ApiError {
    ApiError::Invalid { reason, field: None, description: description.to_owned() }
}

/// Whether a `Content-Type` is `application/json`, with any parameters
/// ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1)).
fn is_json(content_type: Option<&str>) -> bool {
    let media_type = content_type.and_then(|value| value.split(';').next());
    media_type.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config() -> Config {
        Config::read(|name| (name == "PASSWORD_MIN_LENGTH").then(|| "8".to_owned())).unwrap()
    }

    fn error(body: impl AsRef<[u8]>) -> (Option<&'static str>, String) {
        match SignUp::parse(body.as_ref(), &config()) {
            Err(ApiError::Invalid { field, description, .. }) => (field, description),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("taken: {:?}", String::from_utf8_lossy(body.as_ref())),
        }
    }

    #[test]
    fn the_documents_example() {
        let body = br#"{
          "username": "username",
          "password": "password",
          "client_id": "g7kj2axpf13umghr5m9xl6aiordknff"
        }"#;
        let sign_up = SignUp::parse(body, &config()).ok().unwrap();
        assert_eq!(sign_up.username.as_str(), "username");
        assert_eq!(sign_up.client_id.as_str(), "g7kj2axpf13umghr5m9xl6aiordknff");
        assert_eq!(
            created(814, "username").body.as_deref(),
            Some(r#"{"user":{"id":814,"username":"username"}}"#)
        );
    }

    #[test]
    fn other_members_are_ignored_whatever_they_hold() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for other in ["null", "[1,{}]", r#"{"username":3}"#, "1e999", &deep] {
            let body = format!(
                r#"{{"other":{other},"username":"a","password":"password","client_id":"c","USERNAME":1}}"#
            );
            assert!(SignUp::parse(body.as_bytes(), &config()).is_ok(), "{other}");
        }
    }

    #[test]
    fn escapes_are_characters() {
        let body = r#"{"username":"\u0041\ud83d\ude00","password":"password","client_id":"\u0063"}"#;
        let sign_up = SignUp::parse(body.as_bytes(), &config()).ok().unwrap();
        assert_eq!(sign_up.username.as_str(), "A😀");
    }

    #[test]
    fn a_body_that_is_no_json_object_is_refused() {
        assert_eq!(error(b"\xff"), (None, "The body must be UTF-8".to_owned()));
        assert_eq!(error(b"{\"username\":\"\xc3\"}"), (None, "The body must be UTF-8".to_owned()));
        for body in [
            "",
            " ",
            "null",
            "[]",
            r#"["a","password","c"]"#,
            "\"{}\"",
            "1",
            "\u{feff}{}",
            &"[".repeat(10_000),
        ] {
            assert_eq!(error(body), (None, "The body must be a JSON object".to_owned()), "{body}");
        }
        for body in [
            "{",
            "{]",
            "{}{}",
            "{} x",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":\"\n\"}",
            "{\"a\"}",
            "{,}",
        ] {
            assert_eq!(error(body), (None, "The body must be valid JSON".to_owned()), "{body}");
        }
        assert_eq!(
            error(r#"{"username":"a","username":"b"}"#),
            (None, "The body must have each of username, password and client_id once".to_owned())
        );
    }

    #[test]
    fn the_first_field_at_fault_is_named() {
        let problem = "must be given, as a string of Unicode characters";
        for (body, field) in [
            ("{}", "username"),
            (r#"{"username":"a"}"#, "password"),
            (r#"{"username":"a","password":"password"}"#, "client_id"),
        ] {
            assert_eq!(error(body), (Some(field), format!("{field} {problem}")));
        }
        for value in ["null", "1", "true", "[]", "{}", "[\"a\"]", "1e999", r#""\ud800""#, r#""\udc00\ud800""#]
        {
            for field in ["username", "password", "client_id"] {
                let body = r#"{"username":"a","password":"password","client_id":"c"}"#
                    .replace(&format!(r#""{field}":"#), &format!(r#""{field}":{value},"x":"#));
                assert_eq!(error(&body), (Some(field), format!("{field} {problem}")), "{body}");
            }
        }
    }

    #[test]
    fn each_rule_is_told_in_a_sentence() {
        for (username, password, client_id, field, description) in [
            ("", "password", "c", "username", "username must have 1 to 254 characters"),
            ("a", "", "c", "password", "password must not be empty"),
            ("a", "short", "c", "password", "password must have at least 8 characters"),
            (
                "a",
                "password\\u0000",
                "c",
                "password",
                "password must not hold control, invisible or unassigned characters (RFC 8265)",
            ),
            ("a", "password", "", "client_id", "client_id must be 1 to 128 visible ASCII characters"),
            ("a", "password", "c c", "client_id", "client_id must be 1 to 128 visible ASCII characters"),
        ] {
            let body =
                format!(r#"{{"username":"{username}","password":"{password}","client_id":"{client_id}"}}"#);
            assert_eq!(error(&body), (Some(field), description.to_owned()));
        }
    }

    #[test]
    fn the_media_type_is_json_with_any_parameters() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"utf-8\"; x=y",
            " application/json ;",
        ] {
            assert!(is_json(Some(value)), "{value}");
        }
        for value in [
            "",
            "text/plain",
            "application/jsonp",
            "application/problem+json",
            "application/json, text/plain",
            "json",
            "application/x-www-form-urlencoded",
            ";application/json",
            "application/json charset=utf-8",
        ] {
            assert!(!is_json(Some(value)), "{value}");
        }
        assert!(!is_json(None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(body in any::<Vec<u8>>()) {
            let _ = SignUp::parse(&body, &config());
        }

        #[test]
        fn any_object_is_taken_or_refused(members in "[ -~]{0,60}") {
            let _ = SignUp::parse(format!("{{{members}}}").as_bytes(), &config());
        }

        #[test]
        fn json_of_any_strings_reaches_the_rules(username in any::<String>(), password in any::<String>()) {
            let body = serde_json::json!({"username": username, "password": password, "client_id": "c"}).to_string();
            let valid = Username::parse(&username).is_ok() && Password::parse(&password, 8).is_ok();
            prop_assert_eq!(SignUp::parse(body.as_bytes(), &config()).is_ok(), valid);
        }
    }
}
