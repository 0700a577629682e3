//! `/clients`: the registered clients.

use edge_signup::fields::client;
use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::origin;
use serde::{Deserialize, Serialize};

use super::{Call, invalid_body};
use crate::answer::{Answer, Failure};
use crate::storage::clients::{self, Client};
use crate::time;

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    origins: Vec<String>,
    created_at: String,
    disabled_at: Option<String>,
}

#[derive(Serialize)]
struct List {
    clients: Vec<Shown>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    #[serde(default)]
    origins: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: Option<String>,
    origins: Option<Vec<String>>,
    disabled: Option<bool>,
}

/// `GET /clients`
///
/// # Errors
/// [`Failure::Invalid`] for a parameter, and [`Failure::Unavailable`] without the database.
pub async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    call.query.only(&[])?;
    let clients = clients::list(&call.service.store).await?;
    Ok(Answer::ok(&List { clients: clients.into_iter().map(shown).collect() }))
}

/// `POST /clients`
///
/// # Errors
/// [`Failure::Invalid`] for a bad name or origin, those of [`Call::body`], and [`Failure::Unavailable`] without the
/// database.
pub async fn register(call: &Call<'_>) -> Result<Answer, Failure> {
    let New { name, origins } = call.body("name and the list origins, which may be missing").await?;
    let id = client::new_id().map_err(|error| Failure::Internal(format!("id: {error}")))?;
    let (name, origins) = (checked_name(&name)?, checked_origins(&origins)?);
    let client = clients::register(&call.service.store, &call.actor.name, &id, name, &origins).await?;
    client.map(|client| Answer::created(&shown(client))).ok_or(Failure::Missing("client"))
}

/// `PATCH /clients/{id}`
///
/// # Errors
/// The same, and [`Failure::Missing`] without such a client.
pub async fn change(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let form = "at least one of name, origins and disabled";
    let change: Change = call.body(form).await?;
    if change.name.is_none() && change.origins.is_none() && change.disabled.is_none() {
        return Err(invalid_body(form));
    }
    let Ok(id) = ClientId::parse(id.to_owned()) else { return Err(Failure::Missing("client")) };
    let name = change.name.as_deref().map(checked_name).transpose()?;
    let origins = change.origins.as_deref().map(checked_origins).transpose()?;
    let change = clients::Change { name, origins: origins.as_deref(), is_disabled: change.disabled };
    let client = clients::change(&call.service.store, &call.actor.name, id.as_str(), &change).await?;
    client.map(|client| Answer::ok(&shown(client))).ok_or(Failure::Missing("client"))
}

fn checked_name(name: &str) -> Result<&str, Failure> {
    client::name(name).map_err(|problem| Failure::parameter("name", problem))
}

fn checked_origins(origins: &[String]) -> Result<String, Failure> {
    let text = origins.join(" ");
    client::origins(&text).map_err(|origin| {
        Failure::parameter("origins", format!("has {origin:?}, which {}", origin::COMPLAINT))
    })
}

fn shown(client: Client) -> Shown {
    let Client { id, name, origins, created_at, disabled_at } = client;
    Shown {
        id,
        name,
        origins: origins.split_whitespace().map(str::to_owned).collect(),
        created_at: time::written(created_at),
        disabled_at: disabled_at.map(time::written),
    }
}
