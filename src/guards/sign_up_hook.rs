//! `SIGN_UP_HOOK`: a server of the operator, or another Worker of the account, decides whether a sign-up may pass, at
//! either route.
//!
//! The guard sends a signed message ([`webhook`](crate::http::webhook)) about the attempt, without its password. Only a
//! 200 with a decision is an answer. Without an answer within `SIGN_UP_HOOK_TIMEOUT`, `SIGN_UP_HOOK_ON_ERROR` decides.
//! The description of a denial goes to the client, so its length and characters are bounded. A denial stays a
//! denial with any description. The description never goes to the log, because it may have a name.
//!
//! It owns the message and the reading of the answer. It must not know how a message is signed, nor why a hook decides
//! as it does.

use std::time::Duration;

use serde::{Serialize, Serializer};
use worker::js_sys::{Date, Reflect};
use worker::wasm_bindgen::JsValue;

use crate::clock;
use crate::error::ApiError;
use crate::guards::remote::{self, RemoteRequest};
use crate::guards::spent_proofs::Fingerprint;
use crate::guards::{Attempt, Check, DeniedField, Guard, Parts, Refusal, off};
use crate::http::json::{self, Member};
use crate::http::response::Reply;
use crate::http::webhook::{MessageId, Secrets};
use crate::log::Trace;
use crate::platform::Environment;
use crate::routes::Route;
use crate::setting::{ConfigError, OnError, number};
use crate::unicode::{is_graphic, is_ignorable};

const SETTING: &str = "SIGN_UP_HOOK";
const SECRET: &str = "SIGN_UP_HOOK_SECRET";
const TIMEOUT: &str = "SIGN_UP_HOOK_TIMEOUT";
const ON_ERROR: &str = "SIGN_UP_HOOK_ON_ERROR";

/// The header by which a client passes a text on to the hook, such as the code of an invitation.
const CODE: &str = "Sign-Up-Code";

/// How long the hook may take by default, and at most, in milliseconds. The user waits for it.
const DEFAULT_TIMEOUT: u32 = 2_000;
const MAX_TIMEOUT: u32 = 5_000;

/// The largest answer, in bytes. A normal one has about a hundred.
const SIZE_LIMIT: usize = 64 * 1024;

/// The most characters of a denial's description that the client gets: two or three sentences.
const DESCRIPTION_MAX: usize = 200;

/// The description of a denial without one of its own.
const DENIED: &str = "The sign-up was denied";

/// The most bytes of a header that the hook gets; a longer one counts as missing. The user agents of browsers have up
/// to 250.
const HEADER_MAX: usize = 512;

struct SignUpHook {
    url: String,
    /// The Worker that takes the place of the server.
    service: Option<JsValue>,
    secrets: Secrets,
    time_limit: Duration,
    on_error: OnError,
}

/// The members of the message's `data`. A list of them takes less code than a field for each.
struct Data<'a>([(&'static str, Option<&'a str>); 7]);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

const TYPE: &str = "sign_up.attempted";

/// The hook's decision.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Allow,
    Deny { description: String, field: Option<DeniedField> },
}

/// The guard, which is on if the setting or the binding exists.
///
/// # Errors
/// [`ConfigError`]: a setting is not of its form, or is set without the hook.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    let env = parts.env;
    let Some(hook) = env.binding(SETTING) else { return off(env, SETTING, &[SECRET, TIMEOUT, ON_ERROR]) };
    let (url, service) = target(hook)?;
    let time_limit = number(|name| env.variable(name), TIMEOUT, DEFAULT_TIMEOUT)?;
    if !(1..=MAX_TIMEOUT).contains(&time_limit) {
        let expected = format!("1 to {MAX_TIMEOUT} milliseconds");
        return Err(ConfigError::must_be(TIMEOUT, &time_limit.to_string(), &expected));
    }
    Ok(Some(Box::new(SignUpHook {
        url,
        service,
        secrets: secrets(env)?,
        time_limit: Duration::from_millis(time_limit.into()),
        on_error: OnError::read(env.variable(ON_ERROR).as_deref(), ON_ERROR)?,
    })))
}

