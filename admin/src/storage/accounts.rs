//! The accounts of `POST /users/`.

use edge_signup::fields::username::Username;
use edge_signup::storage::d1::Store;
use edge_signup::storage::database::StoreError;
use serde::Deserialize;

use super::audit::{self, Action};
use super::batch::{self, Statement, of_id};
use super::page::{self, Cursor, Listing, Row};

/// An account as stored.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// The id.
    pub id: u64,
    /// The name, in NFC.
    pub name: String,
    /// The key of the name.
    pub name_key: String,
    /// `Public` or `Private`.
    pub privacy: String,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
}

impl Row for Account {
    fn id(&self) -> u64 {
        self.id
    }
    fn time(&self) -> i64 {
        self.created_at
    }
}

impl Account {
    /// The statement that reads ?2 accounts after the id ?1.
    pub(super) fn export_sql() -> String {
        format!("SELECT {COLUMNS} FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2")
    }
}

const COLUMNS: &str = "id, name, name_key, privacy, created_at";

/// A page of accounts, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(
    store: &Store,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Account>, Option<Cursor>), StoreError> {
    let listing = Listing { columns: COLUMNS, table: "accounts", filter: None, is_by_generation: true };
    page::newest(store, &listing, cursor, limit).await
}

/// The accounts whose keys begin with `prefix` and are greater than `after`, in the order of their keys.
///
/// # Errors
/// [`StoreError`].
pub async fn by_prefix(
    store: &Store,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Account>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM accounts WHERE name_key >= ?1 AND name_key < ?1 || char(1114111) \
         AND name_key > ?2 ORDER BY name_key LIMIT ?3"
    );
    let mut accounts: Vec<Account> =
        batch::rows_of_all(store, &sql, &[prefix.into(), after.into(), limit.into()]).await?;
    accounts.sort_by(|a, b| a.name_key.cmp(&b.name_key));
    accounts.truncate(limit);
    Ok(accounts)
}

/// The account of this name.
///
/// # Errors
/// [`StoreError`].
pub async fn by_name(store: &Store, name: &Username) -> Result<Vec<Account>, StoreError> {
    batch::rows_of_all(
        store,
        &format!("SELECT {COLUMNS} FROM accounts WHERE name_key = ?1"),
        &[name.key().into()],
    )
    .await
}

/// The account of `id`.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, id: u64) -> Result<Option<Account>, StoreError> {
    let Some(database) = of_id(store, id) else { return Ok(None) };
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE id = ?1");
    Ok(batch::rows(database, &sql, vec![id.into()]).await?.pop())
}

/// Erases the account of `id`. Returns whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn erase(store: &Store, actor: &str, id: u64) -> Result<bool, StoreError> {
    let Some(database) = of_id(store, id) else { return Ok(false) };
    let statement = Statement("DELETE FROM accounts WHERE id = ?1 RETURNING id", vec![id.into()]);
    audit::change(database, statement, actor, Action::ACCOUNT_ERASED, &id.to_string()).await
}

/// Changes the privacy of the account of `id`. Returns whether there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn set_privacy(store: &Store, actor: &str, id: u64, privacy: &str) -> Result<bool, StoreError> {
    let Some(database) = of_id(store, id) else { return Ok(false) };
    let sql = "UPDATE accounts SET privacy = ?2 WHERE id = ?1 RETURNING id";
    let statement = Statement(sql, vec![id.into(), privacy.into()]);
    audit::change(database, statement, actor, Action::ACCOUNT_CHANGED, &id.to_string()).await
}
