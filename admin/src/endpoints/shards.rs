//! `GET /shards`: the databases.

use serde::Serialize;

use super::Call;
use crate::answer::{Answer, Failure};
use crate::storage::shards::{self, Shard};
use crate::time;

#[derive(Serialize)]
struct Shown {
    number: u64,
    binding: String,
    generation: u64,
    position: u64,
    size: u64,
    deployed_at: Option<String>,
    frozen_at: Option<String>,
    users: u64,
    accounts: u64,
    bytes: Option<f64>,
}

#[derive(Serialize)]
struct List {
    databases: Vec<Shown>,
}

/// Answers with all databases, in the order of their numbers.
///
/// # Errors
/// [`Failure::Invalid`] for a parameter, and [`Failure::Unavailable`] without the database.
pub async fn handle(call: &Call<'_>) -> Result<Answer, Failure> {
    call.query.only(&[])?;
    let shards = shards::list(&call.service.store).await?;
    Ok(Answer::ok(&List { databases: shards.into_iter().map(shown).collect() }))
}

fn shown(Shard { binding, state, bytes }: Shard) -> Shown {
    Shown {
        number: state.number,
        binding,
        generation: state.generation,
        position: state.position,
        size: state.size,
        deployed_at: state.deployed_at.map(time::written),
        frozen_at: state.frozen_at.map(time::written),
        users: state.users,
        accounts: state.accounts,
        bytes,
    }
}
