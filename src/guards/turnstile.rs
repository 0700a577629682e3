//! `TURNSTILE_SECRET`: a sign-up brings the token of a [Turnstile](https://developers.cloudflare.com/turnstile/)
//! challenge, in the member `captcha_token` or, at `/users/`, in the header `Captcha-Token`.
//!
//! The guard asks `siteverify` whether the token is good, and which page it is from. The page's host must be one of
//! `TURNSTILE_HOSTNAMES`, or, where that is not set, the host that was called. The page's action must be
//! `TURNSTILE_ACTION`, where that is set. A token pays for one sign-up and its retries
//! ([`spent_proofs`](super::spent_proofs)). When `siteverify` or the database does not answer, the sign-up is refused
//! with 503. When `siteverify` does not know the secret, the answer is 500.
//!
//! It owns the question to `siteverify` and the reading of its answer. It must not know SQL.

use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};
use worker::js_sys::{Date, JSON, Reflect};

use crate::error::ApiError;
use crate::fields::visible_ascii::VisibleAscii;
use crate::guards::remote::{self, RemoteRequest};
use crate::guards::spent_proofs::{Fingerprint, SpentProofs};
use crate::guards::{Attempt, Check, Demands, Guard, Parts, Refusal, Widget, off};
use crate::http::json;
use crate::http::response::Reply;
use crate::platform::Environment;
use crate::setting::ConfigError;

const SECRET: &str = "TURNSTILE_SECRET";
const SITE_KEY: &str = "TURNSTILE_SITE_KEY";
const URL: &str = "TURNSTILE_URL";
const HOSTNAMES: &str = "TURNSTILE_HOSTNAMES";
const ACTION: &str = "TURNSTILE_ACTION";

const SITEVERIFY: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// Cloudflare's public secret for tests (<https://developers.cloudflare.com/turnstile/troubleshooting/testing/>).
/// With this secret, `siteverify` takes the one token that all test widgets give, and does not say which page the
/// token is from, nor when it was given.
const TEST_SECRET: &str = "1x0000000000000000000000000000000AA";

/// How many seconds a token is good after its challenge was solved.
const VALID_SECONDS: u64 = 300;

/// How long `siteverify` may take. It normally answers in a fraction of a second, and a user who waits longer than this
/// assumes a failure anyway.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The largest answer of `siteverify`, in bytes. A normal one has a few hundred.
const SIZE_LIMIT: usize = 16 * 1024;

/// The token of one challenge: good once, for five minutes.
type Token = VisibleAscii<2048>;

struct Turnstile {
    secret: VisibleAscii<255>,
    site_key: Option<VisibleAscii<255>>,
    url: String,
    /// The hosts that a page may be from, separated by spaces; `None` for the host that was called.
    hostnames: Option<String>,
    action: Option<VisibleAscii<255>>,
    spent: SpentProofs,
}

/// The question to `siteverify`
/// (<https://developers.cloudflare.com/turnstile/get-started/server-side-validation/#request-format>).
#[derive(Serialize)]
struct Siteverify<'a> {
    secret: &'a str,
    response: &'a str,
    remoteip: String,
    idempotency_key: String,
}

/// The answer of `siteverify`.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
struct Outcome {
    success: bool,
    /// The error codes, as JSON.
    error_codes: String,
    /// The host of the page that showed the widget.
    hostname: Option<String>,
    /// The action that the page gave to the widget.
    action: Option<String>,
    /// When the challenge was solved, in seconds since 1970.
    solved_at: Option<u64>,
}

const OUR_FAULT: [&str; 3] = ["missing-input-secret", "invalid-input-secret", "bad-request"];
const CLIENTS_FAULT: [&str; 3] = ["missing-input-response", "invalid-input-response", "timeout-or-duplicate"];

/// The judgement of an answer.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
enum Verdict {
    Good(Outcome),
    Refused,
    /// Our settings are at fault. The text is the error code that says so.
    Misused(&'static str),
    /// The answer does not say whether the token is good. The text says why.
    Unknown(String),
}

/// The guard, which is on if the secret is set.
///
/// # Errors
/// [`ConfigError`]: a setting is not of its form, or is set without the secret.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    let env = parts.env;
    let Some(secret) = text(env, SECRET)? else {
        return off(env, SECRET, &[SITE_KEY, URL, HOSTNAMES, ACTION]);
    };
    let site_key = text(env, SITE_KEY)?;
    let url = remote::url(env, URL, SITEVERIFY)?;
    let hostnames = env.variable(HOSTNAMES);
    if hostnames.as_ref().is_some_and(|names| !are_hostnames(names)) {
        return Err(ConfigError::new(format!(
            "{HOSTNAMES} must be names of hosts, such as app.example, without schemes or ports, separated by spaces"
        )));
    }
    let action = text(env, ACTION)?;
    let spent = SpentProofs::new(Rc::clone(parts.store));
    Ok(Some(Box::new(Turnstile { secret, site_key, url, hostnames, action, spent })))
}

