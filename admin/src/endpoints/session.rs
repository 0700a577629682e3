//! `GET /session`: the name and the rights of the caller.

use serde::Serialize;

use super::Call;
use crate::answer::Answer;

#[derive(Serialize)]
struct Session<'a> {
    actor: &'a str,
    write: bool,
    version: &'static str,
}

/// Answers with the caller's name and rights.
#[must_use]
pub fn handle(call: &Call<'_>) -> Answer {
    let (actor, write) = (&*call.actor.name, call.actor.may_write);
    Answer::ok(&Session { actor, write, version: env!("CARGO_PKG_VERSION") })
}
