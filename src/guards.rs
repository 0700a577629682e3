//! The guards against abuse. Each guard is off until its setting or binding exists.
//!
//! This room owns the guards, their order and the reasons for their refusals. It must not know how an endpoint words a
//! refusal, nor SQL.
//!
//! A guard is a file of its own and a line of [`GUARDS`]. It reads its own settings once an isolate, and its module's
//! documentation says what it does when it cannot do its work. A guard with a wrong setting stops the service: it never
//! switches itself off. All guards run after the request's form was found valid, and before the password is hashed. A
//! guard refuses an attempt with a [`Refusal`], and the endpoint words it.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all guards have the same `read`, also those whose settings cannot be wrong"
)]

pub mod breached_passwords;
mod client_limit;
mod network_limit;
pub mod proof_of_work;
pub mod rate_limit;
mod registered_clients;
pub mod remote;
mod reserved_names;
mod sign_up_hook;
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
use crate::storage::d1::Store;
use crate::storage::database::StoreError;

pub use breached_passwords::list::BreachedList;
use proof_of_work::challenge::{Challenges, SolutionError};

/// Every guard, in the order in which they run.
///
/// The cheaper guards run first, with three exceptions. `BREACHED_PASSWORDS` is cheap with a list, but it asks a server
/// with ranges, so it runs late in both cases. `CLIENT_LIMIT` counts under a `client_id`, which is public: if it
/// counted first, a few junk requests a second would lock an application out. So it counts only the attempts that every
/// guard before it let pass. `SIGN_UP_LIMIT` may run early: it counts under the caller's own network, so a caller can
/// lock out only that network. `SIGN_UP_HOOK` runs last, because its answer may spend something in another system, such
/// as an invitation: that must not happen for an attempt that another guard then refuses. So the limits also keep a
/// flood away from the hook.
const GUARDS: &[Read] = &[
    reserved_names::read,
    registered_clients::read,
    network_limit::read,
    proof_of_work::read,
    turnstile::read,
    breached_passwords::read,
    client_limit::read,
    sign_up_hook::read,
];

/// Reads a guard's settings and makes the guard, or returns `None` where the guard is off.
type Read = fn(&Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError>;

/// The parts that guards are made of.
pub struct Parts<'a> {
    /// The guards' settings and bindings.
    pub env: &'a Environment,
    /// The database.
    pub store: &'a Rc<Store>,
    /// The KV namespace of the block list.
    pub block_list: &'a Rc<BlockList>,
    /// Whether a name may look like another name.
    pub confusables: Confusables,
    /// Judges proof of work, where it is on.
    pub challenges: Option<&'a Rc<Challenges>>,
}

/// The demands of the guards on a client: proofs, and that the client is registered. They hold nothing secret.
#[derive(Default)]
pub struct Demands<'a> {
    /// The zero bits of a proof of work; `None` where no work is asked for.
    pub work_bits: Option<u32>,
    /// The Turnstile widget that gives the token; `None` where no token is asked for.
    pub widget: Option<Widget<'a>>,
    /// Whether the client must be registered.
    pub registered_client: bool,
}

/// The settings of a page's Turnstile widget
/// (<https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/widget-configurations/>).
pub struct Widget<'a> {
    /// The public key, where the operator has set it.
    pub site_key: Option<&'a str>,
    /// The action, where the operator has set it.
    pub action: Option<&'a str>,
}

/// A guard that is on.
trait Guard {
    /// Checks an attempt, and returns `Ok` if the attempt may pass.
    ///
    /// # Errors
    /// [`Refusal`]: why the attempt may not pass.
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a>;

    /// Adds the demand of this guard on a client.
    fn demand<'a>(&'a self, _demands: &mut Demands<'a>) {}

    /// Adds to the answer to a preflight the headers that a page needs for this guard.
    fn preflight(&self, reply: Reply) -> Reply {
        reply
    }

    /// Which pages may send a sign-up for at least one client: a preflight does not name the client. Returns `None` if
    /// the guard does not look at origins.
    ///
    /// # Errors
    /// [`StoreError`]: the origins could not be read.
    fn allow_origin<'a>(&'a self, _request: &'a Incoming) -> Option<Deferred<'a, AllowOrigin, StoreError>> {
        None
    }
}

/// A future; boxed, because guards of many types stand in one list.
type Deferred<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + 'a>>;

/// The result of a guard's check, once the guard has done its work.
type Check<'a> = Deferred<'a, (), Refusal>;

