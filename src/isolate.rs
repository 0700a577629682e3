//! The state that an isolate keeps between requests: settings, guards and bindings, read once.
//!
//! It owns this state, together with the environment that the state was read from. A deployment that changes only
//! bindings may keep the running isolates and give them a new environment
//! (<https://developers.cloudflare.com/workers/runtime-apis/bindings/#making-changes-to-bindings>); then the state is
//! read again. This room must not know requests.

use std::cell::RefCell;
use std::rc::Rc;

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

thread_local! {
    static KEPT: RefCell<Option<(Environment, Rc<Isolate>)>> = const { RefCell::new(None) };
}

impl Isolate {
    /// The state for `env`, read now or by an earlier request.
    ///
    /// # Errors
    /// [`ApiError::Internal`]: a setting makes no sense, a binding is missing, or a database has another place than the
    /// settings give it. The next request then reads them again.
    pub async fn of(env: &Environment) -> Result<Rc<Self>, ApiError> {
        let kept = KEPT.with_borrow(|kept| match kept {
            Some((of, isolate)) if of == env => Some(Rc::clone(isolate)),
            _ => None,
        });
        if let Some(isolate) = kept {
            return Ok(isolate);
        }
        let isolate = Rc::new(Self::read(env).await?);
        KEPT.set(Some((env.clone(), Rc::clone(&isolate))));
        Ok(isolate)
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
