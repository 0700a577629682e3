//! A batch: statements that run as one transaction in one database.
//!
//! It owns how a batch is sent and how its rows are read. It must not know which statements there are.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use edge_signup::http::json;
use edge_signup::js_error::JsError;
use edge_signup::platform;
use edge_signup::storage::d1::{IS_PLACE, Store};
use edge_signup::storage::database::{Database, StoreError, WRITE_TIME_LIMIT};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    /// <https://developers.cloudflare.com/d1/worker-api/d1-database/#batch>
    #[wasm_bindgen(js_name = batch)]
    fn run(database: &JsValue, statements: &str) -> Promise;
}

/// A statement with its values.
#[derive(Serialize)]
pub struct Statement<'a>(pub &'a str, pub Vec<Value>);

/// The rows of each statement of a batch.
pub struct Rows {
    rows: VecDeque<Vec<Value>>,
    /// Whether the batch was sent more than once: an earlier try may have been carried out.
    pub is_repeat: bool,
}

/// How long a read may take. An operator waits longer than a user who signs up.
const READ_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Runs `statements` in `database`. In a database that has another place than the settings give it, it fails as a
/// whole.
///
/// # Errors
/// [`StoreError`]. A batch that fails transiently is tried three times in all.
pub async fn read(database: &Database, statements: &[Statement<'_>]) -> Result<Rows, StoreError> {
    run_within(database, statements, READ_TIME_LIMIT).await
}

/// As [`read`], for statements that may take longer.
///
/// # Errors
/// [`StoreError`]. A batch that fails transiently is tried three times in all, so it must be safe to repeat.
pub async fn write(database: &Database, statements: &[Statement<'_>]) -> Result<Rows, StoreError> {
    run_within(database, statements, WRITE_TIME_LIMIT).await
}

/// The rows that one statement reads.
///
/// # Errors
/// As [`read`].
pub async fn rows<T: DeserializeOwned>(
    database: &Database,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, StoreError> {
    read(database, &[Statement(sql, values)]).await?.next(database)
}

/// The rows that one statement reads in all databases.
///
/// # Errors
/// As [`read`].
pub async fn rows_of_all<T: DeserializeOwned>(
    store: &Store,
    sql: &str,
    values: &[Value],
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    for database in store.databases() {
        all.extend(rows(database, sql, values.to_vec()).await?);
    }
    Ok(all)
}

/// Runs `statements`, of which the first returns each row that it changes. Returns whether it changed one.
///
/// # Errors
/// As [`write()`].
pub async fn changes(database: &Database, statements: &[Statement<'_>]) -> Result<bool, StoreError> {
    let mut rows = write(database, statements).await?;
    Ok(!rows.next::<Value>(database)?.is_empty())
}

async fn run_within(
    database: &Database,
    statements: &[Statement<'_>],
    limit: Duration,
) -> Result<Rows, StoreError> {
    // `json` fails for a word, and with it the transaction.
    let check = format!("SELECT json(iif((SELECT {IS_PLACE} FROM place), '1', 'misplaced')) AS place");
    let check = Statement(&check, vec![database.place().into()]);
    let all: Vec<&Statement> = std::iter::once(&check).chain(statements).collect();
    let text = json::write(&all);
    let tries = Cell::new(0_u8);
    let outcome = database.try_thrice(|handle| {
        tries.set(tries.get().saturating_add(1));
        platform::in_time(run(handle, &text), limit)
    });
    let rows = outcome.await?.as_string().and_then(|rows| serde_json::from_str(&rows).ok());
    let mut rows: VecDeque<_> = rows.ok_or_else(|| unexpected(database, "a batch has no rows"))?;
    rows.pop_front();
    Ok(Rows { rows, is_repeat: tries.get() > 1 })
}

impl Rows {
    /// The rows of the next statement, as values of a type.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: a row has another form.
    pub fn next<T: DeserializeOwned>(&mut self, database: &Database) -> Result<Vec<T>, StoreError> {
        let rows = self.rows.pop_front().unwrap_or_default();
        rows.into_iter()
            .map(|row| serde_json::from_value(row).map_err(|error| unexpected(database, &error.to_string())))
            .collect()
    }
}

fn unexpected(database: &Database, message: &str) -> StoreError {
    let error = JsError { name: "Error".to_owned(), message: message.to_owned() };
    StoreError::Broken { database: database.name().to_owned(), error }
}

/// The first database, which has the rows that belong to no other.
///
/// # Errors
/// [`StoreError::Frozen`] without a database, which the settings do not allow.
pub fn first(store: &Store) -> Result<&Database, StoreError> {
    store.databases().first().ok_or(StoreError::Frozen)
}

/// The database that issued `id`.
#[must_use]
pub fn of_id(store: &Store, id: u64) -> Option<&Database> {
    store.databases().get(usize::try_from(id >> 40).ok()?)
}
