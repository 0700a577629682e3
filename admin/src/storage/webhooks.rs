//! The endpoints that are told of events. The first database has them; their subscriptions are in every database, where
//! the triggers look.

use std::collections::BTreeSet;

use edge_signup::http::json;
use edge_signup::storage::d1::Store;
use edge_signup::storage::database::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audit::{self, Action};
use super::batch::{self, Statement, first};
use super::deliveries;

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

/// The most rounds that tell the databases of their endpoints. Only endpoints that change all the time take more than
/// two or three, and the cron goes on.
const ROUNDS: usize = 10;

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

/// Gives an endpoint a new key. The one before it signs for another day. Returns whether there is such an endpoint.
///
/// # Errors
/// [`StoreError`].
pub async fn rotate(store: &Store, actor: &str, id: &str, key: &str) -> Result<bool, StoreError> {
    // Only the newest of the older keys stays. A repeat finds the new key in its place, and changes no key.
    let update = "UPDATE webhooks SET keys = iif(instr(keys, ?2) = 1, keys, ?2 || ' ' || \
        iif(instr(keys, ' ') = 0, keys, substr(keys, 1, instr(keys, ' ') - 1))), rotated_until = unixepoch() + ?3 WHERE id = ?1 RETURNING id";
    let statement = Statement(update, vec![id.into(), key.into(), ROTATION.into()]);
    audit::change(first(store)?, statement, actor, Action::WEBHOOK_ROTATED, id).await
}

/// Deletes an endpoint with its deliveries. Those of very old events go with their events. Returns whether there was
/// one.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(store: &Store, actor: &str, id: &str) -> Result<bool, StoreError> {
    let statement = Statement("DELETE FROM webhooks WHERE id = ?1 RETURNING id", vec![id.into()]);
    let was_there = audit::change(first(store)?, statement, actor, Action::WEBHOOK_DELETED, id).await?;
    let unsubscribe = "DELETE FROM subscriptions WHERE webhook_id = ?1";
    for database in store.databases() {
        batch::write(database, &[Statement(unsubscribe, vec![id.into()])]).await?;
        deliveries::delete(database, id).await?;
    }
    Ok(was_there)
}

/// A row of `subscriptions`: an endpoint wants the events of a type, of one client or of all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Subscription {
    r#type: String,
    client_id: String,
    webhook_id: String,
}

/// Tells every database which endpoints want which events.
///
/// An endpoint may be added or changed meanwhile, and told to the databases by another request. So a round reads the
/// rows of each database before it reads the endpoints: a row that no endpoint wants then is not that of an endpoint
/// which was added later. A round that changed something is followed by another one.
///
/// # Errors
/// [`StoreError`]. A repeat tells the others.
pub async fn subscribe(store: &Store) -> Result<(), StoreError> {
    let read = "SELECT type, client_id, webhook_id FROM subscriptions";
    let delete = "DELETE FROM subscriptions WHERE (type, client_id, webhook_id) IN (\
        SELECT value ->> 'type', value ->> 'client_id', value ->> 'webhook_id' FROM json_each(?1))";
    let insert = "INSERT INTO subscriptions (type, client_id, webhook_id) \
        SELECT value ->> 'type', value ->> 'client_id', value ->> 'webhook_id' FROM json_each(?1) WHERE true \
        ON CONFLICT DO NOTHING";
    for _ in 0..ROUNDS {
        let mut known: Vec<BTreeSet<Subscription>> = Vec::new();
        for database in store.databases() {
            known.push(batch::rows(database, read, Vec::new()).await?.into_iter().collect());
        }
        let wanted = wanted(&list(store).await?);
        let mut has_changed = false;
        for (database, known) in store.databases().iter().zip(&known) {
            if *known == wanted {
                continue;
            }
            let [gone, new] = [known.difference(&wanted), wanted.difference(known)]
                .map(|rows| vec![Value::from(json::write(&rows.collect::<Vec<_>>()))]);
            batch::write(database, &[Statement(delete, gone), Statement(insert, new)]).await?;
            has_changed = true;
        }
        if !has_changed {
            break;
        }
    }
    Ok(())
}

/// The subscriptions of `webhooks`. A disabled endpoint collects its events, and gets them when it is enabled again.
fn wanted(webhooks: &[Webhook]) -> BTreeSet<Subscription> {
    let collecting = webhooks.iter().filter(|webhook| webhook.disabled_because.as_deref() != Some("gone"));
    let rows = |webhook: &Webhook| {
        let row = |kind: &str| Subscription {
            r#type: kind.to_owned(),
            client_id: webhook.client_id.clone(),
            webhook_id: webhook.id.clone(),
        };
        webhook.types.split(' ').map(row).collect::<Vec<_>>()
    };
    collecting.flat_map(rows).collect()
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
