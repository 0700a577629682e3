//! Events for other servers: how a delivery is made, and how its outcome is noted.
//!
//! It owns the body of an event and the order of a delivery's steps; [`schedule`] owns the judgement of an answer. An
//! event is delivered at least once: a deliverer that dies after it has sent an event leaves no note, and the event is
//! sent again under the same `webhook-id`. This room must not know SQL.

pub mod schedule;

use std::time::Duration;

use edge_signup::http::json;
use edge_signup::http::response::Header;
use edge_signup::http::webhook::MessageId;
use edge_signup::platform;
use edge_signup::storage::database::Database;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

use crate::answer::Failure;
use crate::keys::Key;
use crate::service::Service;
use crate::storage::deliveries::{self, Leased, Tried};
use crate::storage::webhooks::{self, Webhook};
use crate::time;
use schedule::{Judgement, Verdict};

/// The types of events that an endpoint may ask for.
pub const TYPES: [&str; 6] = [
    "user.created",
    "user.imported",
    "user.password_changed",
    "user.erased",
    "account.created",
    "account.erased",
];

/// How long an endpoint may take to answer.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// The events that are sent at once. A Worker may have six connections that wait for an answer
/// (<https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections>).
const AT_ONCE: usize = 6;

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    /// Sends POST requests at once. Gives the status of each, 0 without an answer, and its `Retry-After`, as JSON.
    #[wasm_bindgen(js_name = postAll)]
    fn post_all(requests: &str, milliseconds: f64) -> Promise;
}

/// A POST request, as JavaScript takes it.
#[derive(Serialize)]
struct Post<'a> {
    url: &'a str,
    headers: Vec<Header<'static>>,
    body: &'a str,
}

/// The answer to it.
#[derive(Deserialize)]
struct Answer {
    status: u16,
    retry_after: Option<String>,
}

/// The body of an event.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: String,
    data: &'a RawValue,
}

/// The outcome of a round of deliveries to one endpoint.
#[derive(Debug, Default, Serialize)]
pub struct Round {
    /// The events that were sent.
    sent: usize,
    /// The seconds until the next one is due.
    wait: Option<i64>,
}

/// Sends the events that are due to the endpoint `id`, a few from each database.
///
/// # Errors
/// [`Failure`]: the events that were sent without a note will be sent again.
pub async fn deliver(service: &Service, id: &str) -> Result<Round, Failure> {
    let Some(webhook) = webhooks::get(&service.store, id).await? else { return Ok(Round::default()) };
    if webhook.disabled_at.is_some() || is_paused(&webhook) {
        return Ok(Round::default());
    }
    let keys = open_keys(service, &webhook)?;
    let mut round = Round::default();
    for database in service.store.databases() {
        let leased = deliveries::lease(database, id, AT_ONCE).await?;
        if leased.is_empty() {
            let next = deliveries::next_due(database, id).await?;
            round.wait = [round.wait, next].into_iter().flatten().min();
            continue;
        }
        round.sent = round.sent.saturating_add(leased.len());
        let judgements = send(&webhook, &keys, &leased).await?;
        settle(service, database, &webhook, &leased, &judgements).await?;
        if judgements.iter().any(|judgement| judgement.pause.is_some() || judgement.is_gone) {
            break;
        }
    }
    Ok(round)
}

/// Sends one event that is not stored, to try an endpoint. Returns the status of the answer; 0 without one.
///
/// # Errors
/// [`Failure::NoVault`] without the secret for keys, and [`Failure::Internal`] if the newest key does not open or a
/// test cannot be made.
pub async fn try_out(service: &Service, webhook: &Webhook) -> Result<u16, Failure> {
    let keys = open_keys(service, webhook)?;
    let event = Leased {
        event_id: 0,
        message_id: format!("test_{}", platform::random_uuid().replace('-', "")),
        kind: "webhook.test".to_owned(),
        data: format!("{{\"webhook_id\":\"{}\"}}", webhook.id),
        created_at: webhook.now,
        tries: 0,
        now: webhook.now,
    };
    let judgements = send(webhook, &keys, &[event]).await?;
    Ok(judgements.first().map_or(0, |judgement| judgement.tried.status))
}

