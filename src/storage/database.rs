//! One D1 database: its binding, its place, and the statements that go to it.
//!
//! It owns how a statement is sent, which failures are worth another try, and how a database that is frozen or in a
//! wrong place is recognised. It must not know what a statement stores.

use std::cell::Cell;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::js_sys::{Array, Promise};

use crate::http::json;
use crate::js_error::JsError;
use crate::platform;
use crate::storage::walk::Fence;
use crate::task::settled;

/// How long a write may take. D1 ends a statement after 30 s, and the Worker stops waiting then, in case the answer is
/// lost.
pub const WRITE_TIME_LIMIT: Duration = Duration::from_secs(30);

/// How long a read may take. It normally takes milliseconds, and a user does not wait longer than this anyway.
pub const READ_TIME_LIMIT: Duration = Duration::from_secs(2);

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

/// Part of the error after an insert into a frozen database: the text of its trigger.
const FROZEN: &str = "frozen: SQLITE_CONSTRAINT";

/// Parts of the errors of statements in a wrong place. An insert has a NULL there, which the Worker itself sends only
/// for columns that take it; and the check before a batch reads a word as JSON.
const NO_PLACE: [&str; 2] = ["NOT NULL constraint failed", "malformed JSON"];

/// A database of the service.
pub struct Database {
    /// The binding.
    name: String,
    handle: JsValue,
    /// The place that the settings give it.
    place: String,
    /// The fence, as far as this isolate knows it.
    pub fence: Cell<Fence>,
}

/// The outcome of a search.
pub struct Search {
    /// Whether the database was frozen when it was searched.
    pub is_frozen: bool,
    /// The row that was found.
    pub hit: Hit,
}

/// The row that a search found.
pub enum Hit {
    /// The home lacks the row.
    Nothing,
    /// The row of another request.
    Other,
    /// The row of this request, a line for each column.
    Own(String),
}

/// Why a statement failed.
#[derive(Debug, Clone)]
pub enum StoreError {
    /// The database cannot be reached, is overloaded or did not answer in time.
    Unavailable {
        /// The binding of the database.
        database: String,
        /// The error of the platform.
        error: JsError,
    },
    /// The statement, the schema or the binding is wrong: no other try will succeed.
    Broken {
        /// The binding of the database.
        database: String,
        /// The error of the platform.
        error: JsError,
    },
    /// The database has another place than the settings give it.
    Misplaced {
        /// The binding of the database.
        database: String,
    },
    /// Every database that could take the row is frozen.
    Frozen,
}

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    /// <https://developers.cloudflare.com/d1/worker-api/prepared-statements/>
    fn first(database: &JsValue, statement: &str, values: &str, milliseconds: f64) -> Promise;

    /// The same on the nearest copy of the database. The promise may be left alone.
    /// <https://developers.cloudflare.com/d1/best-practices/read-replication/>
    #[wasm_bindgen(js_name = firstOfCopy)]
    fn first_of_copy(database: &JsValue, statement: &str, values: &str, milliseconds: f64) -> Promise;

    /// A character for each database: the first one of the row, `-` without a row, or `?` after a failure.
    #[wasm_bindgen(js_name = firstOfEach)]
    fn first_of_each(databases: &Array, statement: &str, values: &str, milliseconds: f64) -> Promise;
}

impl Database {
    /// Takes a D1 binding and its name, and the place that the settings give it.
    #[must_use]
    pub fn new(name: String, handle: JsValue, place: String) -> Self {
        Self { name, handle, place, fence: Cell::new(Fence::Unknown) }
    }

