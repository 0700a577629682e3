//! A rate-limit binding.
//!
//! It owns the call that counts under a key. It must not know what is counted.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::js_sys::{Object, Promise, Reflect};

use crate::error::ApiError;
use crate::platform;

/// How long the binding may take. It counts in the Worker's own location, so it answers at once or not at all.
const TIME_LIMIT: Duration = Duration::from_secs(1);

#[wasm_bindgen]
extern "C" {
    type RateLimiter;

    /// <https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/>
    #[wasm_bindgen(method, catch)]
    fn limit(this: &RateLimiter, options: &Object) -> Result<Promise, JsValue>;
}

/// A rate-limit binding and its name.
pub struct RateLimit {
    name: &'static str,
    binding: RateLimiter,
}

impl RateLimit {
    /// Takes the binding called `name`.
    #[must_use]
    pub fn new(name: &'static str, binding: JsValue) -> Self {
        Self { name, binding: binding.unchecked_into() }
    }

    /// Counts one more under `key`. Returns `false` if it is over the limit.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if the binding does not answer, [`ApiError::Internal`] if it is of another kind.
    pub async fn count(&self, key: &str) -> Result<bool, ApiError> {
        let asked = async {
            let options = Object::new();
            Reflect::set(&options, &"key".into(), &key.into())?;
            let outcome = platform::with_timeout(self.binding.limit(&options)?, TIME_LIMIT).await?;
            Ok(Reflect::get(&outcome, &"success".into())?)
        };
        let success = asked.await.map_err(|error| ApiError::platform(self.name, &error))?;
        Ok(success.is_truthy())
    }
}
