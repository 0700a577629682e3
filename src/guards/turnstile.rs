//! `TURNSTILE_SECRET`: a sign-up brings the token of a [Turnstile](https://developers.cloudflare.com/turnstile/)
//! challenge, in the member `captcha_token` or, at `/users/`, the header `Captcha-Token`.
//!
//! `siteverify` is asked whether the token is good. When it cannot say, the sign-up is refused with
//! 503. When it does not know the secret, the answer is 500.

use std::time::Duration;

use serde::Serialize;
use worker::js_sys::{JSON, Reflect};

use crate::config::ConfigError;
use crate::error::ApiError;
use crate::guards::{Attempt, Check, Guard};
use crate::platform::{self, Environment};
use crate::remote::{self, Question};
use crate::response::Reply;
use crate::visible_ascii::VisibleAscii;

const SECRET: &str = "TURNSTILE_SECRET";
const SITE_KEY: &str = "TURNSTILE_SITE_KEY";
const URL: &str = "TURNSTILE_URL";

const SITEVERIFY: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// It answers in a fraction of a second; a user who waits longer than this thinks of a failure anyway.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Its answers have some hundred bytes.
const SIZE_LIMIT: usize = 16 * 1024;

/// The token of one challenge: good once, for five minutes.
type Token = VisibleAscii<2048>;

struct Turnstile {
    secret: VisibleAscii<255>,
    site_key: Option<VisibleAscii<255>>,
    url: String,
}

/// What `siteverify` is asked
/// (<https://developers.cloudflare.com/turnstile/get-started/server-side-validation/#request-format>).
#[derive(Serialize)]
struct Siteverify<'a> {
    secret: &'a str,
    response: &'a str,
    remoteip: String,
    idempotency_key: String,
}

/// What it answers.
#[derive(Default)]
struct Outcome {
    success: bool,
    /// As JSON.
    error_codes: String,
}

const OUR_FAULT: [&str; 3] = ["missing-input-secret", "invalid-input-secret", "bad-request"];
const CLIENTS_FAULT: [&str; 3] = ["missing-input-response", "invalid-input-response", "timeout-or-duplicate"];

/// What is to be made of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Refused,
    /// Our settings are at fault; holds the code that says so.
    Misused(&'static str),
    Unknown(String),
}

/// What is wrong with a token, in the words of each route.
struct Fault {
    member: &'static str,
    header: &'static str,
}

const MISSING: Fault = Fault {
    member: "must be given, as a string: the token of a Turnstile challenge",
    header: "Captcha-Token was missing",
};
const REFUSED: Fault = Fault {
    member: "was not accepted: it must be the token of a new Turnstile challenge",
    header: "Captcha-Token was not accepted",
};

/// On where the secret is.
///
/// # Errors
/// [`ConfigError`]: a setting is not of its form, or stands there without the secret.
pub fn read(env: &Environment) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    let Some(secret) = text(env, SECRET)? else {
        // Whoever has set them takes the guard for on.
        return match [SITE_KEY, URL].into_iter().find(|name| env.binding(name).is_some()) {
            Some(name) => Err(ConfigError::new(format!("{SECRET} is missing, but {name} is there"))),
            None => Ok(None),
        };
    };
    let site_key = text(env, SITE_KEY)?;
    let url = remote::url(env, URL, SITEVERIFY)?;
    Ok(Some(Box::new(Turnstile { secret, site_key, url })))
}

/// The setting `name`. What it holds instead of a good value is not told: it may be the secret.
fn text(env: &Environment, name: &str) -> Result<Option<VisibleAscii<255>>, ConfigError> {
    let parsed = |value| {
        VisibleAscii::parse(value)
            .ok_or_else(|| ConfigError::new(format!("{name} must be 1 to 255 visible ASCII characters")))
    };
    env.variable(name).map(parsed).transpose()
}

impl Guard for Turnstile {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let raw = match &attempt.sign_up {
                Some(sign_up) => sign_up.member("captcha_token"),
                None => attempt.request.header("Captcha-Token"),
            };
            let raw = raw.filter(|raw| !raw.is_empty()).ok_or_else(|| MISSING.told(attempt))?;
            let token = Token::parse(raw).ok_or_else(|| REFUSED.told(attempt))?;
            match self.verify(&token, attempt).await? {
                Verdict::Good => Ok(()),
                Verdict::Refused => Err(REFUSED.told(attempt)),
                Verdict::Misused(code) => {
                    Err(ApiError::Internal { cause: format!("{SECRET}: siteverify says {code}") })
                }
                Verdict::Unknown(why) => Err(ApiError::Unavailable { cause: format!("siteverify: {why}") }),
            }
        })
    }

    fn preflight(&self, reply: Reply) -> Reply {
        let reply = reply.allowing("Captcha-Token");
        match &self.site_key {
            Some(key) => reply.with("Captcha-Site-Key", key.as_str().to_owned()),
            None => reply,
        }
    }
}

