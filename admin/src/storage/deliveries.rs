//! The events, and their deliveries to endpoints.
//!
//! A delivery is due at a time of its database's clock. A deliverer leases it before it sends, so no other deliverer
//! sends it meanwhile; the lease of a deliverer that died ends by itself. The promises also hold after the clock was
//! set back: a time too far in the future counts as now.

use edge_signup::storage::d1::Store;
use edge_signup::storage::database::{Database, StoreError};
use serde::Deserialize;
use serde_json::Value;

use super::batch::{self, Statement};
use super::page::{self, Cursor, Filter, Listing, Row};

/// How long a deliverer has an event, in seconds. A try takes 15 s at most.
const LEASE: u32 = 60;

/// A time that is longer than each wait for a try, in seconds: that of the last retry with its jitter, and that of a
/// `Retry-After`.
pub const LONGEST_WAIT: u32 = 30 * 60 * 60;

/// How long events are kept after they were made, in seconds.
const RETENTION: u32 = 7 * 24 * 60 * 60;

/// The same for an event that an endpoint did not take.
const FAILED_RETENTION: u32 = 30 * 24 * 60 * 60;

/// The events that one statement deletes.
const PURGE: usize = 5_000;

/// The statements of a purge in a database, at most.
const PURGES: usize = 20;

/// The events whose deliveries one statement changes.
const STEP: usize = 5_000;

/// The most of these statements for a request and a database, which is a million events.
const STEPS: usize = 200;

/// An event that a deliverer has leased.
#[derive(Debug, Clone, Deserialize)]
pub struct Leased {
    /// The event, within its database.
    pub event_id: u64,
    /// The `webhook-id`.
    pub message_id: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The member `data` of the body, as JSON.
    pub data: String,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// The tries before this one.
    pub tries: u32,
    /// The time of the database.
    pub now: i64,
}

/// The outcome of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The HTTP status; 0 without an answer.
    pub status: u16,
    /// Whether the endpoint took the event.
    pub is_delivered: bool,
    /// The seconds until the next try; `None` after the last one.
    pub again_in: Option<u32>,
}

/// A delivery, for operators.
#[derive(Debug, Deserialize)]
pub struct Delivery {
    /// The endpoint.
    pub webhook_id: String,
    /// When the next try is due; `None` after a delivery and after the last try.
    pub due_at: Option<i64>,
    /// The tries so far.
    pub tries: u32,
    /// The time of the last try.
    pub tried_at: Option<i64>,
    /// The HTTP status of the last answer; 0 without an answer.
    pub status: Option<u16>,
    /// The time of the delivery.
    pub delivered_at: Option<i64>,
}

/// An event, for operators, with its deliveries as JSON.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// The event, within its database.
    pub id: u64,
    /// The `webhook-id`.
    pub message_id: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the user or the account.
    pub subject: u64,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// The deliveries, as a JSON array of [`Delivery`].
    pub deliveries: String,
}

impl Row for Event {
    fn id(&self) -> u64 {
        self.id
    }
    fn time(&self) -> i64 {
        self.created_at
    }
}

/// Whether a try is due, or its time is beyond every wait, because the clock was set back.
fn is_due() -> String {
    format!("(due_at <= unixepoch() OR due_at > unixepoch() + {LONGEST_WAIT})")
}

/// Whether no deliverer has a lease. A lease that ends later than a new one would is from a clock that was set back,
/// and counts as ended.
fn is_free() -> String {
    format!("leased_until NOT BETWEEN unixepoch() + 1 AND unixepoch() + {LEASE}")
}

