//! `BREACHED_PASSWORDS`: a password that is known from data breaches is refused, because attackers try such passwords
//! first.
//!
//! With `list`, the guard looks the password up in a list that each isolate reads once from KV and then keeps. With
//! `range`, it asks a server with the protocol of
//! [Have I Been Pwned](https://haveibeenpwned.com/API/v3#PwnedPasswords), which sees the first 5 of the 40 digits of
//! the password's SHA-1. When KV or the server does not answer, `BREACHED_PASSWORDS_ON_ERROR` decides. When the list is
//! not in KV, or the binding of KV is of the wrong kind, the answer is 500. `/users/` has no password, so its sign-ups
//! pass.
//!
//! It owns both sources and the reading of their answers. It must not know the list's key in KV.

pub mod list;

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use crate::setting::{ConfigError, OnError};
use crate::storage::block_list::BlockList;

use crate::error::ApiError;
use crate::fields::password::Password;
use crate::guards::remote::{self, RemoteRequest};
use crate::guards::{Attempt, Check, Guard, Parts, SignUpRefusal, off};
use crate::js_error::JsError;
use crate::platform::{self, Environment};
use list::BreachedList;

const SETTING: &str = "BREACHED_PASSWORDS";
const ON_ERROR: &str = "BREACHED_PASSWORDS_ON_ERROR";
const URL: &str = "BREACHED_PASSWORDS_URL";

const PWNED_PASSWORDS: &str = "https://api.pwnedpasswords.com/range/";

/// KV and the server normally answer from a nearby cache; a slower answer is treated as a failure.
const TIME_LIMIT: Duration = Duration::from_millis(800);

/// The largest answer of the server, in bytes. A normal one has about 1,000 lines of 40 bytes.
const SIZE_LIMIT: usize = 256 * 1024;

/// How many digits of the digest the server sees.
const PREFIX: usize = 5;

/// The guard: its source of breached passwords, and its decision where that source does not answer.
pub struct BreachedPasswords {
    source: Source,
    on_error: OnError,
}

/// The source that knows which passwords were breached.
enum Source {
    List {
        kv: Rc<BlockList>,
        kept: OnceCell<BreachedList>,
    },
    /// A server; the digits are appended to its URL.
    Range(String),
}

/// Why it is unknown whether a password was breached.
enum Unknown {
    /// The fault is ours, and no setting lets a password pass then: KV has no list, or its binding is of the wrong
    /// kind.
    Ours(ApiError),
    /// KV or the server did not answer.
    NoAnswer(JsError),
}

/// The guard, which is on if the setting exists.
///
/// # Errors
/// [`ConfigError`]: a setting is not of its form, or is set without the guard.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    let guard = BreachedPasswords::read(parts.env, parts.block_list)?;
    Ok(guard.map(|guard| Box::new(guard) as _))
}

impl BreachedPasswords {
    /// The guard, which is on if the setting exists. `block_list` is the namespace that has the list.
    ///
    /// # Errors
    /// [`ConfigError`]: a setting is not of its form, or is set without the guard.
    pub fn read(env: &Environment, block_list: &Rc<BlockList>) -> Result<Option<Self>, ConfigError> {
        let source = match env.variable(SETTING).as_deref() {
            None => return off(env, SETTING, &[ON_ERROR, URL]).map(|_| None),
            Some("list") => Source::List { kv: Rc::clone(block_list), kept: OnceCell::new() },
            Some("range") => Source::Range(range_url(env)?),
            Some(other) => return Err(ConfigError::must_be(SETTING, other, "\"list\" or \"range\"")),
        };
        let on_error = OnError::read(env.variable(ON_ERROR).as_deref(), ON_ERROR)?;
        Ok(Some(Self { source, on_error }))
    }

    /// Whether `password` was breached. If that is unknown and the setting lets the password pass, `warn` gets the
    /// reason.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`]: it is unknown, and the setting does not let the password pass.
    /// [`ApiError::Internal`]: the list is missing, or its binding is of the wrong kind.
    pub async fn knows(&self, password: &Password, warn: impl Fn(String)) -> Result<bool, ApiError> {
        match self.source.knows(password).await {
            Ok(is_known) => Ok(is_known),
            Err(Unknown::Ours(error)) => Err(error),
            Err(Unknown::NoAnswer(error)) if self.on_error == OnError::Allow => {
                warn(format!("let pass unchecked, {SETTING}: {error}"));
                Ok(false)
            }
            Err(Unknown::NoAnswer(error)) => {
                Err(ApiError::Unavailable { cause: format!("{SETTING}: {error}") })
            }
        }
    }
}