impl Turnstile {
    async fn verify(&self, token: &Token, attempt: &Attempt<'_>) -> Result<Verdict, ApiError> {
        let question = Siteverify {
            secret: self.secret.as_str(),
            response: token.as_str(),
            remoteip: attempt.ip.to_string(),
            idempotency_key: idempotency_key(token, attempt).await?,
        };
        let question = Question {
            method: "POST",
            headers: vec![("Content-Type", "application/json".into())],
            // It holds strings only: nothing that could fail to be JSON.
            body: Some(serde_json::to_string(&question).unwrap_or_default()),
        };
        Ok(match remote::ask(&self.url, &question, TIME_LIMIT, SIZE_LIMIT).await {
            Ok(answer) => Verdict::of(answer.status, &Outcome::parse(&answer.body).unwrap_or_default()),
            Err(error) => Verdict::Unknown(error.to_string()),
        })
    }
}

/// A UUID that only this sign-up and its repeats have.
///
/// A token is good once; but `siteverify` repeats its answer to one with the same UUID. So a client
/// that repeats a sign-up, because its answer was lost, can send the token that was used for it. It
/// gains no second sign-up: for the same name, namespace and key there is only one row. And for
/// another sign-up the UUID is another, whatever key a client chooses.
async fn idempotency_key(token: &Token, attempt: &Attempt<'_>) -> Result<String, ApiError> {
    let client_id = attempt.sign_up.as_ref().map_or("", |sign_up| sign_up.client_id.as_str());
    // None of them can hold the line feed between them.
    let key = attempt.request_key.as_str();
    let all = format!("{}\n{client_id}\n{}\n{key}", token.as_str(), attempt.name.key());
    let digest = platform::digest("SHA-256", all.as_bytes())
        .await
        .map_err(|error| ApiError::platform("crypto.subtle", &error))?;
    Ok(uuid(&digest))
}

/// The first 16 bytes as a UUID of version 4, the kind that `siteverify` is documented with
/// ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#section-5.4)).
fn uuid(bytes: &[u8]) -> String {
    let number = bytes.iter().take(16).fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    let bits = |from: u32, count: u32| (number >> from) & !(u128::MAX << count);
    let [low, mid, high, sequence, node] =
        [bits(96, 32), bits(80, 16), bits(64, 12), bits(48, 14), bits(0, 48)];
    format!("{low:08x}-{mid:04x}-4{high:03x}-{:04x}-{node:012x}", sequence | 0x8000)
}

impl Outcome {
    /// Takes a body of JSON (<https://developers.cloudflare.com/turnstile/get-started/server-side-validation/#response-format>).
    fn parse(body: &[u8]) -> Option<Self> {
        let body = JSON::parse(std::str::from_utf8(body).ok()?).ok()?;
        let member = |name: &str| Reflect::get(&body, &name.into()).ok();
        let error_codes = JSON::stringify(&member("error-codes")?).ok()?;
        Some(Self {
            success: member("success")? == true,
            error_codes: error_codes.as_string().unwrap_or_default(),
        })
    }
}

impl Verdict {
    /// Codes count more than the status, which the documentation does not fix for them
    /// (<https://developers.cloudflare.com/turnstile/get-started/server-side-validation/#error-codes>).
    fn of(status: u16, outcome: &Outcome) -> Self {
        let said = |code: &&&str| outcome.error_codes.contains(**code);
        if outcome.success && (200..300).contains(&status) {
            Self::Good
        } else if let Some(code) = OUR_FAULT.iter().find(said) {
            Self::Misused(code)
        } else if CLIENTS_FAULT.iter().any(|code| said(&code)) {
            Self::Refused
        } else {
            Self::Unknown(format!("an answer of status {status} without a verdict"))
        }
    }
}

impl Fault {
    fn told(&self, attempt: &Attempt<'_>) -> ApiError {
        if attempt.sign_up.is_some() {
            ApiError::field("captcha_token", self.member)
        } else {
            ApiError::Invalid { field: None, description: self.header.to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, success: bool, codes: &[&str]) -> Verdict {
        Verdict::of(status, &Outcome { success, error_codes: serde_json::to_string(codes).unwrap() })
    }

    #[test]
    fn only_a_success_is_good() {
        assert_eq!(verdict(200, true, &[]), Verdict::Good);
        for (status, success, codes) in [
            (500, true, [].as_slice()),
            (302, true, &[]),
            (199, true, &[]),
            (200, false, &[]),
            (200, false, &["internal-error"]),
            (200, false, &["a-new-code"]),
        ] {
            assert!(matches!(verdict(status, success, codes), Verdict::Unknown(_)), "{status} {codes:?}");
        }
    }

    #[test]
    fn a_code_says_whose_fault_it_is_whatever_the_status() {
        for status in [200, 400, 403] {
            for code in ["missing-input-response", "invalid-input-response", "timeout-or-duplicate"] {
                assert_eq!(verdict(status, false, &["other", code]), Verdict::Refused);
            }
            for code in ["missing-input-secret", "invalid-input-secret", "bad-request"] {
                assert_eq!(verdict(status, false, &["other", code]), Verdict::Misused(code));
            }
        }
    }

    #[test]
    fn a_digest_becomes_a_uuid_of_version_4() {
        assert_eq!(uuid(&[0; 32]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(&[0xff; 32]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let bytes: Vec<u8> = (0..32).collect();
        assert_eq!(uuid(&bytes), "00010203-0405-4607-8809-0a0b0c0d0e0f");
    }
}
