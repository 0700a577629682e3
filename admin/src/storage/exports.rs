//! Exports: all rows, in chunks, the oldest first.

use edge_signup::storage::d1::Store;
use edge_signup::storage::database::StoreError;
use serde::de::DeserializeOwned;

use super::accounts::Account;
use super::batch;
use super::users::User;

/// The rows of a chunk.
const CHUNK: usize = 500;

/// The place after a chunk: the number of a database, and the last id that was read in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The number of the database.
    pub database: usize,
    /// The id.
    pub id: u64,
}

/// A chunk of users with their hashes, and the place after it; `None` after the last one.
///
/// # Errors
/// [`StoreError`].
pub async fn users(store: &Store, at: Position) -> Result<(Vec<User>, Option<Position>), StoreError> {
    chunk(store, at, &User::export_sql(), |user: &User| user.id).await
}

/// A chunk of accounts, and the place after it; `None` after the last one.
///
/// # Errors
/// [`StoreError`].
pub async fn accounts(store: &Store, at: Position) -> Result<(Vec<Account>, Option<Position>), StoreError> {
    chunk(store, at, &Account::export_sql(), |account: &Account| account.id).await
}

async fn chunk<T: DeserializeOwned>(
    store: &Store,
    at: Position,
    sql: &str,
    id: impl Fn(&T) -> u64,
) -> Result<(Vec<T>, Option<Position>), StoreError> {
    let Some(database) = store.databases().get(at.database) else { return Ok((Vec::new(), None)) };
    let rows: Vec<T> = batch::rows(database, sql, vec![at.id.into(), CHUNK.into()]).await?;
    let next = match rows.last() {
        Some(last) if rows.len() == CHUNK => Position { id: id(last), ..at },
        _ => Position { database: at.database.saturating_add(1), id: 0 },
    };
    Ok((rows, (next.database < store.databases().len()).then_some(next)))
}
