//! The endpoints: the input of each, the order of its steps, and its answer.
//!
//! It owns the JSON of requests and answers. It must not know SQL, nor who may call an endpoint: only
//! [`exports`] asks whether the caller may read hashes.

pub mod accounts;
pub mod audit;
pub mod blocks;
pub mod clients;
pub mod exports;
pub mod imports;
pub mod session;
pub mod shards;
pub mod statistics;
pub mod users;
pub mod webhooks;

use std::cell::RefCell;

use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::username::{MAX_CHARACTERS, Username};
use edge_signup::platform::{BodyError, Incoming};
use edge_signup::unicode::{self, Bounded};
use serde::de::DeserializeOwned;

use crate::access::Actor;
use crate::answer::Failure;
use crate::routes::Query;
use crate::service::Service;
use crate::storage::page::Cursor;
use crate::time;

/// The largest body, in bytes. The largest good one is a list of origins.
const BODY_LIMIT: usize = 16 * 1024;

/// A request that may be carried out.
pub struct Call<'a> {
    /// The request.
    pub request: &'a Incoming,
    /// Its query.
    pub query: &'a Query,
    /// Who sent it.
    pub actor: &'a Actor,
    /// The state.
    pub service: &'a Service,
    /// The warnings for the log.
    pub warnings: &'a RefCell<Vec<String>>,
}

impl Call<'_> {
    /// The body as a value. `form` describes a good body, for the answer to a body of another form.
    ///
    /// # Errors
    /// [`Failure::Type`], [`Failure::TooLarge`], and [`Failure::Invalid`] for a body of another form.
    pub async fn body<T: DeserializeOwned>(&self, form: &str) -> Result<T, Failure> {
        self.requires_type("application/json")?;
        let bytes = self.request.body(BODY_LIMIT).await.map_err(|error| match error {
            BodyError::TooLarge => Failure::TooLarge(BODY_LIMIT),
            BodyError::Broken(error) => {
                self.warnings.borrow_mut().push(format!("broken body: {error}"));
                invalid_body(form)
            }
        })?;
        serde_json::from_slice(&bytes).map_err(|_| invalid_body(form))
    }

    /// Refuses a body that is not announced as of the media type `expected`.
    ///
    /// # Errors
    /// [`Failure::Type`].
    pub fn requires_type(&self, expected: &'static str) -> Result<(), Failure> {
        let kind = self.request.header("Content-Type").unwrap_or_default().to_ascii_lowercase();
        let is_it = kind.split(';').next().map(str::trim) == Some(expected);
        if is_it { Ok(()) } else { Err(Failure::Type(expected)) }
    }

    /// The cursor in the parameter `after`.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn cursor(&self) -> Result<Option<Cursor>, Failure> {
        let Some(text) = self.query.get("after") else { return Ok(None) };
        let cursor =
            Cursor::parse(text).ok_or_else(|| Failure::parameter("after", "must be the next of a page"))?;
        Ok(Some(cursor))
    }
}

/// Reads a `client_id`.
///
/// # Errors
/// [`Failure::Invalid`]: it is not of its form.
pub fn client_id(raw: &str) -> Result<ClientId, Failure> {
    ClientId::parse(raw.to_owned()).map_err(|error| Failure::parameter("client_id", error))
}

/// Reads the name in the parameter `field`.
///
/// # Errors
/// [`Failure::Invalid`]: it is not a name.
pub fn username_of(field: &'static str, raw: &str) -> Result<Username, Failure> {
    Username::parse(raw).map_err(|error| Failure::parameter(field, error))
}

/// Reads the time in the parameter `field`, in seconds since 1970.
///
/// # Errors
/// [`Failure::Invalid`]: it is not a time, or before 1970.
pub fn instant(field: &'static str, raw: &str) -> Result<i64, Failure> {
    time::read(raw)
        .filter(|seconds| (0..1 << 40).contains(seconds))
        .ok_or_else(|| Failure::parameter(field, "must be a time such as 2026-11-24T10:00:00Z"))
}

fn invalid_body(form: &str) -> Failure {
    Failure::Invalid {
        reason: "body_invalid".into(),
        field: None,
        description: format!("The body must be a JSON object with {form}"),
    }
}

/// The characters of the longest prefix. A character of a name may be written as several.
const PREFIX_LIMIT: usize = 4 * MAX_CHARACTERS;

/// The beginning of the keys of all names with this prefix.
fn prefix_key(prefix: &str) -> Result<String, Failure> {
    let bounded = Bounded::new(prefix, PREFIX_LIMIT);
    let problem = || Failure::parameter("prefix", format!("must have at most {PREFIX_LIMIT} characters"));
    let bounded = bounded.ok_or_else(problem)?;
    Ok(unicode::nfkc_casefold(bounded))
}
