//! The block list: its keys in KV and how they are looked up.
//!
//! The list is a KV namespace; a key is what [`ClientIp::block_keys`] gives, a value the reason in
//! free text. Must not know HTTP.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::js_sys::{Map, Promise};

use crate::client_ip::ClientIp;
use crate::platform::{self, JsError};

/// A read takes milliseconds; a sign-up that waits longer than this is lost on its user anyway.
const TIME_LIMIT: Duration = Duration::from_secs(2);

#[wasm_bindgen]
extern "C" {
    type KvNamespace;

    /// Reads many keys in one operation: a `Map` from key to text, or to `null`.
    /// <https://developers.cloudflare.com/kv/api/read-key-value-pairs/#multiple-keys>
    #[wasm_bindgen(method, catch, js_name = get)]
    fn get_many(this: &KvNamespace, keys: Vec<String>) -> Result<Promise, JsValue>;
}

/// The namespace that holds the list.
pub struct BlockList(KvNamespace);

impl BlockList {
    /// Takes the KV binding.
    #[must_use]
    pub fn new(namespace: JsValue) -> Self {
        Self(namespace.unchecked_into())
    }

    /// Looks `ip` and the ranges around it up; gives the reason of the narrowest entry.
    ///
    /// # Errors
    /// KV threw, or did not answer in time: whether the address is blocked is not known.
    pub async fn find(&self, ip: ClientIp) -> Result<Option<String>, JsError> {
        let keys = ip.block_keys();
        let answer = self.0.get_many(keys.clone())?;
        let entries: Map = platform::settle(answer, TIME_LIMIT).await?.dyn_into()?;
        Ok(keys.iter().find_map(|key| entries.get(&key.into()).as_string()))
    }
}
