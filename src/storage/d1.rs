//! The users, accounts, clients and spent proofs in D1.
//!
//! It owns every statement, and the values that a statement stores and returns. It must not know HTTP.
//!
//! A sign-up is stored by one statement, which has three outcomes. It inserts a row and returns it. Or it finds the
//! row that the same request inserted before, by its `request_key`, and returns that row unchanged. Or it finds the
//! name taken, and returns no row. So a statement whose outcome is unknown may be repeated, by the client or here. To
//! spend a proof and to read the registered clients takes one statement each.
//!
//! A service may have many databases, in generations. Then a statement that inserts goes to the name's home in the
//! first generation that is not frozen, and each frozen generation is searched by a statement before it. Every
//! statement checks the place of its database, and fails in a wrong one.

use std::ops::Range;

use worker::js_sys::Promise;

use crate::fields::client_id::ClientId;
use crate::fields::confusables::Skeletons;
use crate::fields::request_key::RequestKey;
use crate::fields::username::Username;
use crate::platform::Environment;
use crate::setting::ConfigError;
use crate::storage::database::{Database, Hit, READ_TIME_LIMIT, Search, StoreError, WRITE_TIME_LIMIT};
use crate::storage::shards::{Shard, Shards};
use crate::storage::walk::{Source, Step, Walk};
use crate::task::settled;

/// The place of a database as a Worker names it, without the service.
macro_rules! place {
    () => {
        "number || ' ' || generation || ' ' || position || ' ' || size || iif(size > 1, ' ' || placing, '')"
    };
}

/// A condition on the row of `place`: whether the first value is the place, with or without the service.
macro_rules! is_place {
    () => {
        concat!("?1 IN (", place!(), ", ", place!(), " || ' ' || service)")
    };
}

/// The condition for statements that are not in this module.
pub const IS_PLACE: &str = is_place!();

/// $value in the right place, and NULL in a wrong one. Its column takes no NULL, so nothing is stored there.
macro_rules! in_place {
    ($value:literal) => {
        concat!("(SELECT ", $value, " FROM place WHERE ", is_place!(), ")")
    };
}

/// The conflict on the name's key comes first, so that a repeat finds its own row although it also conflicts with that
/// row's skeletons. A request key is valid for a day: with an older key, which may have leaked, no row comes back.
const INSERT_USER: &str = concat!(
    "INSERT INTO users (client_id, username_key, username_skeleton_written, username_skeleton_folded, \
    username_skeleton, request_key, username, password_hash) VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ",
    in_place!("?9"),
    ") ON CONFLICT (client_id, username_key) \
    DO UPDATE SET request_key = request_key \
    WHERE request_key = excluded.request_key AND created_at > unixepoch() - 86400 \
    ON CONFLICT DO NOTHING \
    RETURNING id, username"
);

/// Says whether the database is frozen, and whether the name is there and belongs to this request. It returns a row in
/// any case, except in a wrong place.
const SEARCH_USER: &str = concat!(
    "SELECT frozen_at IS NOT NULL AS frozen, \
    username_key = ?3 AND request_key = ?7 AND created_at > unixepoch() - 86400 AS own, users.id, username \
    FROM place LEFT JOIN users ON users.id = (SELECT id FROM users WHERE client_id = ?2 AND (username_key = ?3 \
    OR username_skeleton_written = ?4 OR username_skeleton_folded = ?5 OR username_skeleton = ?6) \
    ORDER BY username_key = ?3 DESC LIMIT 1) WHERE ",
    is_place!()
);

const INSERT_ACCOUNT: &str = concat!(
    "INSERT INTO accounts (name_key, name_skeleton_written, name_skeleton_folded, name_skeleton, request_key, name, \
    privacy) VALUES (?2, ?3, ?4, ?5, ?6, ?7, ",
    in_place!("?8"),
    ") ON CONFLICT (name_key) \
    DO UPDATE SET request_key = request_key \
    WHERE request_key = excluded.request_key AND created_at > unixepoch() - 86400 \
    ON CONFLICT DO NOTHING \
    RETURNING name, privacy"
);

/// The same for an account, as [`SEARCH_USER`] does for a user.
const SEARCH_ACCOUNT: &str = concat!(
    "SELECT frozen_at IS NOT NULL AS frozen, \
    name_key = ?2 AND request_key = ?6 AND created_at > unixepoch() - 86400 AS own, name, privacy \
    FROM place LEFT JOIN accounts ON accounts.id = (SELECT id FROM accounts WHERE name_key = ?2 \
    OR name_skeleton_written = ?3 OR name_skeleton_folded = ?4 OR name_skeleton = ?5 \
    ORDER BY name_key = ?2 DESC LIMIT 1) WHERE ",
    is_place!()
);

