//! `/blocks`: the block list.

use edge_signup::clock;
use edge_signup::error::ApiError;
use edge_signup::fields::client_ip::BlockKey;
use edge_signup::js_error::JsError;
use serde::{Deserialize, Serialize};

use super::Call;
use crate::answer::{Answer, Failure};
use crate::storage::audit::{self, Action};
use crate::storage::blocks::Entry;
use crate::time;

/// The longest reason, in characters. KV keeps at most 1,024 bytes beside a key, as JSON.
const MAX_REASON: usize = 200;

/// The shortest time of an entry, in seconds. KV refuses a shorter one.
const MIN_TTL: u32 = 60;

/// The longest prefix of a key, in bytes. No key is longer.
const MAX_PREFIX: usize = 64;

const DEFAULT_REASON: &str = "blocked by an operator";

#[derive(Serialize)]
struct Shown {
    key: String,
    reason: String,
    expires_at: Option<String>,
}

#[derive(Serialize)]
struct Page {
    blocks: Vec<Shown>,
    next: Option<String>,
}

/// After an entry is gone, a range around its address may still be on the list.
#[derive(Serialize)]
struct Unblocked {
    key: String,
    blocked_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEntry {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    ttl: Option<u32>,
}

/// `GET /blocks`
///
/// # Errors
/// [`Failure::Invalid`] for a bad parameter, and [`Failure::Unavailable`] without KV.
pub async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let Call { query, service, .. } = call;
    query.only(&["prefix", "after", "limit"])?;
    let (prefix, after) = (query.get("prefix").unwrap_or_default(), query.get("after").unwrap_or_default());
    if prefix.len() > MAX_PREFIX {
        return Err(Failure::parameter("prefix", format!("must have at most {MAX_PREFIX} bytes")));
    }
    if after.len() > 1024 {
        return Err(Failure::parameter("after", "must be the next of a page"));
    }
    let page = service.blocks.list(prefix, query.limit()?, after).await.map_err(|error| failed(&error))?;
    Ok(Answer::ok(&Page { blocks: page.keys.into_iter().map(shown).collect(), next: page.next }))
}

/// `PUT /blocks/{key}`
///
/// # Errors
/// [`Failure::Invalid`] for a bad key, reason or time, those of [`Call::body`], and [`Failure::Unavailable`] without
/// the database or KV.
pub async fn put(call: &Call<'_>, raw: &str) -> Result<Answer, Failure> {
    let key = block_key(raw)?.to_string();
    let NewEntry { reason, ttl } = call.body("reason and ttl, which both may be missing").await?;
    let reason = reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| DEFAULT_REASON.to_owned());
    if reason.chars().count() > MAX_REASON || reason.contains(char::is_control) {
        let problem = format!("must have at most {MAX_REASON} characters, without control characters");
        return Err(Failure::parameter("reason", problem));
    }
    if ttl.is_some_and(|ttl| ttl < MIN_TTL) {
        return Err(Failure::parameter("ttl", format!("must be at least {MIN_TTL} seconds")));
    }
    audit::add(&call.service.store, &call.actor.name, Action::ADDRESS_BLOCKED, &key).await?;
    call.service.blocks.put(&key, &reason, ttl).await.map_err(|error| failed(&error))?;
    let expires_at = ttl.map(|ttl| i64::try_from(clock::unix_time()).unwrap_or(0).saturating_add(ttl.into()));
    Ok(Answer::ok(&shown(Entry { key, reason, expires_at })))
}

/// `DELETE /blocks/{key}`
///
/// # Errors
/// [`Failure::Invalid`] for a bad key, [`Failure::Missing`] without such an entry, and [`Failure::Unavailable`] without
/// the database or KV.
pub async fn delete(call: &Call<'_>, raw: &str) -> Result<Answer, Failure> {
    let key = block_key(raw)?;
    let around = key.around();
    let key = key.to_string();
    let blocks = &call.service.blocks;
    if blocks.reason(&key).await.map_err(|error| failed(&error))?.is_none() {
        return Err(Failure::Missing("entry"));
    }
    audit::add(&call.service.store, &call.actor.name, Action::ADDRESS_UNBLOCKED, &key).await?;
    blocks.delete(&key).await.map_err(|error| failed(&error))?;
    let mut blocked_by = None;
    for range in around {
        if blocks.reason(&range).await.map_err(|error| failed(&error))?.is_some() {
            blocked_by = Some(range);
            break;
        }
    }
    Ok(Answer::ok(&Unblocked { key, blocked_by }))
}

fn block_key(raw: &str) -> Result<BlockKey, Failure> {
    if raw.len() > 64 {
        return Err(Failure::parameter("key", "must be an address or a range"));
    }
    BlockKey::parse(raw).map_err(|error| Failure::Invalid {
        reason: "key_invalid".into(),
        field: Some("key"),
        description: error.to_string(),
    })
}

fn failed(error: &JsError) -> Failure {
    ApiError::platform("KV", error).into()
}

fn shown(Entry { key, reason, expires_at }: Entry) -> Shown {
    Shown { key, reason, expires_at: expires_at.map(time::written) }
}
