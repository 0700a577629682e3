//! The sign-ups by hour and client.
//!
//! A sign-up writes nothing for them. Instead, the rows since the last count are added to the table `sign_ups` whenever
//! somebody asks: a row is counted once, by its id, so the work of a question grows only with the sign-ups since the last
//! one.

use edge_signup::js_error::JsError;
use edge_signup::storage::d1::Store;
use edge_signup::storage::database::{Database, StoreError};
use serde::Deserialize;
use serde_json::Value;

use super::batch::{self, Statement};

/// The rows that one batch counts. A batch of D1 may take 30 s, and this takes a fraction of it.
const STEP: u64 = 200_000;

/// The most batches that count for one question: ten million rows. The next question goes on.
const STEPS: usize = 50;

/// The tables that are counted, each with the column of its namespace.
const TABLES: [(&str, &str); 2] = [("users", "client_id"), ("accounts", "''")];

/// A count.
#[derive(Debug, Deserialize)]
pub struct Count {
    /// `users` or `accounts`.
    pub kind: String,
    /// The beginning of the hour or the day, in seconds since 1970, UTC.
    pub at: i64,
    /// The client; empty for accounts.
    pub client_id: String,
    /// The sign-ups.
    pub count: u64,
}

/// The question: sign-ups from `from` to `to`, in seconds since 1970, in steps of `step` seconds, of all clients or one.
pub struct Question<'a> {
    /// The first second.
    pub from: i64,
    /// The second after the last one.
    pub to: i64,
    /// 3,600 or 86,400.
    pub step: i64,
    /// The client.
    pub client_id: Option<&'a str>,
}

/// The counts of each step, table and client, in no order.
///
/// # Errors
/// [`StoreError`]. A question after very many sign-ups counts some of them, and fails: it may be asked again.
pub async fn count(store: &Store, question: &Question<'_>) -> Result<Vec<Count>, StoreError> {
    // D1 binds each number as a REAL, and this division must be one of whole numbers.
    let sql = "SELECT kind, hour * 3600 / CAST(?3 AS INTEGER) * CAST(?3 AS INTEGER) AS at, client_id, \
               sum(count) AS count FROM sign_ups WHERE hour * 3600 >= ?1 AND hour * 3600 < ?2 \
               AND (?4 IS NULL OR client_id = ?4) GROUP BY 1, 2, 3";
    let from = question.from.saturating_sub(question.from.rem_euclid(3600));
    let values: Vec<Value> =
        vec![from.into(), question.to.into(), question.step.into(), question.client_id.into()];
    let is_behind = TABLES.map(|(table, _)| is_behind(table));
    let mut counts = Vec::new();
    let mut steps = STEPS;
    for database in store.databases() {
        // A question without new rows takes one batch, which only reads.
        let [users, accounts] = is_behind.each_ref().map(|sql| Statement(sql, Vec::new()));
        let mut rows = batch::read(database, &[users, accounts, Statement(sql, values.clone())]).await?;
        let mut has_new = false;
        for table in TABLES {
            if !rows.next::<Value>(database)?.is_empty() {
                count_new(database, table, &mut steps).await?;
                has_new = true;
            }
        }
        counts.extend::<Vec<Count>>(if has_new {
            batch::rows(database, sql, values.clone()).await?
        } else {
            rows.next(database)?
        });
    }
    Ok(counts)
}

/// The statement that returns a row if `table` has one that is not counted yet.
fn is_behind(table: &str) -> String {
    format!(
        "SELECT 1 AS behind FROM {table} WHERE id > (SELECT id FROM counted WHERE kind = '{table}') LIMIT 1"
    )
}

/// Adds the rows of a table that are not counted yet, in at most as many `steps`.
///
/// # Errors
/// [`StoreError::Unavailable`] if there are more rows: the next question counts them.
async fn count_new(
    database: &Database,
    (table, client_id): (&str, &str),
    steps: &mut usize,
) -> Result<(), StoreError> {
    // The last row of this step. A later statement of the batch sees the same rows, because a batch is a transaction.
    let last = format!(
        "SELECT max(id) FROM (SELECT id FROM {table} WHERE id > (SELECT id FROM counted WHERE kind = '{table}') \
         ORDER BY id LIMIT {STEP})"
    );
    let add = format!(
        "INSERT INTO sign_ups (kind, hour, client_id, count) SELECT '{table}', created_at / 3600, {client_id}, count(*) \
         FROM {table} WHERE id > (SELECT id FROM counted WHERE kind = '{table}') AND id <= ({last}) GROUP BY 2, 3 \
         ON CONFLICT DO UPDATE SET count = count + excluded.count"
    );
    let advance = format!("UPDATE counted SET id = ({last}) WHERE kind = '{table}' AND ({last}) IS NOT NULL");
    let is_behind = is_behind(table);
    while let Some(left) = steps.checked_sub(1) {
        *steps = left;
        let mut rows =
            batch::write(database, &[&add, &advance, &is_behind].map(|sql| Statement(sql, Vec::new())))
                .await?;
        rows.next::<Value>(database)?;
        rows.next::<Value>(database)?;
        if rows.next::<Value>(database)?.is_empty() {
            return Ok(());
        }
    }
    let message = "there are more sign-ups to count, and the next question goes on".to_owned();
    let error = JsError { name: "Error".to_owned(), message };
    Err(StoreError::Unavailable { database: database.name().to_owned(), error })
}
