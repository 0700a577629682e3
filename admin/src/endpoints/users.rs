//! `/users`: the users of `POST /sign-up`.

use edge_signup::fields::password::{Password, SALT_BYTES};
use edge_signup::reason::Reason;
use serde::{Deserialize, Serialize};

use super::{Call, client_id, prefix_key, username_of};
use crate::answer::{Answer, Failure};
use crate::hashes::StoredHash;
use crate::service::Service;
use crate::storage::users::{self, User};
use crate::time;

/// A user, as the API shows it.
#[derive(Serialize)]
struct Shown {
    id: u64,
    client_id: String,
    username: String,
    created_at: String,
    /// The form of the hash, such as `argon2id`; `unknown` if it has none.
    hash: &'static str,
}

#[derive(Serialize)]
struct Page {
    users: Vec<Shown>,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    password: String,
}

/// `GET /users`
///
/// # Errors
/// [`Failure::Invalid`] for a bad parameter, and [`Failure::Unavailable`] without the database.
pub async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let Call { query, service, .. } = call;
    query.only(&["client_id", "username", "prefix", "after", "limit"])?;
    let limit = query.limit()?;
    let client_id = query.get("client_id").map(client_id).transpose()?;
    let (users, next) = match (query.get("username"), query.get("prefix")) {
        (Some(_), Some(_)) => return Err(Failure::parameter("prefix", "must not come with username")),
        (Some(username), None) => {
            // The list of one name has a single page.
            if let Some(field) = ["after", "limit"].into_iter().find(|field| query.get(field).is_some()) {
                return Err(Failure::parameter(field, "must not come with username"));
            }
            let username = username_of("username", username)?;
            (users::by_name(&service.store, client_id.as_ref(), &username).await?, None)
        }
        (None, Some(prefix)) => {
            // Neither a key nor a namespace has a space.
            let after = query.get("after").unwrap_or_default();
            let after = after.split_once(' ').unwrap_or((after, ""));
            let users =
                users::by_prefix(&service.store, client_id.as_ref(), &prefix_key(prefix)?, after, limit)
                    .await?;
            let next = users.last().filter(|_| users.len() == limit);
            let next = next.map(|user| format!("{} {}", user.username_key, user.client_id));
            (users, next)
        }
        (None, None) => {
            let (users, next) =
                users::newest(&service.store, client_id.as_ref(), call.cursor()?, limit).await?;
            (users, next.map(|cursor| cursor.text()))
        }
    };
    Ok(Answer::ok(&Page { users: users.into_iter().map(shown).collect(), next }))
}

/// `GET /users/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such a user, and [`Failure::Unavailable`] without the database.
pub async fn get(call: &Call<'_>, id: u64) -> Result<Answer, Failure> {
    call.query.only(&[])?;
    let user = users::get(&call.service.store, id).await?.ok_or(Failure::Missing("user"))?;
    Ok(Answer::ok(&shown(user)))
}

/// `DELETE /users/{id}`
///
/// # Errors
/// [`Failure::Missing`] without such a user, and [`Failure::Unavailable`] without the database.
pub async fn erase(call: &Call<'_>, id: u64) -> Result<Answer, Failure> {
    let is_erased = users::erase(&call.service.store, &call.actor.name, id).await?;
    if is_erased { Ok(Answer::done()) } else { Err(Failure::Missing("user")) }
}

/// `PUT /users/{id}/password`
///
/// # Errors
/// [`Failure::Missing`] without such a user, those of [`Call::body`], and those of [`store_password`].
pub async fn set_password(call: &Call<'_>, id: u64) -> Result<Answer, Failure> {
    let NewPassword { password } = call.body("the text password").await?;
    let warn = |warning| call.warnings.borrow_mut().push(warning);
    let is_set = store_password(call.service, &call.actor.name, id, &password, warn).await?;
    if is_set { Ok(Answer::done()) } else { Err(Failure::Missing("user")) }
}

/// Stores a new password under the rules of a sign-up. Returns whether there is a user of this `id`.
///
/// # Errors
/// [`Failure::Invalid`] with the public Worker's words for a bad password, [`Failure::Internal`] if it could not be
/// hashed, and [`Failure::Unavailable`] without the database or the list of breached passwords.
pub async fn store_password(
    service: &Service,
    actor: &str,
    id: u64,
    password: &str,
    warn: impl Fn(String),
) -> Result<bool, Failure> {
    let minimum = service.config.password_min_length;
    let password = Password::parse(password, minimum)
        .map_err(|error| invalid(error.into(), "password", format!("password {error}")))?;
    // To hash a password for nobody would be wasted work.
    if users::get(&service.store, id).await?.is_none() {
        return Ok(false);
    }
    if let Some(breached) = &service.breached
        && breached.knows(&password, warn).await?
    {
        let description = "password is known from data breaches: choose another".to_owned();
        return Err(invalid(Reason::PASSWORD_BREACHED, "password", description));
    }
    Ok(users::set_password_hash(&service.store, actor, id, &hash(service, &password)?).await?)
}

/// Hashes a password with the settings of the service.
///
/// # Errors
/// [`Failure::Internal`].
pub fn hash(service: &Service, password: &Password) -> Result<String, Failure> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| Failure::Internal(format!("salt: {error}")))?;
    let hash = password.hash(&service.config.argon2, service.config.pepper.as_ref(), salt);
    hash.map_err(|error| Failure::Internal(error.to_string()))
}

fn invalid(reason: Reason, field: &'static str, description: String) -> Failure {
    Failure::Invalid { reason: reason.as_str().into(), field: Some(field), description }
}

fn shown(user: User) -> Shown {
    let hash = StoredHash::parse(&user.hash).map_or("unknown", |hash| hash.form());
    let User { id, client_id, username, created_at, .. } = user;
    Shown { id, client_id, username, created_at: time::written(created_at), hash }
}