/// The URL that is asked, and the Worker that is asked in its place.
fn target(hook: JsValue) -> Result<(String, Option<JsValue>), ConfigError> {
    if let Some(url) = hook.as_string() {
        return Ok((remote::safe(SETTING, url)?, None));
    }
    match Reflect::get(&hook, &"fetch".into()) {
        // A Worker that is bound needs no host, but a request needs a URL.
        Ok(fetch) if fetch.is_function() => Ok(("https://sign-up-hook/".to_owned(), Some(hook))),
        _ => Err(ConfigError::new(format!("{SETTING} must be a URL or the binding of a Worker"))),
    }
}

/// The secrets. The error does not repeat a wrong value.
fn secrets(env: &Environment) -> Result<Secrets, ConfigError> {
    env.variable(SECRET)
        .and_then(|raw| Secrets::parse(&raw))
        .ok_or_else(|| ConfigError::new(format!("{SECRET} must be {}: {SETTING} needs it", Secrets::FORM)))
}

impl Guard for SignUpHook {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let request = self.request(attempt);
            let asked =
                remote::ask_by(self.service.as_ref(), &self.url, &request, self.time_limit, SIZE_LIMIT);
            let why = match asked.await {
                Ok(answer) => match Decision::parse(&answer.body).filter(|_| answer.status == 200) {
                    Some(decision) => return decision.into(),
                    None => format!("an answer of status {} without a decision", answer.status),
                },
                // The error of another Worker is its own text, which may have a name.
                Err(error) if self.service.is_none() || error.name == "TimeoutError" => error.to_string(),
                Err(_) => "the Worker failed".to_owned(),
            };
            self.without_decision(format!("{SETTING}: {why}"), attempt.trace)
        })
    }

    fn preflight(&self, reply: Reply) -> Reply {
        reply.allowing(CODE)
    }
}

impl SignUpHook {
    /// The signed message about an attempt.
    fn request(&self, attempt: &Attempt<'_>) -> RemoteRequest<'static> {
        let header = |name| attempt.request.header(name).filter(|value| value.len() <= HEADER_MAX);
        let [user_agent, origin, code] = ["User-Agent", "Origin", CODE].map(header);
        let client_id = attempt.sign_up.as_ref().map(|sign_up| sign_up.client_id.as_str());
        let route = if client_id.is_some() { Route::SignUp } else { Route::CreateAccount };
        let ip = attempt.ip.to_string();
        let data = json::write(&Data([
            ("route", Some(route.name())),
            ("client_id", client_id),
            ("username", Some(attempt.name.as_str())),
            ("ip", Some(&ip)),
            ("user_agent", user_agent.as_deref()),
            ("origin", origin.as_deref()),
            ("code", code.as_deref()),
        ]));
        let timestamp = String::from(Date::new_0().to_iso_string());
        let body = format!(r#"{{"type":"{TYPE}","timestamp":"{timestamp}","data":{data}}}"#);
        // The fingerprint is the same for each try of the attempt, and does not tell the client's key.
        let id = MessageId::new("attempt", Fingerprint::new(TYPE, attempt).as_bytes());
        let headers = self.secrets.headers(id, clock::unix_time(), &body);
        RemoteRequest { method: "POST", headers, body: Some(body) }
    }

    /// Lets an attempt pass or not, as the setting says.
    fn without_decision(&self, cause: String, trace: &Trace) -> Result<(), Refusal> {
        match self.on_error {
            OnError::Deny => Err(ApiError::Unavailable { cause }.into()),
            OnError::Allow => {
                trace.warn(format!("let pass unchecked, {cause}"));
                Ok(())
            }
        }
    }
}

impl From<Decision> for Result<(), Refusal> {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => Ok(()),
            Decision::Deny { description, field } => Err(Refusal::Denied { description, field }),
        }
    }
}

impl Decision {
    /// Takes a body of JSON, if it has a decision.
    fn parse(body: &[u8]) -> Option<Self> {
        let members = json::members(std::str::from_utf8(body).ok()?, ["decision", "description", "field"]);
        let [decision, description, field] = members.ok()?.map(|member| match member {
            Member::Text(text) => Some(text),
            Member::Missing | Member::Other => None,
        });
        match decision?.as_str() {
            "allow" => Some(Self::Allow),
            "deny" => Some(Self::Deny {
                description: sentence(&description.unwrap_or_default()),
                field: match field.as_deref() {
                    Some("username") => Some(DeniedField::Username),
                    Some("client_id") => Some(DeniedField::ClientId),
                    _ => None,
                },
            }),
            _ => None,
        }
    }
}

