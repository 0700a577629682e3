//! The users, with the hashes that they brought along.

use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::username::Username;
use edge_signup::storage::d1::Store;
use edge_signup::storage::database::StoreError;
use serde::Deserialize;
use serde_json::Value;

use super::audit::{self, Action};
use super::batch::{self, Statement, of_id};
use super::page::{self, Cursor, Filter, Listing, Row};

/// A user as stored.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// The id, which is unique over all namespaces.
    pub id: u64,
    /// The namespace.
    pub client_id: String,
    /// The name, in NFC.
    pub username: String,
    /// The key of the name.
    pub username_key: String,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// The hash of the user's password: the imported one, as long as there is one.
    pub hash: String,
}

impl Row for User {
    fn id(&self) -> u64 {
        self.id
    }
    fn time(&self) -> i64 {
        self.created_at
    }
}

impl User {
    /// The statement that reads ?2 users after the id ?1.
    pub(super) fn export_sql() -> String {
        format!("SELECT {COLUMNS} FROM {TABLE} WHERE users.id > ?1 ORDER BY users.id LIMIT ?2")
    }
}

const COLUMNS: &str =
    "users.id, client_id, username, username_key, created_at, coalesce(hash, password_hash) AS hash";
const TABLE: &str = "users LEFT JOIN imported_hashes ON user_id = users.id";

/// The most namespaces that are searched without a `client_id`.
const MAX_NAMESPACES: u64 = 10_000;

/// A page of users, the newest first, of all namespaces or of one.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(
    store: &Store,
    client_id: Option<&ClientId>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<User>, Option<Cursor>), StoreError> {
    let filter = client_id.map(|id| Filter {
        condition: "client_id = ?3",
        value: id.as_str().into(),
        has_index: true,
    });
    let listing = Listing { columns: COLUMNS, table: TABLE, filter, is_by_generation: true };
    page::newest(store, &listing, cursor, limit).await
}

/// The users whose keys begin with `prefix`, of all namespaces or of one, in the order of their keys and namespaces.
/// `after` is the key and the namespace of the last user of the page before.
///
/// # Errors
/// [`StoreError`].
pub async fn by_prefix(
    store: &Store,
    client_id: Option<&ClientId>,
    prefix: &str,
    after: (&str, &str),
    limit: usize,
) -> Result<Vec<User>, StoreError> {
    // The index begins with the namespace. Each namespace gives at most a page, in the order of the index.
    let sql = format!(
        "{} SELECT {COLUMNS} FROM namespaces CROSS JOIN {TABLE} WHERE users.id IN (SELECT id FROM users AS own \
         WHERE own.client_id = name AND own.username_key >= ?2 AND own.username_key < ?2 || char(1114111) \
         AND own.username_key >= ?3 AND (own.username_key, own.client_id) > (?3, ?4) \
         ORDER BY own.username_key LIMIT ?5) ORDER BY username_key, client_id LIMIT ?5",
        namespaces()
    );
    let values = vec![
        client_id.map(ClientId::as_str).into(),
        prefix.into(),
        after.0.into(),
        after.1.into(),
        limit.into(),
    ];
    let mut users: Vec<User> = batch::rows_of_all(store, &sql, &values).await?;
    users.sort_by(|a, b| (&a.username_key, &a.client_id).cmp(&(&b.username_key, &b.client_id)));
    users.truncate(limit);
    Ok(users)
}

/// The namespace ?1, or all namespaces where that is NULL. Each namespace takes one step in the index.
fn namespaces() -> String {
    format!(
        "WITH RECURSIVE namespaces (name) AS (SELECT coalesce(?1, (SELECT min(client_id) FROM users)) UNION ALL \
         SELECT (SELECT min(client_id) FROM users WHERE client_id > name) FROM namespaces \
         WHERE name IS NOT NULL AND ?1 IS NULL LIMIT {MAX_NAMESPACES})"
    )
}

/// The users of this name, one in each namespace or only the one in `client_id`.
///
/// # Errors
/// [`StoreError`].
pub async fn by_name(
    store: &Store,
    client_id: Option<&ClientId>,
    username: &Username,
) -> Result<Vec<User>, StoreError> {
    let sql = format!(
        "{} SELECT {COLUMNS} FROM namespaces CROSS JOIN {TABLE} WHERE client_id = name AND username_key = ?2",
        namespaces()
    );
    let values = vec![client_id.map(ClientId::as_str).into(), username.key().into()];
    let mut users: Vec<User> = batch::rows_of_all(store, &sql, &values).await?;
    users.sort_by_key(|user| std::cmp::Reverse(user.created_at));
    Ok(users)
}

/// The user of `id`.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, id: u64) -> Result<Option<User>, StoreError> {
    let Some(database) = of_id(store, id) else { return Ok(None) };
    let sql = format!("SELECT {COLUMNS} FROM {TABLE} WHERE users.id = ?1");
    Ok(batch::rows(database, &sql, vec![id.into()]).await?.pop())
}

/// The user of this name in the databases `homes`.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    store: &Store,
    homes: &[usize],
    client_id: &ClientId,
    username: &Username,
) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLE} WHERE client_id = ?1 AND username_key = ?2");
    let values = vec![Value::from(client_id.as_str()), username.key().into()];
    // Most names are in the last generation.
    for database in homes.iter().rev().filter_map(|home| store.databases().get(*home)) {
        let user = batch::rows(database, &sql, values.clone()).await?.pop();
        if user.is_some() {
            return Ok(user);
        }
    }
    Ok(None)
}

/// Erases the user of `id`. Returns whether there was one. The id never returns, and the name becomes free.
///
/// # Errors
/// [`StoreError`].
pub async fn erase(store: &Store, actor: &str, id: u64) -> Result<bool, StoreError> {
    let Some(database) = of_id(store, id) else { return Ok(false) };
    let statement = Statement("DELETE FROM users WHERE id = ?1 RETURNING id", vec![id.into()]);
    audit::change(database, statement, actor, Action::USER_ERASED, &id.to_string()).await
}

/// Stores a new hash for the user of `id`. Returns whether there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn set_password_hash(store: &Store, actor: &str, id: u64, hash: &str) -> Result<bool, StoreError> {
    let Some(database) = of_id(store, id) else { return Ok(false) };
    let update = "UPDATE users SET password_hash = ?2 WHERE id = ?1 RETURNING id";
    let event = "INSERT INTO events (type, subject, client_id, data) SELECT 'user.password_changed', id, client_id, \
        json_object('id', id, 'client_id', client_id, 'username', username, \
        'created_at', strftime('%Y-%m-%dT%H:%M:%SZ', created_at, 'unixepoch')) FROM users WHERE id = ?1 AND EXISTS (\
        SELECT 1 FROM subscriptions WHERE type = 'user.password_changed' AND client_id IN ('', users.client_id))";
    let statements = [
        Statement(update, vec![id.into(), hash.into()]),
        audit::of_change(actor, Action::USER_PASSWORD_SET, &id.to_string()),
        Statement(event, vec![id.into()]),
    ];
    batch::changes(database, &statements).await
}

/// Stores `hash` in the place of the hash `old`, unless that was changed meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn renew_password_hash(store: &Store, id: u64, old: &str, hash: &str) -> Result<(), StoreError> {
    let Some(database) = of_id(store, id) else { return Ok(()) };
    let sql = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND ?2 = \
               coalesce((SELECT hash FROM imported_hashes WHERE user_id = ?1), password_hash)";
    batch::write(database, &[Statement(sql, vec![id.into(), old.into(), hash.into()])]).await?;
    Ok(())
}