/// Whether an endpoint asked for less, and its pause goes on. A pause beyond every wait comes from a clock that was set
/// back, and does not count.
fn is_paused(webhook: &Webhook) -> bool {
    let longest = i64::from(deliveries::LONGEST_WAIT);
    webhook.paused_until.is_some_and(|until| (1..=longest).contains(&until.saturating_sub(webhook.now)))
}

/// The keys that sign for an endpoint now, the newest one first.
///
/// # Errors
/// [`Failure::NoVault`], and [`Failure::Internal`] if the newest key does not open.
fn open_keys(service: &Service, webhook: &Webhook) -> Result<Vec<Key>, Failure> {
    let vault = service.vault.as_ref().ok_or(Failure::NoVault)?;
    let is_rotated = webhook.rotated_until.is_none_or(|until| until <= webhook.now);
    let mut opened = webhook.keys.split(' ').map(|sealed| Key::parse(&vault.open(sealed)?));
    let newest = opened
        .next()
        .flatten()
        .ok_or_else(|| Failure::Internal(format!("WEBHOOK_KEY does not open the keys of {}", webhook.id)))?;
    // An older key does not open if it was sealed under another secret of the Worker. The newest one signs without it.
    let older = opened.flatten().take(if is_rotated { 0 } else { usize::MAX });
    Ok(std::iter::once(newest).chain(older).collect())
}

async fn send(webhook: &Webhook, keys: &[Key], leased: &[Leased]) -> Result<Vec<Judgement>, Failure> {
    let mut bodies = Vec::new();
    for event in leased {
        let data = RawValue::from_string(event.data.clone())
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let body = Body { r#type: &event.kind, timestamp: time::written(event.created_at), data: &data };
        bodies.push(json::write(&body));
    }
    let mut posts = Vec::new();
    for (event, body) in leased.iter().zip(&bodies) {
        let id = MessageId::parse(&event.message_id)
            .ok_or_else(|| Failure::Internal("an event has no id of a message".to_owned()))?;
        let now = u64::try_from(event.now).unwrap_or_default();
        let signatures: Vec<String> = keys.iter().map(|key| key.sign(&id, now, body)).collect();
        let mut headers = id.headers(now, signatures.join(" "));
        headers.push(("User-Agent", "edge-signup".into()));
        posts.push(Post { url: &webhook.url, headers, body });
    }
    let limit = platform::milliseconds(TIME_LIMIT);
    let answered =
        platform::with_timeout(post_all(&json::write(&posts), limit), TIME_LIMIT.saturating_mul(2)).await;
    let answers = answered.map_err(|error| Failure::Unavailable(format!("deliveries: {error}")))?;
    let answers: Vec<Answer> =
        answers.as_string().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let now = leased.first().map_or(0, |event| event.now);
    let judge = |(event, answer): (&Leased, &Answer)| {
        let mut random = [0; 1];
        // Without random bytes there is no jitter.
        let _ = getrandom::fill(&mut random);
        schedule::judge(answer.status, answer.retry_after.as_deref(), event.tries, now, random[0])
    };
    Ok(leased.iter().zip(&answers).map(judge).collect())
}

async fn settle(
    service: &Service,
    database: &Database,
    webhook: &Webhook,
    leased: &[Leased],
    judgements: &[Judgement],
) -> Result<(), Failure> {
    let tried: Vec<(&Leased, Tried)> =
        leased.iter().zip(judgements).map(|(event, judgement)| (event, judgement.tried)).collect();
    deliveries::settle(database, &webhook.id, &tried).await?;
    let Verdict { is_failing, pause, disabled_because } =
        schedule::verdict(judgements, webhook.failing_since, webhook.now);
    let changes = is_failing != webhook.failing_since.is_some()
        || pause.is_some()
        || webhook.paused_until.is_some()
        || disabled_because.is_some();
    if changes {
        webhooks::note(&service.store, &webhook.id, is_failing, pause, disabled_because).await?;
    }
    Ok(())
}
