//! `/webhooks` and `/events`: the endpoints that are told of events, and the events with their deliveries.

use edge_signup::fields::client_id::ClientId;
use serde::{Deserialize, Serialize};

use super::{Call, client_id, instant, invalid_body};
use crate::answer::{Answer, Failure};
use crate::events::{self, TYPES};
use crate::keys::{self, Key};
use crate::safe_url::SafeUrl;
use crate::service::Service;
use crate::storage::audit::{self, Action};
use crate::storage::deliveries::{self, Again, Delivery, Event};
use crate::storage::webhooks::{self, Webhook};
use crate::time;

/// The longest URL, in bytes.
const MAX_URL: usize = 2000;

/// The most endpoints of a service: each one that wants an event adds a row to a sign-up.
const MAX_WEBHOOKS: usize = 20;

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    url: &'a str,
    events: Vec<&'a str>,
    client_id: Option<&'a str>,
    created_at: String,
    disabled_at: Option<String>,
    disabled_because: Option<&'a str>,
    failing_since: Option<String>,
    paused_until: Option<String>,
    /// Only in the answer to a new key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Serialize)]
struct List<'a> {
    webhooks: Vec<Shown<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    url: String,
    #[serde(default)]
    events: Option<Vec<String>>,
    #[serde(default)]
    client_id: Option<String>,
    /// `v1` or `v1a`.
    #[serde(default)]
    signature: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    url: Option<String>,
    events: Option<Vec<String>>,
    disabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resend {
    event: Option<String>,
    failed: Option<bool>,
    since: Option<String>,
}

#[derive(Serialize)]
struct Tested {
    status: Option<u16>,
}

#[derive(Serialize)]
struct Resent {
    count: u64,
}

#[derive(Serialize)]
struct ShownEvent {
    id: String,
    r#type: String,
    subject: u64,
    created_at: String,
    deliveries: Vec<ShownDelivery>,
}

#[derive(Serialize)]
struct ShownDelivery {
    webhook_id: String,
    state: &'static str,
    tries: u32,
    status: Option<u16>,
    tried_at: Option<String>,
    next_try_at: Option<String>,
    delivered_at: Option<String>,
}

#[derive(Serialize)]
struct Page {
    events: Vec<ShownEvent>,
    next: Option<String>,
}

/// `GET /webhooks`
///
/// # Errors
/// [`Failure::Invalid`] for a parameter, and [`Failure::Unavailable`] without the database.
pub async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    call.query.only(&[])?;
    let webhooks = webhooks::list(&call.service.store).await?;
    Ok(Answer::ok(&List { webhooks: webhooks.iter().map(|webhook| shown(webhook, None)).collect() }))
}

/// `GET /webhooks/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such an endpoint, and [`Failure::Unavailable`] without the database.
pub async fn get(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    call.query.only(&[])?;
    Ok(Answer::ok(&shown(&existing(call, id).await?, None)))
}

/// `POST /webhooks`
///
/// # Errors
/// [`Failure::Invalid`] for a bad member or one endpoint too many, [`Failure::NoVault`] without the secret for keys,
/// those of [`Call::body`], and [`Failure::Unavailable`] without the database.
pub async fn add(call: &Call<'_>) -> Result<Answer, Failure> {
    let New { url, events, client_id: client, signature } =
        call.body("url and, if they are wanted, events, client_id and signature").await?;
    let url = checked_url(&url)?;
    let types = checked_types(events.as_deref())?;
    let client = client.as_deref().map(client_id).transpose()?;
    let is_asymmetric = match signature.as_deref() {
        None | Some("v1") => false,
        Some("v1a") => true,
        Some(_) => return Err(Failure::parameter("signature", "must be \"v1\" or \"v1a\"")),
    };
    let store = &call.service.store;
    if webhooks::list(store).await?.len() >= MAX_WEBHOOKS {
        return Err(Failure::parameter("url", format!("would be one more than {MAX_WEBHOOKS} endpoints")));
    }
    let (key, sealed) = new_key(call.service, is_asymmetric)?;
    let id = format!("wh_{}", edge_signup::platform::random_uuid().replace('-', ""));
    let client_id = client.as_ref().map_or("", ClientId::as_str);
    let new = webhooks::New { id: &id, url: &url, types: &types, client_id, key: &sealed };
    let webhook = webhooks::add(store, &call.actor.name, &new).await?.ok_or(Failure::Missing("endpoint"))?;
    Ok(Answer::created(&shown(&webhook, Some(key.for_endpoint()))))
}

