//! The guards against abuse, each off until its setting or binding is there.
//!
//! A guard is a file of its own and a line of [`GUARDS`]. It reads its own settings, once an
//! isolate, and says in its module's doc what it does when it cannot do its work. A guard that is
//! set wrongly stops the service: it never switches itself off. All run after the request's form was
//! found good and before the password is hashed. Must not know the endpoints, nor SQL.

pub mod breached_passwords;
pub mod client_limit;
pub mod network_limit;
pub mod proof_of_work;
pub mod registered_clients;
pub mod reserved_names;
pub mod spent_proofs;
pub mod turnstile;

use std::pin::Pin;

use crate::client_ip::ClientIp;
use crate::config::ConfigError;
use crate::confusables::Skeletons;
use crate::error::ApiError;
use crate::json::{self, Member};
use crate::log::Notes;
use crate::password::Password;
use crate::platform::{Environment, Incoming};
use crate::request_key::RequestKey;
use crate::response::{AllowOrigin, Reply};
use crate::username::Username;
use crate::visible_ascii::ClientId;

/// Every guard, in the order in which they run.
///
/// The cheapest run first, except for the limit that others can use up. `CLIENT_LIMIT` counts under a
/// `client_id`, which is public: if it counted first, some junk requests a second would lock an
/// application out. So it runs last, and counts only the attempts that have paid. `SIGN_UP_LIMIT`
/// counts under the caller's own network, so a caller can lock out that network alone.
const GUARDS: &[Read] = &[
    reserved_names::read,
    registered_clients::read,
    network_limit::read,
    proof_of_work::read,
    turnstile::read,
    breached_passwords::read,
    client_limit::read,
];

/// Reads a guard's settings: `None` where it is off.
type Read = fn(&Environment) -> Result<Option<Box<dyn Guard>>, ConfigError>;

/// A guard that is on.
pub trait Guard {
    /// Lets the attempt pass, or says why not.
    ///
    /// # Errors
    /// What the client is told.
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a>;

    /// Adds to the answer to a preflight what a page has to know of the guard.
    fn preflight(&self, reply: Reply) -> Reply {
        reply
    }

    /// Which pages may send a sign-up at all: a preflight asks, which names no client. `None` where
    /// the guard does not look at origins.
    ///
    /// # Errors
    /// Why it is not known.
    fn allow_origin<'a>(&'a self, _request: &'a Incoming) -> Option<Check<'a, AllowOrigin>> {
        None
    }
}

/// What a guard says, once it has done its work; boxed, because guards of many types stand in one list.
pub type Check<'a, T = ()> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + 'a>>;

/// A sign-up of good form at either route, before it is carried out.
pub struct Attempt<'a> {
    /// The request as it came in.
    pub request: &'a Incoming,
    /// Where it comes from.
    pub ip: ClientIp,
    /// What makes it and its repeats one.
    pub request_key: &'a RequestKey,
    /// The name that it asks for.
    pub name: &'a Username,
    /// The skeletons of that name, where it matters how a name looks.
    pub skeletons: Option<&'a Skeletons>,
    /// What only `/sign-up` has; `None` at `/users/`.
    pub sign_up: Option<SignUpFields<'a>>,
    /// What the log and the answer's headers will say of it.
    pub notes: &'a Notes,
}

impl Attempt<'_> {
    /// What the client is told, on its route, of a name that is taken.
    #[must_use]
    pub fn taken(&self) -> ApiError {
        let name = self.name.as_str().to_owned();
        match self.sign_up {
            Some(_) => ApiError::UsernameTaken { username: name },
            None => ApiError::NameTaken { name },
        }
    }
}

/// What `/sign-up` asks for beside the name.
pub struct SignUpFields<'a> {
    /// The password.
    pub password: &'a Password,
    /// The namespace.
    pub client_id: &'a ClientId,
    /// The whole body, a JSON object.
    pub body: &'a [u8],
}

impl SignUpFields<'_> {
    /// A member of the body that only a guard reads, where it is a string.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<String> {
        match json::members(std::str::from_utf8(self.body).ok()?, [name]) {
            Ok([Member::Text(text)]) => Some(text),
            _ => None,
        }
    }
}

/// The guards that are on.
///
/// # Errors
/// The first setting that makes no sense.
pub fn read(env: &Environment) -> Result<Vec<Box<dyn Guard>>, ConfigError> {
    GUARDS.iter().filter_map(|read| read(env).transpose()).collect()
}

/// Lets `attempt` pass if every guard does.
///
/// # Errors
/// That of the first guard that does not.
pub async fn check(guards: &[Box<dyn Guard>], attempt: &Attempt<'_>) -> Result<(), ApiError> {
    for guard in guards {
        guard.check(attempt).await?;
    }
    Ok(())
}

/// The answer to a preflight, with what the guards that are on add to it.
#[must_use]
pub fn preflight(guards: &[Box<dyn Guard>]) -> Reply {
    guards.iter().fold(Reply::preflight(), |reply, guard| guard.preflight(reply))
}

/// Which pages a preflight allows to send a sign-up: those of any origin, unless a guard knows better.
///
/// A preflight is never refused. Where a guard cannot tell, `notes` has a warning and any page may
/// send its sign-up: that one the guard will check, and the page can read what becomes of it.
pub async fn allow_origin(guards: &[Box<dyn Guard>], request: &Incoming, notes: &Notes) -> AllowOrigin {
    let Some(asked) = guards.iter().find_map(|guard| guard.allow_origin(request)) else {
        return AllowOrigin::Any;
    };
    asked.await.unwrap_or_else(|error| {
        notes.warn(format!("allowed any origin, {}", error.cause().unwrap_or_default()));
        AllowOrigin::Any
    })
}