/// Whether `text` has only names of hosts and spaces. A scheme, a port or a `*` would never match.
fn are_hostnames(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._ ".contains(&byte);
    text.bytes().all(is_part) && text.split(' ').any(|name| !name.is_empty())
}

/// The setting `name`. The error does not repeat a wrong value, because it may be the secret.
fn text(env: &Environment, name: &str) -> Result<Option<VisibleAscii<255>>, ConfigError> {
    let parsed =
        |value| VisibleAscii::parse(value).map_err(|error| ConfigError::new(format!("{name} {error}")));
    env.variable(name).map(parsed).transpose()
}

impl Guard for Turnstile {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let raw = match &attempt.sign_up {
                Some(sign_up) => sign_up.member("captcha_token"),
                None => attempt.request.header("Captcha-Token"),
            };
            let raw = raw.filter(|raw| !raw.is_empty()).ok_or(Refusal::CaptchaTokenMissing)?;
            let token = Token::parse(raw).map_err(|_| Refusal::CaptchaTokenRefused)?;
            let sign_up = Fingerprint::new(token.as_str(), attempt);
            let id = uuid(&Sha256::digest(token.as_str()));
            if self.spent.refuses(&id, &sign_up) {
                return Err(Refusal::CaptchaTokenRefused);
            }
            match self.verify(&token, &sign_up, attempt).await {
                // The test token is the same for everyone, so it cannot be spent.
                Verdict::Good(_) if self.secret.as_str() == TEST_SECRET => Ok(()),
                Verdict::Good(outcome) => self.accept(&id, &sign_up, &outcome, attempt).await,
                Verdict::Refused => Err(Refusal::CaptchaTokenRefused),
                Verdict::Misused(code) => {
                    Err(ApiError::Internal { cause: format!("{SECRET}: siteverify says {code}") }.into())
                }
                Verdict::Unknown(why) => Err(unknown(&why).into()),
            }
        })
    }

    fn demand<'a>(&'a self, demands: &mut Demands<'a>) {
        demands.widget = Some(Widget {
            site_key: self.site_key.as_ref().map(VisibleAscii::as_str),
            action: self.action.as_ref().map(VisibleAscii::as_str),
        });
    }

    fn preflight(&self, reply: Reply) -> Reply {
        let public = [("Captcha-Site-Key", &self.site_key), ("Captcha-Action", &self.action)];
        public.into_iter().fold(reply.allowing("Captcha-Token"), |reply, (header, value)| match value {
            Some(value) => reply.with(header, value.as_str().to_owned()),
            None => reply,
        })
    }
}

impl Turnstile {
    /// Asks `siteverify` about a token.
    ///
    /// A token is good once, but `siteverify` repeats its answer to a question with the same UUID. So a client that
    /// repeats a sign-up, because the answer was lost, can send the same token again. A different sign-up gets a
    /// different UUID, whatever key the client chooses.
    async fn verify(&self, token: &Token, sign_up: &Fingerprint, attempt: &Attempt<'_>) -> Verdict {
        let question = Siteverify {
            secret: self.secret.as_str(),
            response: token.as_str(),
            remoteip: attempt.ip.to_string(),
            idempotency_key: uuid(sign_up.as_bytes()),
        };
        let request = RemoteRequest {
            method: "POST",
            headers: vec![("Content-Type", "application/json".into())],
            body: Some(json::write(&question)),
        };
        match remote::ask(&self.url, &request, TIME_LIMIT, SIZE_LIMIT).await {
            Ok(answer) => Verdict::of(answer.status, Outcome::parse(&answer.body).unwrap_or_default()),
            Err(error) => Verdict::Unknown(error.to_string()),
        }
    }

    /// Lets the good token `id` pay for `sign_up` if the token is from an allowed page.
    async fn accept(
        &self,
        id: &str,
        sign_up: &Fingerprint,
        outcome: &Outcome,
        attempt: &Attempt<'_>,
    ) -> Result<(), Refusal> {
        let (Some(hostname), Some(solved_at)) = (&outcome.hostname, outcome.solved_at) else {
            return Err(unknown("a success without its hostname or challenge_ts").into());
        };
        let is_expected =
            match &self.hostnames {
                Some(names) => names.split(' ').any(|name| name.eq_ignore_ascii_case(hostname)),
                None => host(attempt.request.url()).eq_ignore_ascii_case(hostname),
            } && self.action.as_ref().is_none_or(|action| outcome.action.as_deref() == Some(action.as_str()));
        // From then on `siteverify` refuses the token, so the database may forget it.
        let expires_at = solved_at.saturating_add(VALID_SECONDS);
        if is_expected && self.spent.spend(id, expires_at, sign_up).await? {
            Ok(())
        } else {
            Err(Refusal::CaptchaTokenRefused)
        }
    }
}

