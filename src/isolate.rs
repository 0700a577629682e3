//! The state that an isolate keeps between requests: settings, guards and bindings, read once.
//!
//! It owns this state, together with the environment that the state was read from. A deployment that changes only
//! bindings may keep the running isolates and give them a new environment
//! (<https://developers.cloudflare.com/workers/runtime-apis/bindings/#making-changes-to-bindings>); then the state is
//! read again. This room must not know requests.

use std::cell::RefCell;
use std::rc::Rc;

use crate::clock;
use crate::config::{self, Config};
use crate::error::ApiError;
use crate::guards::proof_of_work::challenge::Challenges;
use crate::guards::{Guards, Parts};
use crate::platform::Environment;
use crate::storage::block_list::BlockList;
use crate::storage::d1::Store;

/// Everything that is needed to answer a request, except the request itself.
pub struct Isolate {
    /// The settings.
    pub config: Config,
    /// Issues and judges challenges, where proof of work is on.
    pub challenges: Option<Rc<Challenges>>,
    /// The guards that are on.
    pub guards: Guards,
    /// The block list.
    pub block_list: Rc<BlockList>,
    /// The databases.
    pub store: Rc<Store>,
}

/// A state that an isolate keeps, with the environment that it was read from.
pub struct Kept<T>(RefCell<Option<(Environment, Rc<T>)>>);

impl<T> Kept<T> {
    /// Keeps nothing yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default could not be made in a constant")]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// The state, if it was read from `env`.
    pub fn of(&self, env: &Environment) -> Option<Rc<T>> {
        match &*self.0.borrow() {
            Some((of, state)) if of == env => Some(Rc::clone(state)),
            _ => None,
        }
    }

    /// Keeps `state`, which was read from `env`, in the place of an earlier one.
    pub fn keep(&self, env: &Environment, state: &Rc<T>) {
        self.0.replace(Some((env.clone(), Rc::clone(state))));
    }
}

/// How old a failure may be, in microseconds, to be the answer to another request too. To read the state can take a
/// statement to each of many databases.
const MAX_AGE_OF_FAILURE: u64 = 1_000_000;

/// Why the state could not be read.
struct Failure {
    cause: String,
    since: u64,
}

thread_local! {
    static KEPT: Kept<Isolate> = const { Kept::new() };
    static FAILURE: Kept<Failure> = const { Kept::new() };
}

impl Isolate {
    /// The state for `env`, read now or by an earlier request.
    ///
    /// # Errors
    /// [`ApiError::Internal`]: a setting makes no sense, a binding is missing, or a database has another place than the
    /// settings give it. The requests of the next second get the same error, and then they are read again. None of
    /// these faults passes by itself. A database that does not answer is no such fault: its place is checked later.
    pub async fn of(env: &Environment) -> Result<Rc<Self>, ApiError> {
        if let Some(isolate) = KEPT.with(|kept| kept.of(env)) {
            return Ok(isolate);
        }
        let is_fresh = |failure: &Failure| clock::now().saturating_sub(failure.since) < MAX_AGE_OF_FAILURE;
        if let Some(failure) = FAILURE.with(|kept| kept.of(env)).filter(|failure| is_fresh(failure)) {
            return Err(ApiError::Internal { cause: failure.cause.clone() });
        }
        let read = Self::read(env).await.map(Rc::new);
        match &read {
            Ok(isolate) => KEPT.with(|kept| kept.keep(env, isolate)),
            Err(ApiError::Internal { cause }) => {
                let failure = Failure { cause: cause.clone(), since: clock::now() };
                FAILURE.with(|kept| kept.keep(env, &Rc::new(failure)));
            }
            Err(_) => {}
        }
        read
    }

    async fn read(env: &Environment) -> Result<Self, ApiError> {
        let config = Config::read(|name| env.variable(name))?;
        let challenges = Challenges::read(|name| env.variable(name))?.map(Rc::new);
        let block_list = Rc::new(BlockList::new(env.required(config::BLOCK_LIST)?));
        let store = Rc::new(Store::new(config.shards.clone(), env)?);
        store.survey().await?;
        let guards = Guards::read(&Parts {
            env,
            store: &store,
            block_list: &block_list,
            confusables: config.confusables,
            challenges: challenges.as_ref(),
        })?;
        Ok(Self { config, challenges, guards, block_list, store })
    }
}
