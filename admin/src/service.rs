//! The state that an isolate of the admin keeps between requests: settings, credentials and bindings, read once.
//!
//! It must not know requests.

use std::rc::Rc;

use edge_signup::config::{self, Config};
use edge_signup::fields::confusables::Skeletons;
use edge_signup::fields::password::pepper::Pepper;
use edge_signup::fields::username::Username;
use edge_signup::guards::breached_passwords::BreachedPasswords;
use edge_signup::isolate::Kept;
use edge_signup::platform::Environment;
use edge_signup::setting::ConfigError;
use edge_signup::storage::block_list::BlockList;
use edge_signup::storage::d1::Store;

use crate::access::Access;
use crate::answer::Failure;
use crate::hashes::{FirebaseKey, Secrets};
use crate::keys::Vault;
use crate::storage::blocks::Blocks;
use crate::storage::outcomes::Outcomes;

/// The peppers of earlier times: `id:secret`, separated by spaces. The present one is `PASSWORD_PEPPER`.
const PASSWORD_PEPPERS: &str = "PASSWORD_PEPPERS";

/// The keys of the Firebase project that users came from.
const FIREBASE_SCRYPT: &str = "FIREBASE_SCRYPT";

/// Everything that is needed to answer a request, except the request itself.
pub struct Service {
    /// The settings that the public Worker has too.
    pub config: Config,
    /// Who may use the admin.
    pub access: Access,
    /// The databases.
    pub store: Store,
    /// The block list.
    pub blocks: Blocks,
    /// The guard against breached passwords, where it is on.
    pub breached: Option<BreachedPasswords>,
    /// Encrypts the keys that sign events, where its secret is set.
    pub vault: Option<Vault>,
    /// The outcomes of requests, where they are counted.
    pub outcomes: Option<Outcomes>,
    /// The secrets that stored hashes need.
    pub secrets: Secrets,
}

thread_local! {
    static KEPT: Kept<Service> = const { Kept::new() };
}

impl Service {
    /// The state for `env`, read now or by an earlier request.
    ///
    /// # Errors
    /// [`Failure::Internal`]: a setting makes no sense, a binding is missing, or a database has another place than the
    /// settings give it. The next request then reads them again.
    pub async fn of(env: &Environment) -> Result<Rc<Self>, Failure> {
        if let Some(service) = KEPT.with(|kept| kept.of(env)) {
            return Ok(service);
        }
        let service = Rc::new(Self::read(env)?);
        service.store.survey().await?;
        KEPT.with(|kept| kept.keep(env, &service));
        Ok(service)
    }

    fn read(env: &Environment) -> Result<Self, ConfigError> {
        let lookup = |name: &str| env.variable(name);
        let config = Config::read(lookup)?;
        let namespace = env.required(config::BLOCK_LIST)?;
        let block_list = Rc::new(BlockList::new(namespace.clone()));
        let mut peppers = Vec::new();
        for pepper in [lookup(config::PASSWORD_PEPPER), lookup(PASSWORD_PEPPERS)].iter().flatten() {
            for pepper in pepper.split_ascii_whitespace() {
                let pepper = Pepper::parse(pepper).ok_or_else(|| {
                    let form = Pepper::FORM;
                    ConfigError::new(format!(
                        "{PASSWORD_PEPPERS} must have peppers separated by spaces, each {form}"
                    ))
                })?;
                peppers.push(pepper);
            }
        }
        let firebase = lookup(FIREBASE_SCRYPT).map(|keys| {
            FirebaseKey::parse(&keys)
                .ok_or_else(|| ConfigError::new(format!("{FIREBASE_SCRYPT} must be {}", FirebaseKey::FORM)))
        });
        Ok(Self {
            access: Access::read(env)?,
            store: Store::new(config.shards.clone(), env)?,
            blocks: Blocks::new(namespace),
            breached: BreachedPasswords::read(env, &block_list)?,
            vault: Vault::read(lookup)?,
            outcomes: Outcomes::read(lookup)?,
            secrets: Secrets::new(peppers, firebase.transpose()?),
            config,
        })
    }

    /// The skeletons of a name; `None` where names may look alike.
    #[must_use]
    pub fn skeletons(&self, name: &Username) -> Option<Skeletons> {
        self.config.confusables.skeletons(name)
    }
}
