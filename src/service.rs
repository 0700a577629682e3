//! What an isolate keeps from request to request: settings, guards and bindings, read once.
//!
//! A deployment that changes nothing but bindings may keep the isolates that run and hand them a new
//! environment (<https://developers.cloudflare.com/workers/runtime-apis/bindings/#making-changes-to-bindings>),
//! so what is kept belongs to the environment it was read from. Must not know requests.

use std::cell::RefCell;
use std::rc::Rc;

use crate::block_list::BlockList;
use crate::challenge::Challenges;
use crate::config::{self, Config, ConfigError};
use crate::guards::{self, Guard};
use crate::platform::Environment;
use crate::store::Store;

/// All that answers a request, but the request.
pub struct Service {
    /// The settings.
    pub config: Config,
    /// What issues challenges, where proof of work is on.
    pub challenges: Option<Challenges>,
    /// The guards that are on, in the order in which they run.
    pub guards: Vec<Box<dyn Guard>>,
    /// The block list.
    pub block_list: BlockList,
    /// The database.
    pub store: Store,
}

thread_local! {
    static KEPT: RefCell<Option<(Environment, Rc<Service>)>> = const { RefCell::new(None) };
}

impl Service {
    /// The service of this environment, made now or by an earlier request.
    ///
    /// # Errors
    /// [`ConfigError`]: a setting makes no sense, or a binding is missing. Nothing is kept then.
    pub fn of(env: &Environment) -> Result<Rc<Self>, ConfigError> {
        let kept = KEPT.with_borrow(|kept| match kept {
            Some((of, service)) if of == env => Some(Rc::clone(service)),
            _ => None,
        });
        if let Some(service) = kept {
            return Ok(service);
        }
        let service = Rc::new(Self::read(env)?);
        KEPT.set(Some((env.clone(), Rc::clone(&service))));
        Ok(service)
    }

    fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            config: Config::read(|name| env.variable(name))?,
            challenges: Challenges::read(|name| env.variable(name))?,
            guards: guards::read(env)?,
            block_list: BlockList::new(env.required(config::BLOCK_LIST)?),
            store: Store::new(env.required(config::DATABASE)?),
        })
    }
}