fn range_url(env: &Environment) -> Result<String, ConfigError> {
    let url = remote::url(env, URL, PWNED_PASSWORDS)?;
    // Without the slash, the digits would become part of the path's last word, or of the host.
    if url.ends_with('/') { Ok(url) } else { Err(ConfigError::new(format!("{URL} must end with a slash"))) }
}

impl Guard for BreachedPasswords {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let Some(sign_up) = &attempt.sign_up else { return Ok(()) };
            if self.knows(sign_up.password, |warning| attempt.trace.warn(warning)).await? {
                return Err(SignUpRefusal::PasswordBreached.into());
            }
            Ok(())
        })
    }
}

impl Source {
    async fn knows(&self, password: &Password) -> Result<bool, Unknown> {
        match self {
            Self::List { kv, kept } => {
                let list = if let Some(list) = kept.get() {
                    list
                } else {
                    let list = read_list(kv).await?;
                    kept.get_or_init(|| list)
                };
                Ok(list.contains(password))
            }
            Self::Range(url) => Ok(ask_range(url, password).await?),
        }
    }
}

async fn read_list(kv: &BlockList) -> Result<BreachedList, Unknown> {
    match kv.breached_list(TIME_LIMIT).await {
        Ok(bytes) => bytes.and_then(BreachedList::parse).ok_or_else(|| {
            Unknown::Ours(ApiError::Internal {
                cause: format!("{SETTING}: no list in KV: run make breached-list"),
            })
        }),
        Err(error) if error.is_misuse() => Err(Unknown::Ours(ApiError::platform(SETTING, &error))),
        Err(error) => Err(error.into()),
    }
}

/// Whether the server at `url` knows the password.
async fn ask_range(url: &str, password: &Password) -> Result<bool, JsError> {
    let digest = platform::digest("SHA-1", password.as_str().as_bytes()).await?;
    let digest = base16ct::upper::encode_string(&digest);
    let (prefix, suffix) = digest.split_at_checked(PREFIX).unwrap_or_default();
    let request = RemoteRequest {
        method: "GET",
        // With padding, the answer's length does not tell which range it is. The server requires a `User-Agent`.
        headers: vec![("Add-Padding", "true".into()), ("User-Agent", "edge-signup".into())],
        body: None,
    };
    let answer = remote::ask(&format!("{url}{prefix}"), &request, TIME_LIMIT, SIZE_LIMIT).await?;
    let known = std::str::from_utf8(&answer.body).ok().filter(|_| answer.status == 200);
    known.and_then(|lines| holds(lines, suffix)).ok_or_else(|| JsError {
        name: "Error".to_owned(),
        message: format!("an answer of status {} that is not a range", answer.status),
    })
}

impl From<JsError> for Unknown {
    fn from(error: JsError) -> Self {
        Self::NoAnswer(error)
    }
}

/// Whether `lines`, each `SUFFIX:COUNT`, have `suffix`; a line with a count of 0 is padding. Returns `None` if a line
/// has another form, so that an error page is not taken for a range without the password. An empty answer gives
/// `None` too, because every range has lines, and the server was asked to add padding.
fn holds(lines: &str, suffix: &str) -> Option<bool> {
    let mut held = None;
    for line in lines.lines() {
        let (other, count) = line.split_once(':')?;
        let is_padding = count.parse::<u64>().ok()? == 0;
        let is_it = !is_padding && other.eq_ignore_ascii_case(suffix);
        held = Some(is_it || held == Some(true));
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[test]
    fn a_line_with_the_suffix_and_a_count_is_a_hit() {
        for (lines, held) in [
            (format!("{SUFFIX}:3"), true),
            (format!("003D68EB55068C33ACE09247EE4C639306B:3\r\n{SUFFIX}:10434004\r\nFFF:1\r\n"), true),
            (format!("A:1\n{}:1\n", SUFFIX.to_lowercase()), true),
            (format!("A:1\r\n{SUFFIX}:0\r\n"), false),
            (format!("A:1\r\n{SUFFIX}0:5\r\nA{SUFFIX}:5\r\n{}:5", SUFFIX.trim_end_matches('8')), false),
            ("A:1\r\nB:2".to_owned(), false),
        ] {
            assert_eq!(holds(&lines, SUFFIX), Some(held), "{lines}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_range_is_not_an_answer() {
        for lines in
            ["", "\r\n", "<html>", "A", "A:", "A:x", "A:-1", ":1:1", "A:1\r\n\r\n<p>", "{\"a\":1}", "A: 1"]
        {
            assert_eq!(holds(lines, SUFFIX), None, "{lines}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(lines in any::<String>(), suffix in "[0-9A-F]{35}") {
            prop_assert_ne!(holds(&lines, &suffix), Some(true));
        }
    }
}