fn unknown(why: &str) -> ApiError {
    ApiError::Unavailable { cause: format!("siteverify: {why}") }
}

/// The host, without the port, of an absolute URL as the runtime gives it: a URL of HTTP with a path.
fn host(url: &str) -> &str {
    let authority = url.split('/').nth(2).unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The first 16 bytes as a UUID of version 4, the kind in the documentation of `siteverify`
/// ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#section-5.4)).
fn uuid(bytes: &[u8]) -> String {
    let number = bytes.iter().take(16).fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    let bits = |from: u32, count: u32| (number >> from) & !(u128::MAX << count);
    let [low, mid, high, sequence, node] =
        [bits(96, 32), bits(80, 16), bits(64, 12), bits(48, 14), bits(0, 48)];
    format!("{low:08x}-{mid:04x}-4{high:03x}-{:04x}-{node:012x}", sequence | 0x8000)
}

impl Outcome {
    /// Takes a body of JSON
    /// (<https://developers.cloudflare.com/turnstile/get-started/server-side-validation/#response-format>).
    fn parse(body: &[u8]) -> Option<Self> {
        let body = JSON::parse(std::str::from_utf8(body).ok()?).ok()?;
        let member = |name: &str| Reflect::get(&body, &name.into()).ok();
        let text = |name: &str| member(name)?.as_string();
        let error_codes = JSON::stringify(&member("error-codes")?).ok()?;
        Some(Self {
            success: member("success")? == true,
            error_codes: error_codes.as_string().unwrap_or_default(),
            hostname: text("hostname").filter(|name| !name.is_empty()),
            action: text("action"),
            solved_at: text("challenge_ts").and_then(|text| seconds(Date::parse(&text))),
        })
    }
}

/// Milliseconds since 1970 as whole seconds; `None` for `NaN`, the value of a text that is not a time.
fn seconds(milliseconds: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and positive")]
    (milliseconds > 0.0).then(|| (milliseconds / 1000.0) as u64)
}

impl Verdict {
    /// An error code counts more than the status: the documentation does not say which status comes with a code
    /// (<https://developers.cloudflare.com/turnstile/get-started/server-side-validation/#error-codes>).
    fn of(status: u16, outcome: Outcome) -> Self {
        // `str::contains` would add its search code to the Worker: `JsError::says`.
        let said = |code: &&&str| outcome.error_codes.split('"').any(|said| said == **code);
        if outcome.success && (200..300).contains(&status) {
            Self::Good(outcome)
        } else if let Some(code) = OUR_FAULT.iter().find(said) {
            Self::Misused(code)
        } else if CLIENTS_FAULT.iter().any(|code| said(&code)) {
            Self::Refused
        } else {
            Self::Unknown(format!("an answer of status {status} without a verdict"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, success: bool, codes: &[&str]) -> Verdict {
        let error_codes = serde_json::to_string(codes).unwrap();
        Verdict::of(status, Outcome { success, error_codes, ..Outcome::default() })
    }

    #[test]
    fn only_a_success_is_good() {
        assert!(matches!(verdict(200, true, &[]), Verdict::Good(_)));
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
    fn the_host_of_a_url_stands_without_its_port() {
        for (url, expected) in [
            ("https://app.example/sign-up", "app.example"),
            ("http://127.0.0.1:8787/users/?a=http://b.example:1/", "127.0.0.1"),
            ("http://[::1]:8787/sign-up", "[::1]"),
            ("http://[::1]/sign-up", "[::1]"),
            ("https://app.example/?a=/b", "app.example"),
            ("", ""),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    #[test]
    fn hostnames_have_no_scheme_port_or_pattern() {
        for text in ["app.example", "app.example  127.0.0.1 ", "xn--bcher-kva.example my_host"] {
            assert!(are_hostnames(text), "{text}");
        }
        for text in ["", "  ", "https://app.example", "app.example:443", "*.example", "a.example,b.example"] {
            assert!(!are_hostnames(text), "{text}");
        }
    }

    #[test]
    fn a_time_is_whole_seconds() {
        assert_eq!(seconds(1_795_300_600_999.0), Some(1_795_300_600));
        for no_time in [f64::NAN, -1.0, 0.0] {
            assert_eq!(seconds(no_time), None, "{no_time}");
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