/// The enabled clients are one text, because it is a single value to fetch, to keep and to search. A row comes back in
/// any case, except in a wrong place.
const CLIENTS: &str = concat!(
    "SELECT (SELECT group_concat(id || ' ' || origins, char(10)) FROM clients WHERE disabled_at IS NULL) AS clients \
    FROM place WHERE ",
    is_place!()
);

/// The row comes back in any case, so the isolate learns which sign-up the proof belongs to and need not ask again. A
/// trigger of the table deletes the expired proofs.
const SPEND_PROOF: &str = concat!(
    "INSERT INTO challenges (expires_at, id, sign_up) VALUES (?2, ?3, ",
    in_place!("?4"),
    ") ON CONFLICT (expires_at, id) DO UPDATE SET tries = tries + (sign_up = excluded.sign_up) \
    RETURNING sign_up, tries"
);

/// The same for a proof. Each proof that the database has counts as the request's own: its row says which sign-up it
/// paid for.
const SEARCH_PROOF: &str = concat!(
    "SELECT frozen_at IS NOT NULL AS frozen, sign_up IS NOT NULL OR NULL AS own, sign_up, tries \
    FROM place LEFT JOIN challenges ON expires_at = ?2 AND challenges.id = ?3 WHERE ",
    is_place!()
);

/// Counts a try with a proof that a frozen database has.
const COUNT_PROOF: &str = concat!(
    "UPDATE challenges SET tries = ",
    in_place!("tries + (sign_up = ?4)"),
    " WHERE expires_at = ?2 AND id = ?3 RETURNING sign_up, tries"
);

/// Whether the database is frozen.
const SURVEY: &str = concat!("SELECT frozen_at IS NOT NULL AS frozen FROM place WHERE ", is_place!());

/// The most databases that a service may have to be surveyed: each takes a statement. In a service of one database or
/// of more than these, a statement still checks the place of its own database.
const MAX_SURVEYED: usize = 64;

/// The databases.
pub struct Store {
    shards: Shards,
    databases: Vec<Database>,
}

/// A user to be stored, except the password's hash.
pub struct NewUser<'a> {
    /// The namespace.
    pub client_id: &'a ClientId,
    /// The name and its key.
    pub username: &'a Username,
    /// The skeletons of the name; `None` where names may look alike.
    pub skeletons: Option<&'a Skeletons>,
    /// Identifies the sign-up across its retries.
    pub request_key: &'a RequestKey,
}

/// A user as stored.
pub struct User {
    /// The id, which is unique over all namespaces.
    pub id: u64,
    /// The name, in NFC.
    pub username: String,
}

/// An account ready to be stored.
pub struct NewAccount<'a> {
    /// The name and its key.
    pub name: &'a Username,
    /// The skeletons of the name; `None` where names may look alike.
    pub skeletons: Option<&'a Skeletons>,
    /// `Public` or `Private`.
    pub privacy: &'a str,
    /// Identifies the sign-up across its retries.
    pub request_key: &'a RequestKey,
}

/// An account as stored.
pub struct Account {
    /// The name, in NFC.
    pub name: String,
    /// `Public` or `Private`.
    pub privacy: String,
}

/// A proof as the database remembers it.
pub struct SpentProof {
    /// The fingerprint of the sign-up that the proof was first spent on.
    pub sign_up: String,
    /// How often that sign-up has come with the proof.
    pub tries: u64,
}

impl Store {
    /// Takes the D1 bindings of `shards` from `env`.
    ///
    /// # Errors
    /// [`ConfigError`]: a binding is missing.
    pub fn new(shards: Shards, env: &Environment) -> Result<Self, ConfigError> {
        let mut databases = Vec::new();
        for Shard { binding, place } in &shards.all {
            databases.push(Database::new(binding.clone(), env.required(binding)?, place.clone()));
        }
        Ok(Self { shards, databases })
    }

    /// Asks each database of a service of 2 to 64 for its place and its fence. A database that does not answer is left
    /// out: every later statement checks its place too.
    ///
    /// # Errors
    /// [`StoreError::Misplaced`]: a database has another place than the settings give it.
    pub async fn survey(&self) -> Result<(), StoreError> {
        if (2..=MAX_SURVEYED).contains(&self.databases.len()) {
            Database::survey(&self.databases, SURVEY).await?;
        }
        Ok(())
    }

