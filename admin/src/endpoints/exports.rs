//! `GET /exports/users` and `GET /exports/accounts`: everything, a JSON object on each line.
//!
//! The answer is a stream. Each chunk of it is a task of its own, which begins when the client has taken the chunk
//! before: an export of millions of rows takes the memory of one chunk.

use edge_signup::http::json;
use serde::{Deserialize, Serialize};

use super::Call;
use crate::answer::Failure;
use crate::service::Service;
use crate::storage::audit::{self, Action};
use crate::storage::exports::{self, Position};
use crate::time;

/// The rest of an export.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    rows: Rows,
    database: usize,
    id: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Rows {
    Users,
    UsersWithHashes,
    Accounts,
}

/// A chunk of an export, and the rest.
#[derive(Debug, Serialize)]
pub struct Chunk {
    text: String,
    rest: Option<Plan>,
}

#[derive(Serialize)]
struct User<'a> {
    id: u64,
    client_id: &'a str,
    username: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
}

#[derive(Serialize)]
struct Account<'a> {
    id: u64,
    name: &'a str,
    privacy: &'a str,
    created_at: String,
}

/// Checks the request for users, and notes in the audit that their hashes go out.
///
/// # Errors
/// [`Failure::ReadOnly`] for hashes without the right to write, [`Failure::Invalid`] for a bad parameter, and
/// [`Failure::Unavailable`] without the database.
pub async fn plan_users(call: &Call<'_>) -> Result<Plan, Failure> {
    call.query.only(&["hashes"])?;
    if !call.query.flag("hashes")? {
        return Ok(Plan { rows: Rows::Users, database: 0, id: 0 });
    }
    if !call.actor.may_write {
        return Err(Failure::ReadOnly);
    }
    audit::add(&call.service.store, &call.actor.name, Action::HASHES_EXPORTED, "all users").await?;
    Ok(Plan { rows: Rows::UsersWithHashes, database: 0, id: 0 })
}

/// Checks the request for accounts.
///
/// # Errors
/// [`Failure::Invalid`] for a parameter.
pub fn plan_accounts(call: &Call<'_>) -> Result<Plan, Failure> {
    call.query.only(&[])?;
    Ok(Plan { rows: Rows::Accounts, database: 0, id: 0 })
}

/// The next chunk of an export.
///
/// # Errors
/// [`Failure::Unavailable`] without the database.
pub async fn chunk(service: &Service, plan: &Plan) -> Result<Chunk, Failure> {
    let at = Position { database: plan.database, id: plan.id };
    let (lines, next) = if plan.rows == Rows::Accounts {
        let (accounts, next) = exports::accounts(&service.store, at).await?;
        let line = |account: &crate::storage::accounts::Account| {
            let crate::storage::accounts::Account { id, name, privacy, created_at, .. } = account;
            json::write(&Account { id: *id, name, privacy, created_at: time::written(*created_at) }) + "\n"
        };
        (accounts.iter().map(line).collect::<String>(), next)
    } else {
        let (users, next) = exports::users(&service.store, at).await?;
        let line = |user: &crate::storage::users::User| {
            let password_hash = (plan.rows == Rows::UsersWithHashes).then_some(&*user.hash);
            let (client_id, username, created_at) =
                (&*user.client_id, &*user.username, time::written(user.created_at));
            json::write(&User { id: user.id, client_id, username, created_at, password_hash }) + "\n"
        };
        (users.iter().map(line).collect(), next)
    };
    let rest = next.map(|Position { database, id }| Plan { rows: plan.rows, database, id });
    Ok(Chunk { text: lines, rest })
}