    /// Asks each of `databases` for its fence by `statement`, which returns no row where its value is not the place of
    /// the database. A database that does not answer in time is left out.
    ///
    /// # Errors
    /// [`StoreError::Misplaced`]: a database has another place than the settings give it.
    pub async fn survey(databases: &[Self], statement: &str) -> Result<(), StoreError> {
        let handles: Array = databases.iter().map(|database| &database.handle).collect();
        let places = json::write(&databases.iter().map(|database| &*database.place).collect::<Vec<_>>());
        let limit = platform::milliseconds(READ_TIME_LIMIT);
        let fences = settled(first_of_each(&handles, statement, &places, limit)).await;
        let fences = fences.ok().and_then(|fences| fences.as_string()).unwrap_or_default();
        for (database, fence) in databases.iter().zip(fences.bytes()) {
            match fence {
                b'0' => database.fence.set(Fence::Open),
                b'1' => database.fence.set(Fence::Frozen),
                b'-' => return Err(database.misplaced()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The binding.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The D1 binding itself.
    #[must_use]
    pub fn handle(&self) -> &JsValue {
        &self.handle
    }

    /// The place that the settings give it.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Begins `statement`, a search, in the nearest copy of the database. The promise may be left alone.
    pub fn begin_search(&self, statement: &str, values: &[Option<&str>]) -> Promise {
        let limit = platform::milliseconds(READ_TIME_LIMIT);
        first_of_copy(&self.handle, statement, &self.values(values), limit)
    }

    /// Reads the row of a search. Its columns are: whether the database is frozen, whether the row belongs to the
    /// request, and the row.
    ///
    /// # Errors
    /// [`StoreError::Misplaced`] without a row, and [`StoreError::Broken`] for a row of an unexpected form.
    pub fn read_search(&self, row: Option<String>) -> Result<Search, StoreError> {
        let row = row.ok_or_else(|| self.misplaced())?;
        read_search(&row).ok_or_else(|| self.unexpected())
    }

    /// Whether `error` says that the database is frozen.
    #[must_use]
    pub fn is_frozen(error: &StoreError) -> bool {
        matches!(error, StoreError::Broken { error, .. } if error.says(FROZEN))
    }

    /// Runs `statement` with `values`, a JSON array, and returns its first row, a line for each column. Each try may
    /// take `limit`.
    ///
    /// # Errors
    /// [`StoreError`], as [`Database::try_thrice`] returns it.
    pub async fn first(
        &self,
        statement: &str,
        values: &str,
        limit: Duration,
    ) -> Result<Option<String>, StoreError> {
        let limit = platform::milliseconds(limit);
        let row = self.try_thrice(|handle| first(handle, statement, values, limit)).await?;
        Ok(row.as_string())
    }

    /// The outcome of `ask`, which begins work on the D1 binding. After a transient failure it is asked again, three
    /// times in all.
    ///
    /// # Errors
    /// [`StoreError`], the last try's.
    pub async fn try_thrice(&self, ask: impl Fn(&JsValue) -> Promise) -> Result<JsValue, StoreError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let error = match settled(ask(&self.handle)).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => JsError::from(error),
            };
            match pauses.next() {
                Some(pause) if is_transient(&error) => platform::pause(pause).await,
                _ if NO_PLACE.iter().any(|text| error.says(text)) => return Err(self.misplaced()),
                _ => return Err(failure(&self.name, error)),
            }
        }
    }

    /// The two columns of a row. A row of another form is an error, because without a row a name counts as taken.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: the row does not have two columns.
    pub fn columns<'a>(&self, row: &'a str) -> Result<(&'a str, &'a str), StoreError> {
        row.split_once('\n').ok_or_else(|| self.unexpected())
    }

    /// A column that has a number.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: the column has something else.
    pub fn number(&self, column: &str) -> Result<u64, StoreError> {
        column.parse().map_err(|_| self.unexpected())
    }

    /// The values of a statement as a JSON array. The place of the database comes first.
    #[must_use]
    pub fn values(&self, values: &[Option<&str>]) -> String {
        json::write(&[&[Some(&*self.place)], values].concat())
    }

    /// The error for this database in a wrong place.
    #[must_use]
    pub fn misplaced(&self) -> StoreError {
        StoreError::Misplaced { database: self.name.clone() }
    }

    fn unexpected(&self) -> StoreError {
        let error = JsError { name: "Error".to_owned(), message: "a row is not of its form".to_owned() };
        StoreError::Broken { database: self.name.clone(), error }
    }
}

fn read_search(row: &str) -> Option<Search> {
    let mut columns = row.splitn(3, '\n');
    let (frozen, own, rest) = (columns.next()?, columns.next()?, columns.next()?);
    let hit = match own {
        "" => Hit::Nothing,
        "1" => Hit::Own(rest.to_owned()),
        _ => Hit::Other,
    };
    Some(Search { is_frozen: frozen == "1", hit })
}

fn is_transient(error: &JsError) -> bool {
    TRANSIENT.iter().any(|text| error.says(text))
}

/// An error with one of these codes says that the statement, the schema or a value is wrong. Every other error is the
/// platform's, also that of a full database.
fn failure(database: &str, error: JsError) -> StoreError {
    let ours = ["SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "D1_TYPE_ERROR"]
        .iter()
        .any(|code| error.says(code))
        || error.is_misuse();
    let database = database.to_owned();
    if ours { StoreError::Broken { database, error } } else { StoreError::Unavailable { database, error } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(name: &str, message: &str) -> JsError {
        JsError { name: name.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn a_row_has_two_columns_of_its_form() {
        let database = Database::new("DB".to_owned(), JsValue::UNDEFINED, String::new());
        assert!(matches!(database.columns("814\nada"), Ok(("814", "ada"))));
        assert!(matches!(database.number("814"), Ok(814)));
        for error in [
            database.columns("").err(),
            database.columns("814").err(),
            database.number("x").err(),
            database.number("").err(),
        ] {
            assert!(matches!(error, Some(StoreError::Broken { .. })), "{error:?}");
        }
    }

    #[test]
    fn a_search_tells_the_fence_and_the_row() {
        let read = |row: &str| {
            let Search { is_frozen, hit } = read_search(row)?;
            let hit = match hit {
                Hit::Nothing => "nothing".to_owned(),
                Hit::Other => "other".to_owned(),
                Hit::Own(row) => row,
            };
            Some((is_frozen, hit))
        };
        for (row, expected) in [
            ("1\n\n\n", (true, "nothing")),
            ("0\n\n\n", (false, "nothing")),
            ("1\n0\n814\nada", (true, "other")),
            ("1\n1\n814\nada", (true, "814\nada")),
        ] {
            assert_eq!(read(row), Some((expected.0, expected.1.to_owned())), "{row:?}");
        }
        assert_eq!(read("1\n1"), None);
        assert_eq!(read(""), None);
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
            assert!(matches!(failure("DB", error("Error", message)), StoreError::Unavailable { .. }));
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
            assert!(matches!(failure("DB", error(name, message)), StoreError::Unavailable { .. }));
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
            assert!(matches!(failure("DB", error(name, message)), StoreError::Broken { .. }), "{message}");
        }
    }
}