    /// Begins to store a user: the searches of frozen databases begin, and go on while the password is hashed.
    #[must_use]
    pub fn begin_user<'a>(&'a self, user: &NewUser<'a>) -> PendingUser<'a> {
        let NewUser { client_id, username, skeletons, request_key } = *user;
        let homes = self.homes(&user_placed_by(client_id, username, skeletons));
        let [written, folded, capitals] = forms(skeletons);
        let key = Some(username.key());
        let values =
            vec![Some(client_id.as_str()), key, written, folded, capitals, Some(request_key.as_str())];
        PendingUser { row: Pending::begin(homes, SEARCH_USER, values), username }
    }

    /// Stores an account. Returns `None` if the name is taken.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first.
    pub async fn insert_account(&self, account: NewAccount<'_>) -> Result<Option<Account>, StoreError> {
        let NewAccount { name, skeletons, privacy, request_key } = account;
        let homes = self.homes(&placed_by(name, skeletons));
        let [written, folded, capitals] = forms(skeletons);
        let values = vec![Some(name.key()), written, folded, capitals, Some(request_key.as_str())];
        let pending = Pending::begin(homes, SEARCH_ACCOUNT, values);
        let row = pending.insert(INSERT_ACCOUNT, &[Some(name.as_str()), Some(privacy)], None).await?;
        let (Some(row), database) = row else { return Ok(None) };
        let (name, privacy) = database.columns(&row)?;
        Ok(Some(Account { name: name.to_owned(), privacy: privacy.to_owned() }))
    }

    /// The clients that are not disabled, one a line: the client's id and the origins that it lists, separated by
    /// spaces. The first database has them. D1 returns no text over 2 MB, which is enough for about 30,000 clients.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first.
    pub async fn clients(&self) -> Result<String, StoreError> {
        let first = self.databases.first().ok_or(StoreError::Frozen)?;
        let row = first.first(CLIENTS, &first.values(&[]), READ_TIME_LIMIT).await?;
        row.ok_or_else(|| first.misplaced())
    }

    /// Spends the proof `id`, a UUID, on a sign-up, unless it was spent before. `sign_up` is the sign-up's fingerprint,
    /// of 64 characters, and `expires_at` is in seconds since 1970. Returns the proof as the database remembers it.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first. [`StoreError::Broken`] if the
    /// database returns no row: each of the statements returns one.
    pub async fn spend_proof(
        &self,
        id: &str,
        expires_at: u64,
        sign_up: &str,
    ) -> Result<SpentProof, StoreError> {
        let expires_at = expires_at.to_string();
        let pending = Pending::begin(self.homes(id), SEARCH_PROOF, vec![Some(&*expires_at), Some(id)]);
        let (row, database) = pending.insert(SPEND_PROOF, &[Some(sign_up)], Some(COUNT_PROOF)).await?;
        let row = row.unwrap_or_default();
        let (sign_up, tries) = database.columns(&row)?;
        Ok(SpentProof { sign_up: sign_up.to_owned(), tries: database.number(tries)? })
    }

    /// The databases of each generation, as their numbers.
    pub fn generations(&self) -> impl DoubleEndedIterator<Item = Range<usize>> {
        self.shards.generations()
    }

    /// All databases. The number of a database is its index.
    #[must_use]
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// The number of the home of a user's name in each generation.
    #[must_use]
    pub fn homes_of_user(
        &self,
        client_id: &ClientId,
        username: &Username,
        skeletons: Option<&Skeletons>,
    ) -> Vec<usize> {
        self.shards.homes(&user_placed_by(client_id, username, skeletons))
    }

    /// The number of the home of an account's name in each generation.
    #[must_use]
    pub fn homes_of_account(&self, name: &Username, skeletons: Option<&Skeletons>) -> Vec<usize> {
        self.shards.homes(&placed_by(name, skeletons))
    }

    /// The home in each generation, as [`Shards::homes`] numbers them. A proof is placed by its id.
    fn homes(&self, placed_by: &str) -> Vec<&Database> {
        self.shards.homes(placed_by).into_iter().filter_map(|number| self.databases.get(number)).collect()
    }
}

