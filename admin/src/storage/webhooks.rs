//! The endpoints that are told of events. The first database has them; their subscriptions are in every database, where
//! the triggers look.

use edge_signup::storage::d1::Store;
use edge_signup::storage::database::StoreError;
use serde::Deserialize;
use serde_json::Value;

use super::audit::{self, Action, first};
use super::batch::{self, Statement};

/// An endpoint as stored.
#[derive(Debug, Clone, Deserialize)]
pub struct Webhook {
    /// The id, which begins with `wh_`.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// The types of events, separated by spaces.
    pub types: String,
    /// Only the events of this client; empty for all.
    pub client_id: String,
    /// The keys that sign, encrypted, separated by spaces: the newest first.
    pub keys: String,
    /// Until when the older keys sign too.
    pub rotated_until: Option<i64>,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// Since when the endpoint gets nothing.
    pub disabled_at: Option<i64>,
    /// Why: `operator`, `gone` or `failing`.
    pub disabled_because: Option<String>,
    /// Since when every delivery fails.
    pub failing_since: Option<i64>,
    /// Until when the endpoint gets nothing, because it asked for less.
    pub paused_until: Option<i64>,
    /// The time of the database.
    pub now: i64,
}

/// A new endpoint.
pub struct New<'a> {
    /// The id.
    pub id: &'a str,
    /// Where events are sent.
    pub url: &'a str,
    /// The types of events, separated by spaces.
    pub types: &'a str,
    /// Only the events of this client; empty for all.
    pub client_id: &'a str,
    /// The key, encrypted.
    pub key: &'a str,
}

/// The changes of an endpoint. A member that is `None` stays as it is.
#[derive(Default)]
pub struct Change<'a> {
    /// Where events are sent.
    pub url: Option<&'a str>,
    /// The types of events, separated by spaces.
    pub types: Option<&'a str>,
    /// `Some(reason)` disables the endpoint, and `Some("")` enables it.
    pub disabled_because: Option<&'a str>,
}

const COLUMNS: &str = "id, url, types, client_id, keys, rotated_until, created_at, disabled_at, disabled_because, \
    failing_since, paused_until, unixepoch() AS now";

/// How long an older key signs after a rotation, in seconds.
const ROTATION: u32 = 24 * 60 * 60;

/// All endpoints, in the order in which they were made.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store) -> Result<Vec<Webhook>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM webhooks ORDER BY created_at, id");
    batch::rows(first(store)?, &sql, Vec::new()).await
}

/// The endpoint `id`.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, id: &str) -> Result<Option<Webhook>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE id = ?1");
    Ok(batch::rows(first(store)?, &sql, vec![id.into()]).await?.pop())
}

/// Adds an endpoint.
///
/// # Errors
/// [`StoreError`]: an endpoint may be there that not all databases know. [`subscribe`] tells them.
pub async fn add(store: &Store, actor: &str, new: &New<'_>) -> Result<Option<Webhook>, StoreError> {
    let insert = "INSERT INTO webhooks (id, url, types, client_id, keys) VALUES (?1, ?2, ?3, ?4, ?5) \
                  ON CONFLICT (id) DO NOTHING";
    let New { id, url, types, client_id, key } = *new;
    let statements = [
        Statement(insert, vec![id.into(), url.into(), types.into(), client_id.into(), key.into()]),
        audit::of_change(actor, Action::WEBHOOK_ADDED, id),
    ];
    batch::write(first(store)?, &statements).await?;
    subscribe(store).await?;
    get(store, id).await
}

/// Changes an endpoint. Returns `None` if there is no such endpoint.
///
/// # Errors
/// [`StoreError`].
pub async fn change(
    store: &Store,
    actor: &str,
    id: &str,
    change: &Change<'_>,
) -> Result<Option<Webhook>, StoreError> {
    let update = "UPDATE webhooks SET url = coalesce(?2, url), types = coalesce(?3, types), \
        disabled_at = CASE WHEN ?4 IS NULL THEN disabled_at WHEN ?4 = '' THEN NULL \
            ELSE coalesce(disabled_at, unixepoch()) END, \
        disabled_because = CASE WHEN ?4 IS NULL THEN disabled_because ELSE nullif(?4, '') END, \
        failing_since = iif(?4 = '', NULL, failing_since), paused_until = iif(?4 = '', NULL, paused_until) \
        WHERE id = ?1";
    let values = vec![id.into(), change.url.into(), change.types.into(), change.disabled_because.into()];
    let statements = [Statement(update, values), audit::of_change(actor, Action::WEBHOOK_CHANGED, id)];
    batch::write(first(store)?, &statements).await?;
    subscribe(store).await?;
    get(store, id).await
}