/// `PATCH /webhooks/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such an endpoint, [`Failure::Invalid`] for a bad member, those of [`Call::body`], and
/// [`Failure::Unavailable`] without the database.
pub async fn change(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let form = "at least one of url, events and disabled";
    let Change { url, events, disabled } = call.body(form).await?;
    if url.is_none() && events.is_none() && disabled.is_none() {
        return Err(invalid_body(form));
    }
    let url = url.as_deref().map(checked_url).transpose()?;
    let types = events.as_ref().map(|events| checked_types(Some(events))).transpose()?;
    let disabled_because = disabled.map(|is_disabled| if is_disabled { "operator" } else { "" });
    let change = webhooks::Change { url: url.as_deref(), types: types.as_deref(), disabled_because };
    let webhook = webhooks::change(&call.service.store, &call.actor.name, id, &change).await?;
    Ok(Answer::ok(&shown(&webhook.ok_or(Failure::Missing("endpoint"))?, None)))
}

/// `DELETE /webhooks/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such an endpoint, and [`Failure::Unavailable`] without the database.
pub async fn delete(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let was_there = webhooks::delete(&call.service.store, &call.actor.name, id).await?;
    if was_there { Ok(Answer::done()) } else { Err(Failure::Missing("endpoint")) }
}

/// `POST /webhooks/{id}/secret`: a new key of the same kind, beside which the old one signs for another day.
///
/// # Errors
/// [`Failure::Missing`] without such an endpoint, [`Failure::NoVault`] without the secret for keys, and
/// [`Failure::Unavailable`] without the database.
pub async fn rotate(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let webhook = existing(call, id).await?;
    let newest = webhook.keys.split(' ').next().unwrap_or_default();
    let (key, sealed) = new_key(call.service, keys::is_asymmetric(newest))?;
    let is_stored = webhooks::rotate(&call.service.store, &call.actor.name, id, &sealed).await?;
    // The endpoint may have been deleted meanwhile.
    if is_stored {
        Ok(Answer::ok(&shown(&webhook, Some(key.for_endpoint()))))
    } else {
        Err(Failure::Missing("endpoint"))
    }
}

/// `POST /webhooks/{id}/test`: sends an event of the type `webhook.test`.
///
/// # Errors
/// [`Failure::Missing`] without such an endpoint, [`Failure::NoVault`] without the secret for keys,
/// [`Failure::Internal`] if the newest key does not open, and [`Failure::Unavailable`] without the database.
pub async fn test(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let status = events::try_out(call.service, &existing(call, id).await?).await?;
    Ok(Answer::ok(&Tested { status: (status > 0).then_some(status) }))
}

/// `POST /webhooks/{id}/resend`: sends events again: one, all that failed, or all since a time.
///
/// # Errors
/// [`Failure::Missing`] without such an endpoint, [`Failure::Invalid`] for a bad member, those of [`Call::body`], and
/// [`Failure::Unavailable`] without the database.
pub async fn resend(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let form = "one of event, failed and since";
    let resend: Resend = call.body(form).await?;
    existing(call, id).await?;
    let again = match (&resend.event, resend.failed, resend.since.as_deref()) {
        (Some(event), None, None) => Again::One(event),
        (None, Some(true), None) => Again::Failed,
        (None, None, Some(since)) => Again::Since(instant("since", since)?),
        _ => return Err(invalid_body(form)),
    };
    audit::add(&call.service.store, &call.actor.name, Action::EVENTS_RESENT, id).await?;
    let count = deliveries::again(&call.service.store, id, &again).await?;
    Ok(Answer::ok(&Resent { count }))
}

