//! The databases: their places and how full they are.

use edge_signup::platform;
use edge_signup::storage::d1::Store;
use edge_signup::storage::database::{READ_TIME_LIMIT, StoreError};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

use super::batch;

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    fn size(database: &JsValue) -> Promise;
}

/// A database.
#[derive(Debug)]
pub struct Shard {
    /// The binding.
    pub binding: String,
    /// The place and the rows.
    pub state: State,
    /// The bytes, where D1 tells them.
    pub bytes: Option<f64>,
}

/// The row of `place`, and the rows of the tables.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "the columns of the table `place`, which the migration describes")]
pub struct State {
    pub number: u64,
    pub generation: u64,
    pub position: u64,
    pub size: u64,
    pub deployed_at: Option<i64>,
    pub frozen_at: Option<i64>,
    pub users: u64,
    pub accounts: u64,
}

/// The number of rows is an estimate from the highest id: to count millions of rows would read all of them. The ids of
/// erased rows are counted too.
const STATE: &str = "SELECT number, generation, position, size, deployed_at, frozen_at, \
    (SELECT coalesce(max(id), number << 40) - (number << 40) FROM users) AS users, \
    (SELECT coalesce(max(id), number << 40) - (number << 40) FROM accounts) AS accounts FROM place";

/// All databases, in the order of their numbers.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store) -> Result<Vec<Shard>, StoreError> {
    let mut shards = Vec::new();
    for database in store.databases() {
        let Some(state) = batch::rows(database, STATE, Vec::new()).await?.pop() else { continue };
        let bytes =
            database.try_thrice(|handle| platform::in_time(size(handle), READ_TIME_LIMIT)).await?.as_f64();
        shards.push(Shard { binding: database.name().to_owned(), state, bytes });
    }
    Ok(shards)
}
