//! One request with what its endpoint needs of the outside: settings, bindings, the request's key.
//!
//! Owns the gate before the endpoints: the client's address and the block list. Must not know
//! field rules or SQL.

use crate::block_list;
use crate::client_ip::ClientIp;
use crate::config::{self, Config, OnError};
use crate::error::ApiError;
use crate::platform::{self, Incoming};
use crate::store::{Store, StoreError};
use crate::visible_ascii::RequestKey;

/// A request on its way through the service.
pub struct Call<'a> {
    /// The request as it came in.
    pub request: &'a Incoming,
    /// The bindings.
    pub env: &'a worker::Env,
    /// The request's own id.
    pub id: &'a str,
    /// The settings.
    pub config: Config,
}

impl Call<'_> {
    /// Lets the request pass unless its address is blocked. Gives a warning for the log if the list
    /// could not be read and the settings say to go on.
    ///
    /// # Errors
    /// [`ApiError::Blocked`], [`ApiError::Unverified`]; [`ApiError::Unavailable`] if the list could
    /// not be read, [`ApiError::Internal`] if there is none.
    pub async fn admit(&self) -> Result<Option<String>, ApiError> {
        let namespace = self.binding(config::BLOCK_LIST)?;
        // Only the platform's own header: a client can send any other.
        // https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip
        let address = self.request.header("CF-Connecting-IP");
        let ip = address.as_deref().and_then(ClientIp::parse).ok_or(ApiError::Unverified)?;
        match (block_list::find(namespace, ip).await, self.config.block_list_on_error) {
            (Ok(None), _) => Ok(None),
            (Ok(Some(reason)), _) => Err(ApiError::Blocked { reason }),
            // A guard that is wired wrongly must not switch itself off.
            (Err(error), _) if error.is_misuse() => {
                Err(ApiError::Internal { cause: format!("block list: {error}") })
            }
            (Err(error), OnError::Allow) => Ok(Some(format!("let pass unchecked, block list: {error}"))),
            (Err(error), OnError::Deny) => {
                Err(ApiError::Unavailable { cause: format!("block list: {error}") })
            }
        }
    }

    /// What makes this request and its repeats one: the client's key, or else the request's id, so
    /// that a statement repeated within the request finds its own row. `None` for a malformed key.
    #[must_use]
    pub fn request_key(&self) -> Option<RequestKey> {
        let key = self.request.header("Idempotency-Key");
        RequestKey::parse(key.unwrap_or_else(|| self.id.to_owned()))
    }

    /// The database.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if it is not bound.
    pub fn store(&self) -> Result<Store, ApiError> {
        self.binding(config::DATABASE).map(Store::new)
    }

    fn binding(&self, name: &str) -> Result<wasm_bindgen::JsValue, ApiError> {
        platform::binding(self.env, name)
            .ok_or_else(|| ApiError::Internal { cause: format!("the binding {name} is missing") })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => Self::Unavailable { cause: format!("database: {error}") },
            StoreError::Broken(error) => Self::Internal { cause: format!("database: {error}") },
        }
    }
}
