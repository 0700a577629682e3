//! `GET /audit`: the changes that operators made.

use serde::Serialize;

use super::Call;
use crate::answer::{Answer, Failure};
use crate::storage::audit;
use crate::time;

#[derive(Serialize)]
struct Shown<'a> {
    at: String,
    actor: &'a str,
    action: &'a str,
    subject: &'a str,
}

#[derive(Serialize)]
struct Page<'a> {
    entries: Vec<Shown<'a>>,
    next: Option<String>,
}

/// Answers with a page of entries, the newest first.
///
/// # Errors
/// [`Failure::Invalid`] for a bad parameter, and [`Failure::Unavailable`] without the database.
pub async fn handle(call: &Call<'_>) -> Result<Answer, Failure> {
    call.query.only(&["after", "limit"])?;
    let (entries, next) = audit::list(&call.service.store, call.cursor()?, call.query.limit()?).await?;
    let shown = |(at, actor, action, subject)| Shown { at: time::written(at), actor, action, subject };
    let entries: Vec<_> = entries.iter().map(|entry| shown(entry.parts())).collect();
    Ok(Answer::ok(&Page { entries, next: next.map(|cursor| cursor.text()) }))
}
