//! The audit: an entry for each change, in the database and the transaction of the change. A change outside the
//! databases, or of several, has an entry in the first database before it is made.
//!
//! It owns the words for actions and the statements on `audit`.

use edge_signup::storage::d1::Store;
use edge_signup::storage::database::{Database, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::batch::{self, Statement};
use super::page::{self, Cursor, Listing, Row};

/// The name of an operator's action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action(&'static str);

impl Action {
    /// A user was erased.
    pub const USER_ERASED: Self = Self("user_erased");
    /// A user got a new password.
    pub const USER_PASSWORD_SET: Self = Self("user_password_set");
    /// An account was erased.
    pub const ACCOUNT_ERASED: Self = Self("account_erased");
    /// An account got another privacy.
    pub const ACCOUNT_CHANGED: Self = Self("account_changed");
    /// An address or a range was blocked.
    pub const ADDRESS_BLOCKED: Self = Self("address_blocked");
    /// An address or a range was unblocked.
    pub const ADDRESS_UNBLOCKED: Self = Self("address_unblocked");
    /// A client was registered.
    pub const CLIENT_REGISTERED: Self = Self("client_registered");
    /// A client was changed, disabled or enabled.
    pub const CLIENT_CHANGED: Self = Self("client_changed");
    /// Users were imported.
    pub const USERS_IMPORTED: Self = Self("users_imported");
    /// An endpoint for events was added.
    pub const WEBHOOK_ADDED: Self = Self("webhook_added");
    /// An endpoint was changed, disabled or enabled.
    pub const WEBHOOK_CHANGED: Self = Self("webhook_changed");
    /// An endpoint got a new key.
    pub const WEBHOOK_ROTATED: Self = Self("webhook_rotated");
    /// Events were sent to an endpoint again.
    pub const EVENTS_RESENT: Self = Self("events_resent");
    /// An endpoint was deleted.
    pub const WEBHOOK_DELETED: Self = Self("webhook_deleted");
    /// The hashes of all users were exported.
    pub const HASHES_EXPORTED: Self = Self("hashes_exported");
}

/// An entry.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    id: u64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
}

impl Row for Entry {
    fn id(&self) -> u64 {
        self.id
    }
    fn time(&self) -> i64 {
        self.at
    }
}

impl Entry {
    /// The time, in seconds since 1970, and the other members.
    #[must_use]
    pub fn parts(&self) -> (i64, &str, &str, &str) {
        (self.at, &self.actor, &self.action, &self.subject)
    }
}

/// The statement that adds an entry, if the statement before it in the batch changed a row.
#[must_use]
pub fn of_change(actor: &str, action: Action, subject: &str) -> Statement<'static> {
    let sql = "INSERT INTO audit (actor, action, subject) SELECT ?1, ?2, ?3 WHERE changes() > 0";
    Statement(sql, vec![actor.into(), action.0.into(), subject.into()])
}

/// The statement that adds an entry for the rows that the statement before it in the batch inserted.
#[must_use]
pub fn of_rows(actor: &str, action: Action) -> Statement<'static> {
    let sql =
        "INSERT INTO audit (actor, action, subject) SELECT ?1, ?2, changes() || ' users' WHERE changes() > 0";
    Statement(sql, vec![actor.into(), action.0.into()])
}

/// Runs `statement`, which returns each row that it changes, and adds an entry about `subject`. Returns whether it
/// changed a row.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn change(
    database: &Database,
    statement: Statement<'_>,
    actor: &str,
    action: Action,
    subject: &str,
) -> Result<bool, StoreError> {
    // If the answer was lost, the repeat of an erasure finds its row erased: the entry of the first try is the
    // evidence. It is one of the last entries, and all tries take less than two minutes.
    let made = "SELECT id FROM audit WHERE id > (SELECT max(id) FROM audit) - 100 AND at > unixepoch() - 120 \
                AND actor = ?1 AND action = ?2 AND subject = ?3";
    let made = Statement(made, vec![actor.into(), action.0.into(), subject.into()]);
    let statements = [statement, of_change(actor, action, subject), made];
    let mut rows = batch::write(database, &statements).await?;
    let has_changed = !rows.next::<Value>(database)?.is_empty();
    rows.next::<Value>(database)?;
    let was_made = !rows.next::<Value>(database)?.is_empty();
    Ok(has_changed || rows.is_repeat && was_made)
}

/// Adds an entry for a change outside the databases, or of several of them, before the change is made.
///
/// # Errors
/// [`StoreError`]: the change must then not be made.
pub async fn add(store: &Store, actor: &str, action: Action, subject: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (actor, action, subject) VALUES (?1, ?2, ?3)";
    let statement = Statement(sql, vec![actor.into(), action.0.into(), subject.into()]);
    batch::write(batch::first(store)?, &[statement]).await?;
    Ok(())
}

/// A page of the entries, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    store: &Store,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Entry>, Option<Cursor>), StoreError> {
    let columns = "id, at, actor, action, subject";
    // A frozen database still gets entries: its users can be erased.
    let listing = Listing { columns, table: "audit", filter: None, is_by_generation: false };
    page::newest(store, &listing, cursor, limit).await
}