/// The endpoints that have a due event in any database, and may get it now.
///
/// # Errors
/// [`StoreError`].
pub async fn due(store: &Store) -> Result<Vec<String>, StoreError> {
    #[derive(Deserialize)]
    struct Due {
        webhook_id: String,
    }
    // The table of subscriptions is short, so each database reads a few rows for each endpoint, however many events wait.
    let sql = format!(
        "SELECT DISTINCT webhook_id FROM subscriptions AS s WHERE EXISTS (SELECT 1 FROM deliveries \
         WHERE webhook_id = s.webhook_id AND due_at IS NOT NULL AND {} AND {})",
        is_due(),
        is_free()
    );
    let due: Vec<Due> = batch::rows_of_all(store, &sql, &[]).await?;
    let mut ids: Vec<String> = due.into_iter().map(|due| due.webhook_id).collect();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// A delivery that was leased.
#[derive(Deserialize)]
struct Chosen {
    event_id: u64,
    tries: u32,
}

/// Leases at most `limit` due events for the endpoint `webhook_id`, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn lease(database: &Database, webhook_id: &str, limit: usize) -> Result<Vec<Leased>, StoreError> {
    let lease = format!(
        "UPDATE deliveries SET leased_until = unixepoch() + {LEASE} WHERE webhook_id = ?1 AND event_id IN (\
         SELECT event_id FROM deliveries WHERE webhook_id = ?1 AND due_at IS NOT NULL AND {} AND {} \
         ORDER BY due_at, event_id LIMIT ?2) RETURNING event_id, tries",
        is_due(),
        is_free()
    );
    let mut rows =
        batch::write(database, &[Statement(&lease, vec![webhook_id.into(), limit.into()])]).await?;
    let chosen: Vec<Chosen> = rows.next(database)?;
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let pairs: Vec<Value> = chosen.iter().map(|c| serde_json::json!([c.event_id, c.tries])).collect();
    let read = "SELECT events.id AS event_id, message_id, events.type, data, created_at, value ->> 1 AS tries, \
                unixepoch() AS now FROM json_each(?1) JOIN events ON events.id = value ->> 0 ORDER BY events.id";
    batch::rows(database, read, vec![Value::from(pairs).to_string().into()]).await
}

/// Notes the outcomes of tries of leased events, and gives the leases back.
///
/// # Errors
/// [`StoreError`]: the events will be sent again when their leases end.
pub async fn settle(
    database: &Database,
    webhook_id: &str,
    tried: &[(&Leased, Tried)],
) -> Result<(), StoreError> {
    let rows: Vec<Value> = tried
        .iter()
        .map(|(event, t)| {
            serde_json::json!([event.event_id, t.status, u8::from(t.is_delivered), t.again_in, event.tries])
        })
        .collect();
    // A repeat finds one try more than before the lease, and so it changes nothing.
    let sql = "UPDATE deliveries SET leased_until = 0, tries = tries + 1, tried_at = unixepoch(), \
        status = t.value ->> 1, delivered_at = iif(t.value ->> 2 = 1, unixepoch(), delivered_at), \
        due_at = iif(t.value ->> 2 = 1, NULL, unixepoch() + (t.value ->> 3)) \
        FROM json_each(?2) AS t WHERE webhook_id = ?1 AND event_id = t.value ->> 0 AND tries = t.value ->> 4";
    let statement = Statement(sql, vec![webhook_id.into(), Value::from(rows).to_string().into()]);
    batch::write(database, &[statement]).await?;
    Ok(())
}

/// The seconds until the next event of the endpoint is due in this database.
///
/// # Errors
/// [`StoreError`].
pub async fn next_due(database: &Database, webhook_id: &str) -> Result<Option<i64>, StoreError> {
    #[derive(Deserialize)]
    struct Next {
        wait: Option<i64>,
    }
    let sql = "SELECT min(due_at) - unixepoch() AS wait FROM deliveries WHERE webhook_id = ?1 AND due_at IS NOT NULL";
    let rows: Vec<Next> = batch::rows(database, sql, vec![webhook_id.into()]).await?;
    Ok(rows.first().and_then(|next| next.wait))
}

/// Deletes the events that are over a week old and delivered to every endpoint, and those that are over a month old.
/// Their deliveries go with them.
///
/// # Errors
/// [`StoreError`].
pub async fn purge(store: &Store) -> Result<(), StoreError> {
    let sql = format!(
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created_at < unixepoch() - {FAILED_RETENTION} \
         OR created_at < unixepoch() - {RETENTION} AND NOT EXISTS (\
         SELECT 1 FROM deliveries WHERE event_id = events.id AND delivered_at IS NULL) ORDER BY id LIMIT {PURGE}) \
         RETURNING 1"
    );
    for database in store.databases() {
        for _ in 0..PURGES {
            let mut rows = batch::write(database, &[Statement(&sql, Vec::new())]).await?;
            if rows.next::<Value>(database)?.len() < PURGE {
                break;
            }
        }
    }
    Ok(())
}