/// `GET /events`
///
/// # Errors
/// [`Failure::Invalid`] for a bad parameter, and [`Failure::Unavailable`] without the database.
pub async fn events(call: &Call<'_>) -> Result<Answer, Failure> {
    call.query.only(&["webhook_id", "after", "limit"])?;
    let webhook = call.query.get("webhook_id");
    let (events, next) =
        deliveries::list(&call.service.store, webhook, call.cursor()?, call.query.limit()?).await?;
    let events = events.into_iter().map(shown_event).collect();
    Ok(Answer::ok(&Page { events, next: next.map(|cursor| cursor.text()) }))
}

async fn existing(call: &Call<'_>, id: &str) -> Result<Webhook, Failure> {
    webhooks::get(&call.service.store, id).await?.ok_or(Failure::Missing("endpoint"))
}

fn new_key(service: &Service, is_asymmetric: bool) -> Result<(Key, String), Failure> {
    let vault = service.vault.as_ref().ok_or(Failure::NoVault)?;
    let failed = |error: getrandom::Error| Failure::Internal(format!("key: {error}"));
    let key = Key::new(is_asymmetric).map_err(failed)?;
    let sealed = vault.seal(&key.text()).map_err(failed)?;
    Ok((key, sealed))
}

/// A URL that events may go to: https without credentials, or http to the same machine.
fn checked_url(raw: &str) -> Result<String, Failure> {
    let wrong = || {
        let problem =
            "must be an https:// URL without a user name; http:// is for 127.0.0.1 and localhost only";
        Failure::parameter("url", problem)
    };
    let url = SafeUrl::parse(raw).filter(|url| url.as_str().len() <= MAX_URL).ok_or_else(wrong)?;
    Ok(url.as_str().to_owned())
}

/// The types as they are stored: in their own order, separated by spaces. Without a list they are all but imports.
fn checked_types(events: Option<&[String]>) -> Result<String, Failure> {
    let Some(events) = events else {
        return Ok(TYPES
            .iter()
            .filter(|known| **known != "user.imported")
            .copied()
            .collect::<Vec<_>>()
            .join(" "));
    };
    let known: Vec<&str> =
        TYPES.iter().filter(|known| events.iter().any(|event| event == *known)).copied().collect();
    if known.is_empty() || events.iter().any(|event| !TYPES.contains(&event.as_str())) {
        return Err(Failure::parameter("events", format!("must have some of {}", TYPES.join(", "))));
    }
    Ok(known.join(" "))
}

fn shown(webhook: &Webhook, secret: Option<String>) -> Shown<'_> {
    Shown {
        id: &webhook.id,
        url: &webhook.url,
        events: webhook.types.split(' ').collect(),
        client_id: Some(&*webhook.client_id).filter(|id| !id.is_empty()),
        created_at: time::written(webhook.created_at),
        disabled_at: webhook.disabled_at.map(time::written),
        disabled_because: webhook.disabled_because.as_deref(),
        failing_since: webhook.failing_since.map(time::written),
        paused_until: webhook.paused_until.filter(|until| *until > webhook.now).map(time::written),
        secret,
    }
}

fn shown_event(event: Event) -> ShownEvent {
    let deliveries: Vec<Delivery> = serde_json::from_str(&event.deliveries).unwrap_or_default();
    ShownEvent {
        id: event.message_id,
        r#type: event.kind,
        subject: event.subject,
        created_at: time::written(event.created_at),
        deliveries: deliveries.into_iter().map(shown_delivery).collect(),
    }
}

fn shown_delivery(delivery: Delivery) -> ShownDelivery {
    let state = match (delivery.delivered_at, delivery.due_at, delivery.tries) {
        (Some(_), ..) => "delivered",
        (None, Some(_), 0) => "waiting",
        (None, Some(_), _) => "retrying",
        (None, None, _) => "failed",
    };
    ShownDelivery {
        webhook_id: delivery.webhook_id,
        state,
        tries: delivery.tries,
        status: delivery.status.filter(|status| *status > 0),
        tried_at: delivery.tried_at.map(time::written),
        next_try_at: delivery.due_at.map(time::written),
        delivered_at: delivery.delivered_at.map(time::written),
    }
}