/// The first [`DESCRIPTION_MAX`] characters of `text`, as one line of visible characters and spaces, or [`DENIED`] if
/// none are left.
fn sentence(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars().take(DESCRIPTION_MAX).filter(|&c| !is_ignorable(c)) {
        kept.push(if is_graphic(c) { c } else { ' ' });
    }
    let kept = kept.trim_ascii();
    if kept.is_empty() { DENIED } else { kept }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn deny(description: &str, field: Option<DeniedField>) -> Option<Decision> {
        Some(Decision::Deny { description: description.to_owned(), field })
    }

    #[test]
    fn an_answer_is_a_decision_or_none() {
        for (body, decision) in [
            (r#"{"decision":"allow"}"#, Some(Decision::Allow)),
            (r#"{"decision":"allow","description":"Hello","more":[1]}"#, Some(Decision::Allow)),
            (r#"{"decision":"deny","description":"Not yet"}"#, deny("Not yet", None)),
            (
                r#"{"decision":"deny","description":"Not you","field":"username"}"#,
                deny("Not you", Some(DeniedField::Username)),
            ),
            (
                r#"{"field":"client_id","decision":"deny","description":"Not here"}"#,
                deny("Not here", Some(DeniedField::ClientId)),
            ),
            // A denial stays a denial, whatever else the answer has.
            (r#"{"decision":"deny","description":"No","field":"password"}"#, deny("No", None)),
            (r#"{"decision":"deny","description":"No","field":["username"]}"#, deny("No", None)),
            (r#"{"decision":"deny","description":1}"#, deny(DENIED, None)),
            (r#"{"decision":"deny"}"#, deny(DENIED, None)),
        ] {
            assert_eq!(Decision::parse(body.as_bytes()), decision, "{body}");
        }
        for body in [
            "",
            "null",
            "allow",
            "\"allow\"",
            r#"["allow"]"#,
            "{}",
            r#"{"decision":"Allow"}"#,
            r#"{"decision":true}"#,
            r#"{"decision":["allow"]}"#,
            r#"{"decision":"allow""#,
            r#"{"decision":"allow"} {"decision":"deny"}"#,
            r#"{"decision":"deny","decision":"allow"}"#,
            "<html>",
        ] {
            assert_eq!(Decision::parse(body.as_bytes()), None, "{body}");
        }
        assert_eq!(Decision::parse(b"{\"decision\":\"allow\",\"description\":\"\xff\"}"), None);
    }

    #[test]
    fn a_description_is_one_line_of_at_most_200_characters() {
        let [longest, too_long] = [200, 201].map(|length| "é".repeat(length));
        for (text, expected) in [
            ("Ask for an invitation.", "Ask for an invitation."),
            (" メールは使えません。 ", "メールは使えません。"),
            ("two\nlines\tand\u{0}a\u{7}bell", "two lines and a bell"),
            ("over\u{202e}ride and z\u{200b}ero", "override and zero"),
            ("", DENIED),
            (" \n\u{200b}\u{e000}", DENIED),
            (&longest, &longest),
            (&too_long, &longest),
        ] {
            assert_eq!(sentence(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_a_decision_or_none(body in any::<Vec<u8>>()) {
            prop_assert_ne!(Decision::parse(&body), Some(Decision::Allow));
        }

        #[test]
        fn any_text_is_a_sentence(text in any::<String>()) {
            let sentence = sentence(&text);
            prop_assert!((1..=DESCRIPTION_MAX).contains(&sentence.chars().count()));
            prop_assert!(sentence.chars().all(|c| c == ' ' || is_graphic(c) && !is_ignorable(c)));
            prop_assert_eq!(Decision::parse(json::write(&serde_json::json!({
                "decision": "deny",
                "description": text,
            })).as_bytes()), deny(&sentence, None));
        }
    }
}
