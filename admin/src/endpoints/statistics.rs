//! `GET /statistics`: how many signed up, and when.

use std::collections::BTreeMap;

use edge_signup::clock;
use edge_signup::fields::client_id::ClientId;
use serde::Serialize;

use super::{Call, client_id, instant};
use crate::answer::{Answer, Failure};
use crate::storage::outcomes::Outcome;
use crate::storage::statistics::{self, Count, Question};
use crate::time;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The most steps of an answer: a year of days is less, and so are two weeks of hours.
const MAX_STEPS: i64 = 400;

/// The most clients of an answer, those with the most sign-ups.
const MAX_CLIENTS: usize = 50;

#[derive(Serialize)]
struct Bucket {
    at: String,
    count: u64,
}

#[derive(Serialize)]
struct OfClient<'a> {
    client_id: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct Totals {
    users: u64,
    accounts: u64,
}

#[derive(Serialize)]
struct Statistics<'a> {
    by: &'a str,
    from: String,
    to: String,
    users: Vec<Bucket>,
    accounts: Vec<Bucket>,
    clients: Vec<OfClient<'a>>,
    totals: Totals,
    /// Of all clients; `null` where they are not counted.
    outcomes: Option<Vec<Outcome>>,
}

/// Answers with the sign-ups of each hour or day that has one, from `from` to `to`. By default these are the last 30
/// days, or the last 48 hours.
///
/// # Errors
/// [`Failure::Invalid`] for a bad parameter, and [`Failure::Unavailable`] without the database, or after so many
/// sign-ups that the next question has to count the rest.
pub async fn handle(call: &Call<'_>) -> Result<Answer, Failure> {
    let Call { query, service, .. } = call;
    query.only(&["by", "from", "to", "client_id"])?;
    let by = query.get("by").unwrap_or("day");
    let (step, span) = match by {
        "hour" => (HOUR, 2 * DAY),
        "day" => (DAY, 30 * DAY),
        _ => return Err(Failure::parameter("by", "must be \"hour\" or \"day\"")),
    };
    let now = i64::try_from(clock::unix_time()).unwrap_or_default();
    // The end of the hour or the day that it is now.
    let next = now.saturating_sub(now.rem_euclid(step)).saturating_add(step);
    let given = |field| query.get(field).map(|raw| instant(field, raw)).transpose();
    let to = given("to")?.unwrap_or(next);
    let from = given("from")?.unwrap_or(to.saturating_sub(span));
    if from >= to || to.saturating_sub(from) > step.saturating_mul(MAX_STEPS) {
        return Err(Failure::parameter("from", format!("must be before to, by at most {MAX_STEPS} steps")));
    }
    let client = query.get("client_id").map(client_id).transpose()?;
    let question = Question { from, to, step, client_id: client.as_ref().map(ClientId::as_str) };
    let counts = statistics::count(&service.store, &question).await?;
    let (users, accounts) = (buckets(&counts, "users"), buckets(&counts, "accounts"));
    let total = |buckets: &[Bucket]| buckets.iter().map(|bucket| bucket.count).sum();
    let totals = Totals { users: total(&users), accounts: total(&accounts) };
    let outcomes = match &service.outcomes {
        None => None,
        Some(outcomes) => match outcomes.count(from, to).await {
            Ok(outcomes) => Some(outcomes),
            Err(error) => {
                call.warnings.borrow_mut().push(format!("no outcomes: {error}"));
                None
            }
        },
    };
    let (from, to, clients) = (time::written(from), time::written(to), clients(&counts));
    Ok(Answer::ok(&Statistics { by, from, to, users, accounts, clients, totals, outcomes }))
}

fn buckets(counts: &[Count], kind: &str) -> Vec<Bucket> {
    let mut by_time: BTreeMap<i64, u64> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.kind == kind) {
        let sum = by_time.entry(count.at).or_default();
        *sum = sum.saturating_add(count.count);
    }
    by_time.into_iter().map(|(at, count)| Bucket { at: time::written(at), count }).collect()
}

fn clients(counts: &[Count]) -> Vec<OfClient<'_>> {
    let mut by_client: BTreeMap<&str, u64> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.kind == "users") {
        let sum = by_client.entry(&count.client_id).or_default();
        *sum = sum.saturating_add(count.count);
    }
    let mut clients: Vec<_> =
        by_client.into_iter().map(|(client_id, count)| OfClient { client_id, count }).collect();
    clients.sort_by_key(|client| std::cmp::Reverse(client.count));
    clients.truncate(MAX_CLIENTS);
    clients
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(kind: &str, at: i64, client_id: &str, count: u64) -> Count {
        Count { kind: kind.to_owned(), at, client_id: client_id.to_owned(), count }
    }

    #[test]
    fn counts_of_many_databases_are_added() {
        let counts = [
            count("users", 0, "a", 2),
            count("users", 3600, "b", 4),
            count("users", 0, "a", 3),
            count("accounts", 0, "", 7),
        ];
        let users = buckets(&counts, "users");
        assert_eq!(users.iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [5, 4]);
        assert_eq!(users[1].at, "1970-01-01T01:00:00Z");
        assert_eq!(buckets(&counts, "accounts")[0].count, 7);
        let clients = clients(&counts);
        assert_eq!(
            clients.iter().map(|client| (client.client_id, client.count)).collect::<Vec<_>>(),
            [("a", 5), ("b", 4)]
        );
    }
}
