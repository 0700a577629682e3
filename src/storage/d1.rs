//! The D1 database.
//!
//! It owns every statement, the values that a statement stores and returns, and the decision which failures are worth
//! another try. It must not know HTTP.
//!
//! A sign-up is stored by one statement, which has three outcomes. It inserts a row and returns it. Or it finds the
//! row that the same request inserted before, by its `request_key`, and returns that row unchanged. Or it finds the
//! name taken, and returns no row. So a statement whose outcome is unknown may be repeated, by the client or here. To
//! spend a proof and to read the registered clients takes one statement each.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

use crate::fields::client_id::ClientId;
use crate::fields::confusables::Skeletons;
use crate::fields::request_key::RequestKey;
use crate::fields::username::Username;
use crate::http::json;
use crate::js_error::JsError;
use crate::platform;
use crate::task::settled;

/// The conflict on the name's key comes first, so that a repeat finds its own row although it also conflicts with that
/// row's skeletons. A request key is valid for a day: with an older key, which may have leaked, no row comes back.
const INSERT_USER: &str = "\
    INSERT INTO users (client_id, username, username_key, username_skeleton_written, username_skeleton_folded, \
    username_skeleton, password_hash, request_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (client_id, username_key) \
    DO UPDATE SET request_key = request_key \
    WHERE request_key = excluded.request_key AND created_at > unixepoch() - 86400 \
    ON CONFLICT DO NOTHING \
    RETURNING id, username";

const INSERT_ACCOUNT: &str = "\
    INSERT INTO accounts (name, name_key, name_skeleton_written, name_skeleton_folded, \
    name_skeleton, privacy, request_key) VALUES (?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (name_key) \
    DO UPDATE SET request_key = request_key \
    WHERE request_key = excluded.request_key AND created_at > unixepoch() - 86400 \
    ON CONFLICT DO NOTHING \
    RETURNING name, privacy";

/// The enabled clients are one text, because it is a single value to fetch, to keep and to search.
const CLIENTS: &str = "\
    SELECT group_concat(id || ' ' || origins, char(10)) AS clients FROM clients WHERE disabled_at IS NULL";

/// The row comes back in any case, so the isolate learns which sign-up the proof belongs to and need not ask again. A
/// trigger of the table deletes the expired proofs.
const SPEND_PROOF: &str = "\
    INSERT INTO challenges (expires_at, id, sign_up) VALUES (?, ?, ?) \
    ON CONFLICT (expires_at, id) DO UPDATE SET tries = tries + (sign_up = excluded.sign_up) \
    RETURNING sign_up, tries";

/// How long a write may take. D1 ends a statement after 30 s, and the Worker stops waiting then, in case the answer is
/// lost.
const WRITE_TIME_LIMIT: Duration = Duration::from_secs(30);

/// How long a read may take. It normally takes milliseconds, and a user does not wait longer than this anyway.
const READ_TIME_LIMIT: Duration = Duration::from_secs(2);

/// The pauses before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// Parts of D1's messages after the connection or the object behind it was replaced: the next try finds a new one
/// (<https://developers.cloudflare.com/d1/observability/debug-d1/#error-list>).
const TRANSIENT: [&str; 4] = [
    "Network connection lost",
    "storage caused object to be reset",
    "reset because its code was updated",
    "Cannot resolve D1 DB due to transient issue",
];

/// The database.
pub struct Store(JsValue);

/// A sign-up ready to be stored.
pub struct NewUser<'a> {
    /// The namespace.
    pub client_id: &'a ClientId,
    /// The name and its key.
    pub username: &'a Username,
    /// The skeletons of the name; `None` where names may look alike.
    pub skeletons: Option<&'a Skeletons>,
    /// The password's hash, as a PHC string.
    pub password_hash: &'a str,
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

/// Why a statement failed.
#[derive(Debug, Clone)]
pub enum StoreError {
    /// The database cannot be reached, is overloaded or did not answer in time.
    Unavailable(JsError),
    /// The statement, the schema or the binding is wrong: no other try will succeed.
    Broken(JsError),
}

impl Store {
    /// Takes the D1 binding.
    #[must_use]
    pub fn new(database: JsValue) -> Self {
        Self(database)
    }

    /// Stores a user. Returns `None` if the name is taken in its namespace.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first.
    pub async fn insert_user(&self, user: NewUser<'_>) -> Result<Option<User>, StoreError> {
        let values = [
            Some(user.client_id.as_str()),
            Some(user.username.as_str()),
            Some(user.username.key()),
            user.skeletons.map(|skeletons| &*skeletons.written),
            user.skeletons.map(|skeletons| &*skeletons.folded),
            user.skeletons.map(|skeletons| &*skeletons.capitals),
            Some(user.password_hash),
            Some(user.request_key.as_str()),
        ];
        let row = self.first(INSERT_USER, &values, WRITE_TIME_LIMIT).await?;
        let Some((id, username)) = columns(row.as_deref())? else { return Ok(None) };
        Ok(Some(User { id: number(id)?, username: username.to_owned() }))
    }

    /// Stores an account. Returns `None` if the name is taken.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first.
    pub async fn insert_account(&self, account: NewAccount<'_>) -> Result<Option<Account>, StoreError> {
        let values = [
            Some(account.name.as_str()),
            Some(account.name.key()),
            account.skeletons.map(|skeletons| &*skeletons.written),
            account.skeletons.map(|skeletons| &*skeletons.folded),
            account.skeletons.map(|skeletons| &*skeletons.capitals),
            Some(account.privacy),
            Some(account.request_key.as_str()),
        ];
        let row = self.first(INSERT_ACCOUNT, &values, WRITE_TIME_LIMIT).await?;
        let Some((name, privacy)) = columns(row.as_deref())? else { return Ok(None) };
        Ok(Some(Account { name: name.to_owned(), privacy: privacy.to_owned() }))
    }

