//! The registered clients, which the first database has.

use edge_signup::storage::d1::Store;
use edge_signup::storage::database::StoreError;
use serde::Deserialize;

use super::audit::{self, Action};
use super::batch::{self, Statement, first};

/// A client as stored.
#[derive(Debug, Deserialize)]
pub struct Client {
    /// The id.
    pub id: String,
    /// The name, for operators.
    pub name: String,
    /// The origins, separated by spaces. Without an origin, pages of every origin may use the client.
    pub origins: String,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// Since when the client's sign-ups are refused.
    pub disabled_at: Option<i64>,
}

/// The changes of a client. A member that is `None` stays as it is.
pub struct Change<'a> {
    /// The name.
    pub name: Option<&'a str>,
    /// The origins, separated by spaces.
    pub origins: Option<&'a str>,
    /// Whether the client's sign-ups are refused.
    pub is_disabled: Option<bool>,
}

const COLUMNS: &str = "id, name, origins, created_at, disabled_at";

/// All clients, in the order in which they were registered.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store) -> Result<Vec<Client>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM clients ORDER BY created_at, id");
    batch::rows(first(store)?, &sql, Vec::new()).await
}

/// Registers the client `id`, which is new.
///
/// # Errors
/// [`StoreError`].
pub async fn register(
    store: &Store,
    actor: &str,
    id: &str,
    name: &str,
    origins: &str,
) -> Result<Option<Client>, StoreError> {
    let insert = "INSERT INTO clients (id, name, origins) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING";
    let statements = [
        Statement(insert, vec![id.into(), name.into(), origins.into()]),
        audit::of_change(actor, Action::CLIENT_REGISTERED, id),
    ];
    // A batch that is repeated after a lost answer finds its own row, so the row is read in any case.
    batch::write(first(store)?, &statements).await?;
    get(store, id).await
}

/// Changes the client `id`. Returns `None` if there is no such client.
///
/// # Errors
/// [`StoreError`].
pub async fn change(
    store: &Store,
    actor: &str,
    id: &str,
    change: &Change<'_>,
) -> Result<Option<Client>, StoreError> {
    let update = "UPDATE clients SET name = coalesce(?2, name), origins = coalesce(?3, origins), \
        disabled_at = CASE ?4 WHEN 1 THEN coalesce(disabled_at, unixepoch()) WHEN 0 THEN NULL ELSE disabled_at END \
        WHERE id = ?1";
    let is_disabled = change.is_disabled.map(u8::from);
    let statements = [
        Statement(update, vec![id.into(), change.name.into(), change.origins.into(), is_disabled.into()]),
        audit::of_change(actor, Action::CLIENT_CHANGED, id),
    ];
    batch::write(first(store)?, &statements).await?;
    get(store, id).await
}

async fn get(store: &Store, id: &str) -> Result<Option<Client>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM clients WHERE id = ?1");
    Ok(batch::rows(first(store)?, &sql, vec![id.into()]).await?.pop())
}