/// A page of the events, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    store: &Store,
    webhook_id: Option<&str>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Event>, Option<Cursor>), StoreError> {
    let columns = "id, message_id, type, subject, created_at, (SELECT json_group_array(json_object(\
        'webhook_id', webhook_id, 'due_at', due_at, 'tries', tries, 'tried_at', tried_at, \
        'status', status, 'delivered_at', delivered_at)) FROM deliveries WHERE event_id = events.id) AS deliveries";
    let condition = "EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = ?3 AND event_id = events.id)";
    let filter = webhook_id.map(|id| Filter { condition, value: id.into(), has_index: false });
    let listing = Listing { columns, table: "events", filter, is_by_generation: false };
    page::newest(store, &listing, cursor, limit).await
}

/// The events that are sent again, of the newest million in each database.
pub enum Again<'a> {
    /// One event, by its `webhook-id`.
    One(&'a str),
    /// The events whose last try failed.
    Failed,
    /// The events since a time.
    Since(i64),
}

/// Makes deliveries of the newest events to an endpoint due once more. Returns how many.
///
/// # Errors
/// [`StoreError`]: some of the deliveries may be due. A repeat makes the others due.
pub async fn again(store: &Store, webhook_id: &str, again: &Again<'_>) -> Result<u64, StoreError> {
    let of_events = |condition: &str| {
        format!("event_id IN (SELECT id FROM events WHERE {} AND {condition})", in_step("id"))
    };
    let (condition, value, most) = match again {
        Again::One(message) => (of_events("message_id = ?2"), Value::from(*message), 1),
        Again::Failed => ("due_at IS NULL AND delivered_at IS NULL".to_owned(), Value::Null, u64::MAX),
        Again::Since(time) => (of_events("created_at >= ?2"), Value::from(*time), u64::MAX),
    };
    let change = format!(
        "UPDATE deliveries SET due_at = unixepoch(), delivered_at = NULL, tries = 0 \
         WHERE webhook_id = ?1 AND {} AND {condition}",
        in_step("event_id")
    );
    let mut count = 0_u64;
    for database in store.databases() {
        let values = [webhook_id.into(), value.clone()];
        count = count.saturating_add(in_steps(database, &change, &values, most).await?);
        if count >= most {
            break;
        }
    }
    Ok(count)
}

/// Deletes the deliveries of the newest events to an endpoint.
///
/// # Errors
/// [`StoreError`]: some of the deliveries may be left. They go with their events.
pub async fn delete(database: &Database, webhook_id: &str) -> Result<(), StoreError> {
    let change = format!("DELETE FROM deliveries WHERE webhook_id = ?1 AND {}", in_step("event_id"));
    in_steps(database, &change, &[webhook_id.into(), Value::Null], u64::MAX).await?;
    Ok(())
}

/// The condition that an event belongs to a step: it is before the event ?3, by at most [`STEP`] events.
fn in_step(id: &str) -> String {
    format!("{id} < ?3 AND {id} >= ({})", first_of_step())
}

/// The statement that reads the first event of the step before the event ?3.
fn first_of_step() -> String {
    format!("SELECT min(id) FROM (SELECT id FROM events WHERE id < ?3 ORDER BY id DESC LIMIT {STEP})")
}

/// Runs `change`, which has the condition of [`in_step`], for the newest events: [`STEP`] events by each statement, and
/// [`STEPS`] statements at most, until it has changed `most` rows. `values` are its values ?1 and ?2. Returns how many
/// rows it changed.
async fn in_steps(database: &Database, change: &str, values: &[Value], most: u64) -> Result<u64, StoreError> {
    #[derive(Deserialize)]
    struct Step {
        count: u64,
        first: Option<u64>,
    }
    let look = format!("SELECT changes() AS count, ({}) AS first", first_of_step());
    let (mut before, mut count) = (page::START, 0_u64);
    for _ in 0..STEPS {
        let values = [values, &[before.into()]].concat();
        let statements = [Statement(change, values.clone()), Statement(&look, values)];
        let mut rows = batch::write(database, &statements).await?;
        rows.next::<Value>(database)?;
        let Some(Step { count: changed, first: Some(first) }) = rows.next(database)?.pop() else { break };
        count = count.saturating_add(changed);
        if count >= most {
            break;
        }
        before = first;
    }
    Ok(count)
}
