//! The KV namespace of the block list.
//!
//! It owns everything that the Worker reads from the namespace. An entry's key is one of [`ClientIp::block_keys`], and
//! its value is the reason in free text. One more key, which is not an address, has the list of breached passwords. It
//! must not know HTTP.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

use crate::fields::client_ip::ClientIp;
use crate::js_error::JsError;
use crate::platform;
use crate::task::settled;

/// The key of the list of breached passwords. `make breached-list` writes it.
pub const BREACHED_LIST: &str = "breached-passwords";

/// How long a read may take. It normally takes milliseconds, and a user does not wait longer than this anyway.
const TIME_LIMIT: Duration = Duration::from_secs(2);

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    /// Reads many keys in one operation.
    /// <https://developers.cloudflare.com/kv/api/read-key-value-pairs/#multiple-keys>
    fn find(namespace: &JsValue, keys: &str, milliseconds: f64) -> Promise;
}

#[wasm_bindgen]
extern "C" {
    type KvNamespace;

    /// <https://developers.cloudflare.com/kv/api/read-key-value-pairs/#get-method>
    #[wasm_bindgen(method, catch)]
    fn get(this: &KvNamespace, key: &str, kind: &str) -> Result<Promise, JsValue>;
}

/// The namespace that holds the list.
pub struct BlockList(JsValue);

impl BlockList {
    /// Takes the KV binding.
    #[must_use]
    pub fn new(namespace: JsValue) -> Self {
        Self(namespace)
    }

    /// Looks up `ip` and the ranges around it. Returns the reason of the narrowest entry, or `None` if the address is
    /// not blocked.
    ///
    /// # Errors
    /// KV threw, or did not answer in time, so it is unknown whether the address is blocked.
    pub async fn find(&self, ip: ClientIp) -> Result<Option<String>, JsError> {
        let keys = ip.block_keys().join("\n");
        Ok(settled(find(&self.0, &keys, platform::milliseconds(TIME_LIMIT))).await?.as_string())
    }

    /// The bytes of the list of breached passwords, or `None` if KV does not have it. Waits at most for `limit`.
    ///
    /// # Errors
    /// KV threw, or did not answer in time.
    pub async fn breached_list(&self, limit: Duration) -> Result<Option<Vec<u8>>, JsError> {
        let namespace: &KvNamespace = self.0.unchecked_ref();
        let value = platform::with_timeout(namespace.get(BREACHED_LIST, "arrayBuffer")?, limit).await?;
        Ok(platform::bytes(&value))
    }
}