/// The result of reading a guard that the setting `name` would switch on, and that is off without it.
///
/// # Errors
/// [`ConfigError`]: one of its `others` is set. An operator who set it believes that the guard is on.
fn off(env: &Environment, name: &str, others: &[&str]) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    match others.iter().find(|other| env.binding(other).is_some()) {
        Some(other) => Err(ConfigError::new(format!("{name} is missing, but {other} is there"))),
        None => Ok(None),
    }
}

/// Why an attempt may not pass. Each endpoint words the reason in its own way.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The operator has reserved the name, or a name that looks like it.
    NameReserved,
    /// Too many sign-ups came from the client's network.
    NetworkLimited,
    /// The proof of work is missing.
    ProofMissing,
    /// The proof of work is not valid.
    ProofRefused(SolutionError),
    /// The proof of work has paid for another sign-up, or for this one too often.
    ProofUsed,
    /// The token of a Turnstile challenge is missing.
    CaptchaTokenMissing,
    /// The token of the Turnstile challenge was not accepted.
    CaptchaTokenRefused,
    /// The hook of the operator denies the sign-up.
    Denied {
        /// The hook's sentence for the client, bounded in its length and characters.
        description: String,
        /// The field that the hook names.
        field: Option<DeniedField>,
    },
    /// The reason concerns a field that only `/sign-up` has.
    OfSignUp(SignUpRefusal),
    /// The guard could not do its work.
    Failed(ApiError),
}

/// A field that a hook sees, and so can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeniedField {
    /// The name.
    Username,
    /// The application, which only `/sign-up` has.
    ClientId,
}

/// Why a sign-up with a `client_id` and a password may not pass.
#[derive(Debug, PartialEq, Eq)]
pub enum SignUpRefusal {
    /// The client is not registered.
    ClientUnknown,
    /// The client does not list the origin of the page.
    OriginRefused,
    /// Too many sign-ups came for the client.
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

/// A sign-up of valid form at either route, before it is carried out.
pub struct Attempt<'a> {
    /// The request as it came in.
    pub request: &'a Incoming,
    /// The client's address.
    pub ip: ClientIp,
    /// Identifies the sign-up across its retries.
    pub request_key: &'a RequestKey,
    /// The name to sign up with.
    pub name: &'a Username,
    /// The skeletons of the name; `None` where names may look alike.
    pub skeletons: Option<&'a Skeletons>,
    /// The fields that only `/sign-up` has; `None` at `/users/`.
    pub sign_up: Option<SignUpFields<'a>>,
    /// The facts for the request's log line.
    pub trace: &'a Trace,
    /// Which pages may read the answer; a guard may change it.
    pub allow_origin: &'a RefCell<AllowOrigin>,
}

/// The fields of `/sign-up` besides the name.
pub struct SignUpFields<'a> {
    /// The password.
    pub password: &'a Password,
    /// The application, and so the namespace of the name.
    pub client_id: &'a ClientId,
    /// The whole body, a JSON object.
    pub body: &'a [u8],
}

impl SignUpFields<'_> {
    /// The member `name` of the body if it is a string, for a member that only a guard reads.
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
    /// Reads the settings of all guards, and makes those that are on.
    ///
    /// # Errors
    /// [`ConfigError`]: the first setting that makes no sense.
    pub fn read(parts: &Parts<'_>) -> Result<Self, ConfigError> {
        GUARDS.iter().filter_map(|read| read(parts).transpose()).collect::<Result<_, _>>().map(Self)
    }

    /// Lets `attempt` pass if every guard lets it pass.
    ///
    /// # Errors
    /// The [`Refusal`] of the first guard that does not.
    pub async fn check(&self, attempt: &Attempt<'_>) -> Result<(), Refusal> {
        for guard in &self.0 {
            guard.check(attempt).await?;
        }
        Ok(())
    }

    /// The demands of the guards that are on.
    #[must_use]
    pub fn demands(&self) -> Demands<'_> {
        let mut demands = Demands::default();
        for guard in &self.0 {
            guard.demand(&mut demands);
        }
        demands
    }

    /// The answer to a preflight for `route`, with what the guards add to it.
    ///
    /// A preflight never gets an error. If a guard cannot tell which pages may send a sign-up, the answer allows any
    /// page, and `trace` gets a warning. The guard still checks the sign-up itself, and the page can read its answer.
    pub async fn preflight(&self, route: Route, request: &Incoming, trace: &Trace) -> Reply {
        let mut reply = self.0.iter().fold(Reply::preflight(), |reply, guard| guard.preflight(reply));
        // Only sign-ups at `/sign-up` have a client.
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
