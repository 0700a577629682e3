//! The guards against abuse, each off until its setting or binding is there.
//!
//! A guard is a file of its own and a line of [`GUARDS`]. It reads its own settings, once an
//! isolate, and says in its module's doc what it does when it cannot do its work. A guard that is
//! set wrongly stops the service: it never switches itself off. All run after the request's form was
//! found good and before the password is hashed. A guard gives a [`Refusal`], and an endpoint words it. Must not know
//! the endpoints, nor SQL.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all guards are read alike, also those whose settings cannot be wrong"
)]

mod breached_passwords;
mod client_limit;
mod network_limit;
pub mod proof_of_work;
mod rate_limit;
mod registered_clients;
mod remote;
mod reserved_names;
mod spent_proofs;
mod turnstile;

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use crate::error::ApiError;
use crate::fields::client_id::ClientId;
use crate::fields::client_ip::ClientIp;
use crate::fields::confusables::{Confusables, Skeletons};
use crate::fields::password::Password;
use crate::fields::request_key::RequestKey;
use crate::fields::username::Username;
use crate::http::json::{self, Member};
use crate::http::response::{AllowOrigin, Reply};
use crate::log::Trace;
use crate::platform::{Environment, Incoming};
use crate::routes::Route;
use crate::setting::ConfigError;
use crate::storage::block_list::BlockList;
use crate::storage::d1::{Store, StoreError};

pub use breached_passwords::list::BreachedList;
use proof_of_work::challenge::{Challenges, SolutionError};

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
type Read = fn(&Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError>;

/// What a guard is made of.
pub struct Parts<'a> {
    /// Its settings and bindings.
    pub env: &'a Environment,
    /// The database.
    pub store: &'a Rc<Store>,
    /// KV.
    pub block_list: &'a Rc<BlockList>,
    /// What becomes of a name that looks like another one.
    pub confusables: Confusables,
    /// What judges proof of work, where it is on.
    pub challenges: Option<&'a Rc<Challenges>>,
}

/// A guard that is on.
trait Guard {
    /// Lets the attempt pass, or says why not.
    ///
    /// # Errors
    /// [`Refusal`]
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
    fn allow_origin<'a>(&'a self, _request: &'a Incoming) -> Option<Deferred<'a, AllowOrigin, StoreError>> {
        None
    }
}

/// A future; boxed, because guards of many types stand in one list.
type Deferred<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + 'a>>;

/// What a guard says, once it has done its work.
type Check<'a> = Deferred<'a, (), Refusal>;

/// Why an attempt may not pass; an endpoint says it in its own words.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The operator has taken the name, or one that looks like it.
    NameReserved,
    /// There were too many from its network.
    NetworkLimited,
    /// There is no proof of work.
    ProofMissing,
    /// The proof of work is not one.
    ProofRefused(SolutionError),
    /// The proof of work has paid for another attempt, or for this one too often.
    ProofUsed,
    /// There is no token of a Turnstile challenge.
    CaptchaTokenMissing,
    /// The token was not accepted.
    CaptchaTokenRefused,
    /// The fault is in what only `/sign-up` has.
    OfSignUp(SignUpRefusal),
    /// The guard could not do its work.
    Failed(ApiError),
}

/// Why a sign-up with a `client_id` and a password may not pass.
#[derive(Debug, PartialEq, Eq)]
pub enum SignUpRefusal {
    /// The client is not registered.
    ClientUnknown,
    /// The client does not list the origin of the page.
    OriginRefused,
    /// There were too many for the client.
    ClientLimited,
    /// The password is known from data breaches.
    PasswordBreached,
}

impl From<SignUpRefusal> for Refusal {
    fn from(refusal: SignUpRefusal) -> Self {
        Self::OfSignUp(refusal)
    }
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A sign-up of good form at either route, before it is carried out.
pub struct Attempt<'a> {
    /// The request as it came in.
    pub request: &'a Incoming,
    /// Where it comes from.
    pub ip: ClientIp,
    /// Identifies it across its retries.
    pub request_key: &'a RequestKey,
    /// The name that it asks for.
    pub name: &'a Username,
    /// The skeletons of that name, where it matters how a name looks.
    pub skeletons: Option<&'a Skeletons>,
    /// What only `/sign-up` has; `None` at `/users/`.
    pub sign_up: Option<SignUpFields<'a>>,
    /// What the log will say of it.
    pub trace: &'a Trace,
    /// Which pages will be able to read the answer.
    pub allow_origin: &'a RefCell<AllowOrigin>,
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

/// The guards that are on, in the order in which they run.
pub struct Guards(Vec<Box<dyn Guard>>);

impl Guards {
    /// Reads the settings of all.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn read(parts: &Parts<'_>) -> Result<Self, ConfigError> {
        GUARDS.iter().filter_map(|read| read(parts).transpose()).collect::<Result<_, _>>().map(Self)
    }

    /// Lets `attempt` pass if every guard does.
    ///
    /// # Errors
    /// That of the first guard that does not.
    pub async fn check(&self, attempt: &Attempt<'_>) -> Result<(), Refusal> {
        for guard in &self.0 {
            guard.check(attempt).await?;
        }
        Ok(())
    }

    /// The answer to a preflight for `route`, with what the guards add to it.
    ///
    /// A preflight is never refused with an error. Where a guard cannot tell which pages may send a sign-up, `trace`
    /// has a warning and any page may: the guard will check that sign-up, and its page can read the answer.
    pub async fn preflight(&self, route: Route, request: &Incoming, trace: &Trace) -> Reply {
        let mut reply = self.0.iter().fold(Reply::preflight(), |reply, guard| guard.preflight(reply));
        // The other routes know no clients.
        let mut asked = self.0.iter().filter(|_| route == Route::SignUp);
        if let Some(asked) = asked.find_map(|guard| guard.allow_origin(request)) {
            reply.allow_origin = asked.await.unwrap_or_else(|error| {
                let error = ApiError::from(error);
                trace.warn(format!("allowed any origin, {}", error.cause().unwrap_or_default()));
                AllowOrigin::Any
            });
        }
        reply
    }
}