    /// The clients that are not disabled, one a line: the client's id and the origins that it lists, separated by
    /// spaces. D1 returns no text over 2 MB, which is enough for about 30,000 clients.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first.
    pub async fn clients(&self) -> Result<String, StoreError> {
        Ok(self.first(CLIENTS, &[], READ_TIME_LIMIT).await?.unwrap_or_default())
    }

    /// Spends the proof `id`, a UUID, on a sign-up, unless it was spent before. `sign_up` is the sign-up's fingerprint,
    /// of 64 characters, and `expires_at` is in seconds since 1970. Returns the proof as the database remembers it; the
    /// database always returns the row.
    ///
    /// # Errors
    /// [`StoreError`]. A statement that fails transiently is tried three times first.
    pub async fn spend_proof(
        &self,
        id: &str,
        expires_at: u64,
        sign_up: &str,
    ) -> Result<Option<SpentProof>, StoreError> {
        let values = [Some(&*expires_at.to_string()), Some(id), Some(sign_up)];
        let row = self.first(SPEND_PROOF, &values, WRITE_TIME_LIMIT).await?;
        let Some((sign_up, tries)) = columns(row.as_deref())? else { return Ok(None) };
        Ok(Some(SpentProof { sign_up: sign_up.to_owned(), tries: number(tries)? }))
    }

    /// Runs `statement` and returns its first row, a line for each column. After a transient failure it tries again,
    /// three times in all. Each try may take `limit`.
    async fn first(
        &self,
        statement: &str,
        values: &[Option<&str>],
        limit: Duration,
    ) -> Result<Option<String>, StoreError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let error = match self.try_first(statement, values, limit).await {
                Ok(row) => return Ok(row),
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if is_transient(&error) => platform::pause(pause).await,
                _ => return Err(StoreError::from(error)),
            }
        }
    }

    async fn try_first(
        &self,
        statement: &str,
        values: &[Option<&str>],
        limit: Duration,
    ) -> Result<Option<String>, JsError> {
        let row = first(&self.0, statement, &json::write(values), platform::milliseconds(limit));
        Ok(settled(row).await?.as_string())
    }
}

/// The two columns of a row. A row of another form is an error, because without a row a name counts as taken.
fn columns(row: Option<&str>) -> Result<Option<(&str, &str)>, StoreError> {
    row.map(|row| row.split_once('\n').ok_or_else(unexpected)).transpose()
}

fn number(column: &str) -> Result<u64, StoreError> {
    column.parse().map_err(|_| unexpected())
}

fn unexpected() -> StoreError {
    StoreError::Broken(JsError { name: "Error".to_owned(), message: "a row is not of its form".to_owned() })
}

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    /// <https://developers.cloudflare.com/d1/worker-api/prepared-statements/>
    fn first(database: &JsValue, statement: &str, values: &str, milliseconds: f64) -> Promise;
}

fn is_transient(error: &JsError) -> bool {
    TRANSIENT.iter().any(|text| error.says(text))
}

impl From<JsError> for StoreError {
    /// An error with one of these codes says that the statement, the schema or a value is wrong. Every other error is
    /// the platform's, also that of a full database.
    fn from(error: JsError) -> Self {
        let ours = ["SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "D1_TYPE_ERROR"]
            .iter()
            .any(|code| error.says(code))
            || error.is_misuse();
        if ours { Self::Broken(error) } else { Self::Unavailable(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(name: &str, message: &str) -> JsError {
        JsError { name: name.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn a_row_has_two_columns_of_its_form() {
        assert!(matches!(columns(None), Ok(None)));
        assert!(matches!(columns(Some("814\nada")), Ok(Some(("814", "ada")))));
        assert!(matches!(number("814"), Ok(814)));
        for error in
            [columns(Some("")).err(), columns(Some("814")).err(), number("x").err(), number("").err()]
        {
            assert!(matches!(error, Some(StoreError::Broken(_))), "{error:?}");
        }
    }

    #[test]
    fn a_lost_connection_is_worth_another_try() {
        for message in [
            "D1_ERROR: Network connection lost.",
            "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
            "D1_ERROR: D1 DB reset because its code was updated.",
            "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
        ] {
            assert!(is_transient(&error("Error", message)), "{message}");
            assert!(matches!(StoreError::from(error("Error", message)), StoreError::Unavailable(_)));
        }
    }

    #[test]
    fn overload_and_time_limits_are_passed_on_at_once() {
        for (name, message) in [
            ("Error", "D1_ERROR: D1 DB is overloaded. Requests queued for too long."),
            ("Error", "D1_ERROR: D1 DB is overloaded. Too many requests queued."),
            ("Error", "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset."),
            ("Error", "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset."),
            ("Error", "D1_ERROR: database or disk is full: SQLITE_FULL"),
            ("TimeoutError", "no answer in time"),
        ] {
            assert!(!is_transient(&error(name, message)), "{message}");
            assert!(matches!(StoreError::from(error(name, message)), StoreError::Unavailable(_)));
        }
    }

    #[test]
    fn a_wrong_schema_or_binding_is_ours() {
        for (name, message) in [
            ("Error", "D1_ERROR: no such table: users: SQLITE_ERROR"),
            ("Error", "D1_ERROR: CHECK constraint failed: privacy: SQLITE_CONSTRAINT"),
            ("Error", "D1_TYPE_ERROR: Type 'bigint' not supported for value '1'"),
            ("TypeError", "this.prepare is not a function"),
        ] {
            assert!(!is_transient(&error(name, message)));
            assert!(matches!(StoreError::from(error(name, message)), StoreError::Broken(_)), "{message}");
        }
    }
}
