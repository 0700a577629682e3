//! Imports: many users by one statement for each database.
//!
//! An import keeps the promises of a sign-up. A name goes to its home in the first generation that is not frozen, and the
//! frozen generations before it are searched in the same order. A line has a request key that is made of its values, so
//! the same line finds its own row whenever it comes again.

use std::collections::HashMap;

use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::confusables::Skeletons;
use edge_signup::fields::request_key::RequestKey;
use edge_signup::fields::username::Username;
use edge_signup::http::json;
use edge_signup::storage::d1::Store;
use edge_signup::storage::database::{Database, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::audit::{self, Action};
use super::batch::{self, Statement};

/// The hash in `users` of a user with an imported hash: no password is known for a tag of zeros. The salt says
/// "imported".
pub const NO_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$aW1wb3J0ZWQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A user to be stored.
pub struct NewUser {
    /// The namespace.
    pub client_id: ClientId,
    /// The name.
    pub username: Username,
    /// The skeletons of the name; `None` where names may look alike.
    pub skeletons: Option<Skeletons>,
    /// The hash as it came.
    pub hash: String,
    /// Whether the hash has the form that `users` takes. Any other hash is kept as an imported one.
    pub is_own_form: bool,
    /// Seconds since 1970, UTC; `None` for now.
    pub created_at: Option<i64>,
}

/// The outcome of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The user is stored under this id, now or since the line came before.
    Stored(u64),
    /// The name belongs to another user, or looks like another user's.
    Taken,
    /// The name is free; for an import that only checks.
    Free,
}

/// A user as the statements take it, with its place in the list of users.
#[derive(Serialize)]
struct Item<'a> {
    n: usize,
    client_id: &'a str,
    key: &'a str,
    written: Option<&'a str>,
    folded: Option<&'a str>,
    capitals: Option<&'a str>,
    request_key: &'a str,
    username: &'a str,
    hash: &'a str,
    imported: Option<&'a str>,
    created_at: Option<i64>,
}

/// A row that has the name of an item, or one that looks like it.
#[derive(Deserialize)]
struct Found {
    n: usize,
    id: u64,
    own: u8,
}

#[derive(Deserialize)]
struct Fence {
    frozen: u8,
}

const FENCE: &str = "SELECT frozen_at IS NOT NULL AS frozen FROM place";

/// A frozen database takes no row; the condition keeps its trigger from failing the batch.
const INSERT: &str = "INSERT INTO users (client_id, username_key, username_skeleton_written, username_skeleton_folded, \
    username_skeleton, request_key, username, password_hash, created_at) \
    SELECT value ->> 'client_id', value ->> 'key', value ->> 'written', value ->> 'folded', value ->> 'capitals', \
    value ->> 'request_key', value ->> 'username', value ->> 'hash', coalesce(value ->> 'created_at', unixepoch()) \
    FROM json_each(?1) WHERE (SELECT frozen_at FROM place) IS NULL ON CONFLICT DO NOTHING";

/// A row that got another password meanwhile keeps it.
const INSERT_IMPORTED: &str = "INSERT INTO imported_hashes (user_id, hash) \
    SELECT users.id, value ->> 'imported' FROM json_each(?1) JOIN users \
    ON client_id = value ->> 'client_id' AND username_key = value ->> 'key' \
    WHERE value ->> 'imported' IS NOT NULL AND request_key = value ->> 'request_key' AND password_hash = ?2 \
    ON CONFLICT DO NOTHING";

const FIND: &str = "SELECT value ->> 'n' AS n, users.id, request_key = value ->> 'request_key' AS own \
    FROM json_each(?1) JOIN users ON client_id = value ->> 'client_id' AND username_key = value ->> 'key'";

/// As [`FIND`], also for names that look alike.
const FIND_SKELETON: &str = "SELECT value ->> 'n' AS n, users.id, \
    username_key = value ->> 'key' AND request_key = value ->> 'request_key' AS own \
    FROM json_each(?1) JOIN users ON client_id = value ->> 'client_id' AND (username_key = value ->> 'key' \
    OR username_skeleton_written = value ->> 'written' OR username_skeleton_folded = value ->> 'folded' \
    OR username_skeleton = value ->> 'capitals')";

