//! The entries of the block list, in KV.

use std::time::Duration;

use edge_signup::js_error::JsError;
use edge_signup::platform;
use edge_signup::storage::block_list::BREACHED_LIST;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

/// How long a call of KV may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    /// <https://developers.cloudflare.com/kv/api/list-keys/>
    fn list(namespace: &JsValue, prefix: &str, limit: usize, cursor: &str) -> Promise;

    /// <https://developers.cloudflare.com/kv/api/write-key-value-pairs/>
    #[wasm_bindgen(catch)]
    fn put(namespace: &JsValue, key: &str, reason: &str, ttl: f64) -> Result<Promise, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    type KvNamespace;

    /// <https://developers.cloudflare.com/kv/api/delete-key-value-pairs/>
    #[wasm_bindgen(method, catch)]
    fn delete(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn get(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;
}

/// An entry.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// The address or the range, in canonical form.
    pub key: String,
    /// The operator's reason.
    pub reason: String,
    /// Seconds since 1970, UTC; `None` if the entry does not end.
    pub expires_at: Option<i64>,
}

/// A page of entries.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The entries, in the order of their keys.
    pub keys: Vec<Entry>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// The KV namespace.
pub struct Blocks(JsValue);

impl Blocks {
    /// Takes the KV binding.
    #[must_use]
    pub fn new(namespace: JsValue) -> Self {
        Self(namespace)
    }

    /// A page of at most `limit` entries whose keys begin with `prefix`.
    ///
    /// # Errors
    /// KV threw, or did not answer in time.
    pub async fn list(&self, prefix: &str, limit: usize, cursor: &str) -> Result<Page, JsError> {
        let page = platform::with_timeout(list(&self.0, prefix, limit, cursor), TIME_LIMIT).await?;
        let page = page.as_string().and_then(|page| serde_json::from_str::<Page>(&page).ok());
        let mut page = page.ok_or_else(|| JsError {
            name: "Error".to_owned(),
            message: "a page of KV is not of its form".to_owned(),
        })?;
        // The namespace has one more key, which is no entry.
        page.keys.retain(|entry| entry.key != BREACHED_LIST);
        Ok(page)
    }

    /// Stores an entry, which ends after `ttl` seconds, or never.
    ///
    /// # Errors
    /// KV threw, or did not answer in time.
    pub async fn put(&self, key: &str, reason: &str, ttl: Option<u32>) -> Result<(), JsError> {
        platform::with_timeout(put(&self.0, key, reason, f64::from(ttl.unwrap_or(0)))?, TIME_LIMIT).await?;
        Ok(())
    }

    /// Deletes the entry of `key`.
    ///
    /// # Errors
    /// KV threw, or did not answer in time.
    pub async fn delete(&self, key: &str) -> Result<(), JsError> {
        let namespace: &KvNamespace = self.0.unchecked_ref();
        platform::with_timeout(namespace.delete(key)?, TIME_LIMIT).await?;
        Ok(())
    }

    /// The reason of the entry of `key`.
    ///
    /// # Errors
    /// KV threw, or did not answer in time.
    pub async fn reason(&self, key: &str) -> Result<Option<String>, JsError> {
        let namespace: &KvNamespace = self.0.unchecked_ref();
        Ok(platform::with_timeout(namespace.get(key)?, TIME_LIMIT).await?.as_string())
    }
}
