//! The entry point `Users`, for the Workers that sign users in. It is reached by a service binding, and never over the
//! internet (<https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/rpc/>).
//!
//! It owns the input and output of its methods. It must not know SQL, nor the form of a hash.

use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::password::Password;
use edge_signup::fields::username::Username;
use serde::{Deserialize, Serialize};

use crate::answer::Failure;
use crate::endpoints::users::{hash, store_password};
use crate::hashes::StoredHash;
use crate::service::Service;
use crate::storage::users::{self, User};
use crate::time;

/// The actor of changes that another Worker makes.
const SERVICE: &str = "service";

/// The input of `verify`.
#[derive(Deserialize)]
pub struct Credentials {
    client_id: String,
    username: String,
    password: String,
}

/// The input of `get`: an id, or a name in its namespace.
#[derive(Deserialize)]
pub struct Who {
    id: Option<u64>,
    client_id: Option<String>,
    username: Option<String>,
}

/// The input of `setPassword`.
#[derive(Deserialize)]
pub struct NewPassword {
    id: u64,
    password: String,
}

/// A user, as the methods give it.
#[derive(Debug, Serialize)]
pub struct Given {
    id: u64,
    username: String,
    created_at: String,
}

/// The answer of `verify`.
#[derive(Debug, Serialize)]
pub struct Verdict {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Given>,
    /// The hash, if the password should be hashed anew after the answer. It does not leave the Worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated: Option<String>,
}

/// The answer of `setPassword`.
#[derive(Debug, Serialize)]
pub struct Outcome {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

const NO: Verdict = Verdict { ok: false, user: None, outdated: None };

/// Whether the password is that of the user. An unknown name takes as long as a wrong password of a
/// user whose hash the service made at its present cost.
///
/// # Errors
/// [`Failure::Unavailable`] without the database, and [`Failure::Internal`] if the hash cannot be compared.
pub async fn verify(service: &Service, credentials: &Credentials) -> Result<Verdict, Failure> {
    let Some(user) = find(service, &credentials.client_id, &credentials.username).await? else {
        if let Ok(password) = Password::parse(&credentials.password, 1) {
            hash(service, &password)?;
        }
        return Ok(NO);
    };
    let broken = |cause: &str| Failure::Internal(format!("user {}: {cause}", user.id));
    let stored = StoredHash::parse(&user.hash).map_err(|_| broken("the hash has no known form"))?;
    let is_right =
        stored.verify(&credentials.password, &service.secrets).map_err(|error| broken(&error.to_string()))?;
    if !is_right {
        return Ok(NO);
    }
    let is_current = stored.is_current(&service.config.argon2, service.config.pepper.as_ref());
    let outdated = (!is_current).then(|| user.hash.clone());
    Ok(Verdict { ok: true, user: Some(given(user)), outdated })
}

/// Hashes a password anew, after it was verified, and stores the hash in the place of the hash `old`. A user whose
/// password the service would refuse at a sign-up keeps the hash.
///
/// # Errors
/// [`Failure::Unavailable`] without the database, and [`Failure::Internal`] if the password could not be hashed.
pub async fn renew(service: &Service, credentials: &Credentials, id: u64, old: &str) -> Result<(), Failure> {
    let Ok(password) = Password::parse(&credentials.password, 1) else { return Ok(()) };
    users::renew_password_hash(&service.store, id, old, &hash(service, &password)?).await?;
    Ok(())
}

/// The user, or `None`.
///
/// # Errors
/// [`Failure::Unavailable`] without the database.
pub async fn get(service: &Service, who: &Who) -> Result<Option<Given>, Failure> {
    let user = match who {
        Who { id: Some(id), .. } => users::get(&service.store, *id).await?,
        Who { client_id: Some(client_id), username: Some(username), .. } => {
            find(service, client_id, username).await?
        }
        Who { .. } => None,
    };
    Ok(user.map(given))
}

/// Stores a new password under the rules of a sign-up.
///
/// # Errors
/// As [`store_password`], except a bad password, which is an [`Outcome`].
pub async fn set_password(service: &Service, input: &NewPassword) -> Result<Outcome, Failure> {
    let stored = store_password(service, SERVICE, input.id, &input.password, |_| {}).await;
    match stored {
        Ok(true) => Ok(Outcome { ok: true, reason: None, description: None }),
        Ok(false) => Ok(refused("not_found", "There is no such user")),
        Err(Failure::Invalid { reason, description, .. }) => Ok(refused(&reason, &description)),
        Err(failure) => Err(failure),
    }
}

/// Erases a user. Returns whether there was one.
///
/// # Errors
/// [`Failure::Unavailable`] without the database.
pub async fn erase(service: &Service, who: &Who) -> Result<bool, Failure> {
    let Some(id) = who.id else { return Ok(false) };
    Ok(users::erase(&service.store, SERVICE, id).await?)
}

async fn find(service: &Service, client_id: &str, username: &str) -> Result<Option<User>, Failure> {
    let (Ok(client_id), Ok(username)) = (ClientId::parse(client_id.to_owned()), Username::parse(username))
    else {
        return Ok(None);
    };
    let skeletons = service.skeletons(&username);
    let homes = service.store.homes_of_user(&client_id, &username, skeletons.as_ref());
    Ok(users::find(&service.store, &homes, &client_id, &username).await?)
}

fn given(user: User) -> Given {
    Given { id: user.id, username: user.username, created_at: time::written(user.created_at) }
}

fn refused(reason: &str, description: &str) -> Outcome {
    Outcome { ok: false, reason: Some(reason.to_owned()), description: Some(description.to_owned()) }
}
