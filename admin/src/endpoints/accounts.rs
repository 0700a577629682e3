//! `/accounts`: the accounts of `POST /users/`.

use serde::{Deserialize, Serialize};

use super::{Call, prefix_key, username_of};
use crate::answer::{Answer, Failure};
use crate::storage::accounts::{self, Account};
use crate::time;

#[derive(Serialize)]
struct Shown {
    id: u64,
    name: String,
    privacy: String,
    created_at: String,
}

#[derive(Serialize)]
struct Page {
    accounts: Vec<Shown>,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    privacy: Privacy,
}

#[derive(Deserialize, Clone, Copy)]
enum Privacy {
    Public,
    Private,
}

/// `GET /accounts`
///
/// # Errors
/// [`Failure::Invalid`] for a bad parameter, and [`Failure::Unavailable`] without the database.
pub async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let Call { query, service, .. } = call;
    query.only(&["name", "prefix", "after", "limit"])?;
    let limit = query.limit()?;
    let store = &service.store;
    let (accounts, next) = match (query.get("name"), query.get("prefix")) {
        (Some(_), Some(_)) => return Err(Failure::parameter("prefix", "must not come with name")),
        (Some(name), None) => (accounts::by_name(store, &username_of("name", name)?).await?, None),
        (None, Some(prefix)) => {
            let after = query.get("after").unwrap_or_default();
            let accounts = accounts::by_prefix(store, &prefix_key(prefix)?, after, limit).await?;
            let next = accounts.last().filter(|_| accounts.len() == limit).map(|last| last.name_key.clone());
            (accounts, next)
        }
        (None, None) => {
            let (accounts, next) = accounts::newest(store, call.cursor()?, limit).await?;
            (accounts, next.map(|cursor| cursor.text()))
        }
    };
    Ok(Answer::ok(&Page { accounts: accounts.into_iter().map(shown).collect(), next }))
}

/// `GET /accounts/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such an account, and [`Failure::Unavailable`] without the database.
pub async fn get(call: &Call<'_>, id: u64) -> Result<Answer, Failure> {
    call.query.only(&[])?;
    let account = accounts::get(&call.service.store, id).await?.ok_or(Failure::Missing("account"))?;
    Ok(Answer::ok(&shown(account)))
}

/// `DELETE /accounts/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such an account, and [`Failure::Unavailable`] without the database.
pub async fn erase(call: &Call<'_>, id: u64) -> Result<Answer, Failure> {
    let is_erased = accounts::erase(&call.service.store, &call.actor.name, id).await?;
    if is_erased { Ok(Answer::done()) } else { Err(Failure::Missing("account")) }
}

/// `PATCH /accounts/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such an account, [`Failure::Unavailable`] without the database, and those of
/// [`Call::body`].
pub async fn change(call: &Call<'_>, id: u64) -> Result<Answer, Failure> {
    let Change { privacy } = call.body("privacy, which must be \"Public\" or \"Private\"").await?;
    let privacy = match privacy {
        Privacy::Public => "Public",
        Privacy::Private => "Private",
    };
    let is_changed = accounts::set_privacy(&call.service.store, &call.actor.name, id, privacy).await?;
    if is_changed { get(call, id).await } else { Err(Failure::Missing("account")) }
}

fn shown(account: Account) -> Shown {
    let Account { id, name, privacy, created_at, .. } = account;
    Shown { id, name, privacy, created_at: time::written(created_at) }
}