/// Gives an endpoint a new key. The older ones sign for another day.
///
/// # Errors
/// [`StoreError`].
pub async fn rotate(store: &Store, actor: &str, id: &str, key: &str) -> Result<bool, StoreError> {
    // Only the newest of the older keys stays.
    let update = "UPDATE webhooks SET keys = ?2 || ' ' || iif(instr(keys, ' ') = 0, keys, \
        substr(keys, 1, instr(keys, ' ') - 1)), rotated_until = unixepoch() + ?3 WHERE id = ?1 RETURNING id";
    let statements = [
        Statement(update, vec![id.into(), key.into(), ROTATION.into()]),
        audit::of_change(actor, Action::WEBHOOK_ROTATED, id),
    ];
    batch::changes(first(store)?, &statements).await
}

/// Deletes an endpoint with its deliveries. Returns whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(store: &Store, actor: &str, id: &str) -> Result<bool, StoreError> {
    let statements = [
        Statement("DELETE FROM webhooks WHERE id = ?1 RETURNING id", vec![id.into()]),
        audit::of_change(actor, Action::WEBHOOK_DELETED, id),
    ];
    let was_there = batch::changes(first(store)?, &statements).await?;
    for database in store.databases() {
        let statements = [
            Statement("DELETE FROM subscriptions WHERE webhook_id = ?1", vec![id.into()]),
            Statement("DELETE FROM deliveries WHERE webhook_id = ?1", vec![id.into()]),
        ];
        batch::write(database, &statements).await?;
    }
    Ok(was_there)
}

/// Tells every database which endpoints want which events.
///
/// # Errors
/// [`StoreError`]. A repeat tells the others.
pub async fn subscribe(store: &Store) -> Result<(), StoreError> {
    let webhooks = list(store).await?;
    let wanted: Vec<Value> = webhooks
        .iter()
        // A disabled endpoint collects its events, and gets them when it is enabled again.
        .filter(|webhook| webhook.disabled_because.as_deref() != Some("gone"))
        .flat_map(|webhook| {
            let row = |kind: &str| serde_json::json!([kind, webhook.client_id, webhook.id]);
            webhook.types.split(' ').map(row).collect::<Vec<_>>()
        })
        .collect();
    let text = Value::from(wanted).to_string();
    let is_same = "SELECT (SELECT json_group_array(json_array(type, client_id, webhook_id)) FROM \
        (SELECT * FROM subscriptions ORDER BY 1, 2, 3)) = (SELECT json_group_array(json(value)) FROM \
        (SELECT value FROM json_each(?1) ORDER BY value ->> 0, value ->> 1, value ->> 2)) AS same";
    for database in store.databases() {
        let rows: Vec<Value> = batch::rows(database, is_same, vec![text.as_str().into()]).await?;
        if rows.first().and_then(|row| row["same"].as_u64()) == Some(1) {
            continue;
        }
        let statements = [
            Statement("DELETE FROM subscriptions", Vec::new()),
            Statement(
                "INSERT INTO subscriptions (type, client_id, webhook_id) \
                 SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)",
                vec![text.as_str().into()],
            ),
        ];
        batch::write(database, &statements).await?;
    }
    Ok(())
}

/// Notes how an endpoint answered: that it works, that it fails, or that it wants less.
///
/// # Errors
/// [`StoreError`].
pub async fn note(
    store: &Store,
    id: &str,
    is_failing: bool,
    pause: Option<u32>,
    disabled_because: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET failing_since = iif(?2 = 1, coalesce(failing_since, unixepoch()), NULL), \
        paused_until = unixepoch() + ?3, \
        disabled_at = iif(?4 IS NULL, disabled_at, coalesce(disabled_at, unixepoch())), \
        disabled_because = coalesce(?4, disabled_because) WHERE id = ?1";
    let values = vec![id.into(), u8::from(is_failing).into(), pause.into(), disabled_because.into()];
    batch::write(first(store)?, &[Statement(sql, values)]).await?;
    Ok(())
}