/// Stores `users`, and returns the outcome of each, in their order. With `dry`, it only looks.
///
/// # Errors
/// [`StoreError`]: some of the users may be stored; a repeat stores the others.
pub async fn store(
    store: &Store,
    actor: &str,
    users: &[NewUser],
    dry: bool,
) -> Result<Vec<Outcome>, StoreError> {
    let request_keys: Vec<String> = users.iter().map(request_key).collect();
    let homes: Vec<Vec<usize>> = users
        .iter()
        .map(|user| store.homes_of_user(&user.client_id, &user.username, user.skeletons.as_ref()))
        .collect();
    let mut outcomes: Vec<Option<Outcome>> = vec![None; users.len()];
    for generation in 0..store.generations().count() {
        let mut by_home: HashMap<usize, Vec<usize>> = HashMap::new();
        for (n, homes) in homes.iter().enumerate().filter(|(n, _)| matches!(outcomes.get(*n), Some(None))) {
            if let Some(home) = homes.get(generation) {
                by_home.entry(*home).or_default().push(n);
            }
        }
        for (home, chosen) in by_home {
            let Some(database) = store.databases().get(home) else { continue };
            let items: Vec<Item> =
                chosen.iter().filter_map(|n| Some(item(*n, users.get(*n)?, request_keys.get(*n)?))).collect();
            let is_frozen = store_items(database, actor, &items, dry, &mut outcomes).await?;
            if !is_frozen && !dry {
                // The open generation decides: a row that is not there now has another owner.
                for n in chosen {
                    if let Some(outcome) = outcomes.get_mut(n) {
                        outcome.get_or_insert(Outcome::Taken);
                    }
                }
            }
        }
    }
    let open = if dry { Some(Outcome::Free) } else { None };
    outcomes.into_iter().map(|outcome| outcome.or(open).ok_or(StoreError::Frozen)).collect()
}

/// Stores `items` in one database, unless it is frozen, and notes the rows that have their names. Returns whether it is
/// frozen.
async fn store_items(
    database: &Database,
    actor: &str,
    items: &[Item<'_>],
    dry: bool,
    outcomes: &mut [Option<Outcome>],
) -> Result<bool, StoreError> {
    let text = json::write(items);
    let has_skeletons = items.iter().any(|item| item.capitals.is_some());
    let find = Statement(if has_skeletons { FIND_SKELETON } else { FIND }, vec![text.as_str().into()]);
    let fence = Statement(FENCE, Vec::new());
    let mut rows = if dry {
        batch::read(database, &[fence, find]).await?
    } else {
        let insert = Statement(INSERT, vec![text.as_str().into()]);
        let imported = Statement(INSERT_IMPORTED, vec![text.as_str().into(), NO_PASSWORD.into()]);
        let entry = audit::of_rows(actor, Action::USERS_IMPORTED);
        let mut rows = batch::write(database, &[insert, entry, imported, fence, find]).await?;
        for _ in 0..3 {
            rows.next::<serde_json::Value>(database)?;
        }
        rows
    };
    let is_frozen = rows.next::<Fence>(database)?.pop().is_some_and(|fence| fence.frozen == 1);
    for Found { n, id, own } in rows.next(database)? {
        let found = if own == 1 { Outcome::Stored(id) } else { Outcome::Taken };
        // An item may look like several rows; its own row counts.
        if let Some(outcome) =
            outcomes.get_mut(n).filter(|outcome| !matches!(outcome, Some(Outcome::Stored(_))))
        {
            *outcome = Some(found);
        }
    }
    Ok(is_frozen)
}

fn item<'a>(n: usize, user: &'a NewUser, request_key: &'a str) -> Item<'a> {
    let skeletons = user.skeletons.as_ref();
    Item {
        n,
        client_id: user.client_id.as_str(),
        key: user.username.key(),
        written: skeletons.map(|skeletons| &*skeletons.written),
        folded: skeletons.map(|skeletons| &*skeletons.folded),
        capitals: skeletons.map(|skeletons| &*skeletons.capitals),
        request_key,
        username: user.username.as_str(),
        hash: if user.is_own_form { &user.hash } else { NO_PASSWORD },
        imported: (!user.is_own_form).then_some(&*user.hash),
        created_at: user.created_at,
    }
}

/// The request key of an import: a digest of all values of the line.
fn request_key(user: &NewUser) -> String {
    let created_at = user.created_at.map(|time| time.to_string()).unwrap_or_default();
    let text = [user.client_id.as_str(), user.username.as_str(), &user.hash, &created_at].join("\n");
    let digest = base16ct::lower::encode_string(&Sha256::digest(text));
    // In the form of a request without a key, which no client can choose. A trigger tells imports by it.
    RequestKey::of_request(&format!("import:{digest}")).as_str().to_owned()
}
