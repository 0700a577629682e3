//! `POST /imports`: users of another system, a JSON object on each line.
//!
//! The body and the answer are streams. `admin/streams.js` cuts the body into chunks of lines, and each chunk is a task of
//! its own: an import of millions of users takes the memory of one chunk.

use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::username::Username;
use edge_signup::http::json;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Call, client_id, instant, username_of};
use crate::answer::Failure;
use crate::hashes::StoredHash;
use crate::service::Service;
use crate::storage::imports::{self, NewUser, Outcome};

/// The longest line, in bytes.
const LINE_LIMIT: usize = 4096;

/// An import that may begin.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The name of the sender, for the audit.
    actor: String,
    /// Whether the lines are only checked.
    dry: bool,
}

/// A line of the body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    client_id: String,
    username: String,
    password_hash: String,
    created_at: Option<String>,
    /// A line of an export has the id that the user had there. Here the user gets a new one.
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
}

/// A line of the answer.
#[derive(Serialize)]
struct Reply<'a> {
    line: u64,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

/// Checks the request before its body is read.
///
/// # Errors
/// [`Failure::Type`] for a body of another type, and [`Failure::Invalid`] for a bad parameter.
pub fn plan(call: &Call<'_>) -> Result<Plan, Failure> {
    call.query.only(&["dry"])?;
    call.requires_type("application/x-ndjson")?;
    Ok(Plan { actor: call.actor.name.clone(), dry: call.query.flag("dry")? })
}

/// Imports the lines of `bytes`, of which the first one has the number `first`. Returns a line of the answer for each
/// line that is not blank.
///
/// # Errors
/// [`Failure`]: a part of the lines may be stored. The same lines may come again.
pub async fn chunk(service: &Service, plan: &Plan, bytes: &[u8], first: u64) -> Result<String, Failure> {
    let mut numbers = Vec::new();
    let mut users = Vec::new();
    let mut answers = Vec::new();
    let lines = (first..).zip(bytes.split(|byte| *byte == b'\n'));
    for (number, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        match parse(service, line, number == 1) {
            Ok(user) => {
                numbers.push(number);
                users.push(user);
            }
            Err(failure) => answers.push((number, invalid(number, &failure))),
        }
    }
    let outcomes = imports::store(&service.store, &plan.actor, &users, plan.dry).await?;
    answers
        .extend(numbers.into_iter().zip(outcomes).map(|(number, outcome)| (number, good(number, outcome))));
    answers.sort_by_key(|(number, _)| *number);
    Ok(answers.into_iter().map(|(_, answer)| answer + "\n").collect())
}

fn parse(service: &Service, line: &[u8], is_first: bool) -> Result<NewUser, Failure> {
    let form =
        |description: String| Failure::Invalid { reason: "line_invalid".into(), field: None, description };
    if line.len() > LINE_LIMIT {
        return Err(form(format!("The line must have at most {LINE_LIMIT} bytes")));
    }
    let line = str::from_utf8(line).map_err(|_| form("The line must be UTF-8".to_owned()))?;
    // Some programs write a byte order mark at the beginning of a file.
    let line = line.strip_prefix('\u{feff}').filter(|_| is_first).unwrap_or(line);
    let line: Line = serde_json::from_str(line).map_err(|_| {
        form("The line must be a JSON object with the texts client_id, username, password_hash and, if it is known, \
              created_at"
            .to_owned())
    })?;
    let hash =
        StoredHash::parse(&line.password_hash).map_err(|error| Failure::parameter("password_hash", error))?;
    let created_at = line.created_at.as_deref().map(|text| instant("created_at", text));
    let (client_id, username): (ClientId, Username) =
        (client_id(&line.client_id)?, username_of("username", &line.username)?);
    Ok(NewUser {
        skeletons: service.skeletons(&username),
        client_id,
        username,
        is_own_form: hash.is_own_form(),
        hash: line.password_hash,
        created_at: created_at.transpose()?,
    })
}

fn good(line: u64, outcome: Outcome) -> String {
    let (status, id) = match outcome {
        Outcome::Stored(id) => ("stored", Some(id)),
        Outcome::Taken => ("taken", None),
        Outcome::Free => ("valid", None),
    };
    json::write(&Reply { line, status, id, field: None, description: None })
}

fn invalid(line: u64, failure: &Failure) -> String {
    let field = match failure {
        Failure::Invalid { field, .. } => *field,
        _ => None,
    };
    let description = failure.description();
    json::write(&Reply { line, status: "invalid", id: None, field, description: Some(&description) })
}