/// The form of a name that places it. If a name counts as taken because of another name, both have the same form.
fn placed_by(name: &Username, skeletons: Option<&Skeletons>) -> String {
    match skeletons {
        #[cfg(feature = "confusables")]
        Some(skeletons) => skeletons.outline(),
        _ => name.key().to_owned(),
    }
}

/// The namespace and the form of a user's name that place it.
fn user_placed_by(client_id: &ClientId, username: &Username, skeletons: Option<&Skeletons>) -> String {
    format!("{}\n{}", client_id.as_str(), placed_by(username, skeletons))
}

/// The skeletons as the columns of a row have them.
fn forms(skeletons: Option<&Skeletons>) -> [Option<&str>; 3] {
    skeletons.map_or([None; 3], |Skeletons { written, folded, capitals }| {
        [Some(written), Some(folded), Some(capitals)]
    })
}

/// A user on the way into the database.
pub struct PendingUser<'a> {
    row: Pending<'a>,
    username: &'a Username,
}

impl PendingUser<'_> {
    /// Stores the user with `password_hash`, a PHC string. Returns `None` if the name is taken in its namespace.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first.
    pub async fn insert(self, password_hash: &str) -> Result<Option<User>, StoreError> {
        let values = [Some(self.username.as_str()), Some(password_hash)];
        let (Some(row), database) = self.row.insert(INSERT_USER, &values, None).await? else {
            return Ok(None);
        };
        let (id, username) = database.columns(&row)?;
        Ok(Some(User { id: database.number(id)?, username: username.to_owned() }))
    }
}

/// A row on its way through the homes of its name.
struct Pending<'a> {
    homes: Vec<&'a Database>,
    /// The statement that searches, and its values after the place.
    search: &'static str,
    values: Vec<Option<&'a str>>,
    /// The searches that have begun, each with its generation.
    begun: Vec<(usize, Promise)>,
}

impl<'a> Pending<'a> {
    fn begin(homes: Vec<&'a Database>, search: &'static str, values: Vec<Option<&'a str>>) -> Self {
        let mut begun = Vec::new();
        for generation in walk(&homes).expected() {
            if let Some(home) = homes.get(generation) {
                begun.push((generation, home.begin_search(search, &values)));
            }
        }
        Self { homes, search, values, begun }
    }

    /// Inserts the row by the statement `insert`, which has the values of the search and `more` values. Returns the row
    /// of this request, or `None` if the name belongs to another request, and the database that has it. If a search
    /// finds the row, the statement `again` runs in its database, with the values of `insert`, and returns the row.
    async fn insert(
        mut self,
        insert: &'static str,
        more: &[Option<&str>],
        again: Option<&'static str>,
    ) -> Result<(Option<String>, &'a Database), StoreError> {
        let all = [&self.values, more].concat();
        let mut walk = walk(&self.homes);
        loop {
            let step = walk.step();
            let (Step::Search(generation) | Step::Insert(generation)) = step else {
                return Err(StoreError::Frozen);
            };
            let database = *self.homes.get(generation).ok_or(StoreError::Frozen)?;
            if let Step::Insert(_) = step {
                match database.first(insert, &database.values(&all), WRITE_TIME_LIMIT).await {
                    Err(error) if Database::is_frozen(&error) => walk.was_refused(),
                    row => return Ok((row?, database)),
                }
                continue;
            }
            let begun = self.begun.iter().position(|(begun, _)| *begun == generation);
            let copy = match begun.map(|at| self.begun.swap_remove(at)) {
                Some((_, search)) => settled(search).await.ok(),
                None => None,
            };
            let (row, source) = if let Some(row) = copy {
                (row.as_string(), Source::Replica)
            } else {
                let values = database.values(&self.values);
                (database.first(self.search, &values, READ_TIME_LIMIT).await?, Source::Primary)
            };
            let Search { is_frozen, hit } = database.read_search(row)?;
            match (hit, again) {
                (Hit::Nothing, _) => walk.found_nothing(is_frozen, source),
                _ if !source.proves_a_row() => {}
                (Hit::Other, _) => return Ok((None, database)),
                (Hit::Own(row), None) => return Ok((Some(row), database)),
                (Hit::Own(_), Some(again)) => {
                    let row = database.first(again, &database.values(&all), WRITE_TIME_LIMIT).await?;
                    return Ok((row, database));
                }
            }
        }
    }
}

fn walk<'a>(homes: &[&'a Database]) -> Walk<'a> {
    Walk::new(homes.iter().map(|home| &home.fence).collect())
}
