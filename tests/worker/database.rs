//! The contents of D1, read from its files and not through the Worker.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Result, Row, params};

use crate::server::{command, sqlite_files};

/// The databases of a service, in the order of their numbers.
pub struct Database(Vec<Connection>);

/// A row of `users`.
#[derive(Debug, PartialEq, Eq)]
pub struct User {
    pub id: i64,
    pub username: String,
    pub username_key: String,
    pub password_hash: String,
    pub request_key: String,
}

/// A row of `accounts`.
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub name_key: String,
    pub privacy: String,
}

/// A row of `clients`.
#[derive(Debug, PartialEq, Eq)]
pub struct Client {
    pub name: String,
    pub origins: String,
    pub is_disabled: bool,
}

impl User {
    /// Whether the `argon2` crate takes `password` for the one that was hashed.
    pub fn has_password(&self, password: &str) -> bool {
        let hash = PasswordHash::new(&self.password_hash).unwrap();
        Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
    }
}

pub fn open(state: &Path) -> Database {
    let open = |file: PathBuf| {
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    };
    Database(files(state).into_iter().map(open).collect())
}

/// The files of all databases, in the order of their numbers.
fn files(state: &Path) -> Vec<PathBuf> {
    let number = |file: &PathBuf| -> u32 {
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.query_row("SELECT number FROM place", [], |row| row.get(0)).unwrap()
    };
    let mut files = sqlite_files(state, "d1/miniflare-D1DatabaseObject");
    files.sort_by_cached_key(number);
    files
}

/// The setting SHARDS for these numbers of databases in the generations.
pub fn shards(generations: &[usize]) -> String {
    let mut names = ["DB".to_owned()].into_iter().chain((1..).map(|number| format!("DB_{number}")));
    let generation = |size: &usize| names.by_ref().take(*size).collect::<Vec<_>>().join(" ");
    generations.iter().map(generation).collect::<Vec<_>>().join("; ")
}

/// Adds databases to a state that has the first one, for these numbers of databases in the generations. `placing` says
/// whether names or skeletons place the rows.
pub fn scale(state: &Path, generations: &[usize], placing: &str) {
    let first = files(state).remove(0);
    let count: usize = generations.iter().sum();
    let names: Vec<String> = (1..count).map(|number| format!("DB_{number}")).collect();
    let made = command("node").arg("tests/worker/databases.js").args(&names).env("STATE", state).status();
    assert!(made.unwrap().success());
    let new = sqlite_files(state, "d1/miniflare-D1DatabaseObject").into_iter().filter(|file| *file != first);
    for file in new {
        let connection = Connection::open(&file).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE name LIKE 'DB\\_%' ESCAPE '\\'";
        let name: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        drop(connection);
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", file.display()));
        }
        Connection::open(&first).unwrap().execute("VACUUM INTO ?", [file.to_str().unwrap()]).unwrap();
        number(&file, name.strip_prefix("DB_").unwrap().parse().unwrap(), generations, placing);
    }
    number(&first, 0, generations, placing);
}

fn number(file: &Path, number: usize, generations: &[usize], placing: &str) {
    let (mut generation, mut start) = (0, 0);
    while number >= start + generations[generation] {
        start += generations[generation];
        generation += 1;
    }
    let connection = Connection::open(file).unwrap();
    let (position, size) = (number - start, generations[generation]);
    let place = format!("number = {number}, generation = {generation}, position = {position}, size = {size}");
    connection.execute(&format!("UPDATE place SET {place}, placing = ?"), [placing]).unwrap();
    let ids = i64::try_from(number).unwrap() << 40;
    for table in ["users", "accounts"].into_iter().filter(|_| number > 0) {
        connection
            .execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", params![table, ids])
            .unwrap();
    }
}

impl Database {
    /// Every row that `sql` gives for `value`, over all databases.
    fn all<T>(&self, sql: &str, value: &str, read: impl Fn(&Row) -> Result<T>) -> Vec<T> {
        let rows = |connection: &Connection| {
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([value], &read).unwrap().map(Result::unwrap).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(rows).collect()
    }

    /// The texts that `sql` gives for `value`, over all databases.
    pub fn texts(&self, sql: &str, value: &str) -> Vec<String> {
        self.all(sql, value, |row| row.get(0))
    }

    /// Every value of every row of every table.
    pub fn everything(&self) -> String {
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND ? = ''";
        let rows = |table: String| {
            self.0.iter().filter_map(move |connection| {
                let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\"")).ok()?;
                let columns = statement.column_count();
                let read =
                    |row: &Row| (0..columns).map(|n| row.get::<_, Value>(n)).collect::<Result<Vec<_>>>();
                let rows = statement.query_map([], read).unwrap();
                Some(rows.map(|row| format!("{:?}\n", row.unwrap())).collect::<Vec<_>>().concat())
            })
        };
        self.texts(tables, "").into_iter().flat_map(rows).collect()
    }

    /// The number of accounts in each database.
    pub fn accounts_of_each(&self) -> Vec<usize> {
        let count = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM accounts", [], |row| row.get::<_, u32>(0)).unwrap()
                as usize
        };
        self.0.iter().map(count).collect()
    }

    /// Every user of a client, in each database.
    pub fn users_of_each(&self, client_id: &str) -> Vec<Vec<User>> {
        let of = |connection: &Connection| {
            let sql = "SELECT id, username, username_key, password_hash, request_key FROM users WHERE client_id = ? ORDER BY id";
            let mut statement = connection.prepare(sql).unwrap();
            let read = |row: &Row| {
                Ok(User {
                    id: row.get(0)?,
                    username: row.get(1)?,
                    username_key: row.get(2)?,
                    password_hash: row.get(3)?,
                    request_key: row.get(4)?,
                })
            };
            statement.query_map([client_id], read).unwrap().map(Result::unwrap).collect()
        };
        self.0.iter().map(of).collect()
    }

    /// The number of databases.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// The text that all databases of a service share.
    pub fn service(&self) -> String {
        self.0[0].query_row("SELECT service FROM place", [], |row| row.get(0)).unwrap()
    }

    /// Every user of a client.
    pub fn users(&self, client_id: &str) -> Vec<User> {
        self.users_of_each(client_id).into_iter().flatten().collect()
    }

    /// The skeletons of every user of a client. A missing one is an empty text.
    pub fn user_skeletons(&self, client_id: &str) -> Vec<[String; 3]> {
        self.skeletons("username_skeleton", "users WHERE client_id = ? ORDER BY id", client_id)
    }

    /// The skeletons of every account with this key. A missing one is an empty text.
    pub fn account_skeletons(&self, name_key: &str) -> Vec<[String; 3]> {
        self.skeletons("name_skeleton", "accounts WHERE name_key = ?", name_key)
    }

    fn skeletons(&self, column: &str, rows: &str, value: &str) -> Vec<[String; 3]> {
        let columns = ["_written", "_folded", ""].map(|form| format!("coalesce({column}{form}, '')"));
        let sql = format!("SELECT {} FROM {rows}", columns.join(", "));
        self.all(&sql, value, |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
    }

    /// Every account with this key.
    pub fn accounts(&self, name_key: &str) -> Vec<Account> {
        let sql = "SELECT name, name_key, privacy FROM accounts WHERE name_key = ?";
        self.all(sql, name_key, |row| {
            Ok(Account { name: row.get(0)?, name_key: row.get(1)?, privacy: row.get(2)? })
        })
    }

    /// The client of this id. The first database has all clients.
    pub fn client(&self, id: &str) -> Client {
        let sql = "SELECT name, origins, disabled_at IS NOT NULL FROM clients WHERE id = ?";
        let row = self.0[0].query_row(sql, params![id], |row| {
            Ok(Client { name: row.get(0)?, origins: row.get(1)?, is_disabled: row.get(2)? })
        });
        row.unwrap()
    }

    /// How often the challenge `id` was used. The number is 0 if no table has it.
    pub fn tries(&self, id: &str) -> u32 {
        self.all("SELECT tries FROM challenges WHERE id = ?", id, |row| row.get(0)).iter().sum::<u32>()
    }

    /// The steps of SQLite's plan for `sql`.
    pub fn plan(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0[0].prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([], |row| row.get("detail"));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The SQL of the table or trigger `name`.
    pub fn schema(&self, name: &str) -> String {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = ?";
        self.0[0].query_row(sql, [name], |row| row.get(0)).unwrap()
    }
}

/// Makes the next user's id `id`, in whichever database, before the first request.
pub fn set_next_user_id(state: &Path, id: i64) {
    for number in 0..files(state).len() {
        let sequence = format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('users', {})", id - 1);
        execute_in(state, number, &format!("DELETE FROM sqlite_sequence WHERE name = 'users'; {sequence}"));
    }
}

/// Sets the fence of the database `number`.
pub fn freeze(state: &Path, number: usize) {
    execute_in(state, number, "UPDATE place SET frozen_at = unixepoch()");
}

/// Changes the first database of a server that does not run, or that has had no request yet.
pub fn execute(state: &Path, sql: &str) {
    execute_in(state, 0, sql);
}

/// Changes the database `number` of a server, which may run.
pub fn execute_in(state: &Path, number: usize, sql: &str) {
    try_execute_in(state, number, sql).unwrap();
}

/// Changes the database `number` of a server, which may run, unless the schema refuses it.
pub fn try_execute_in(state: &Path, number: usize, sql: &str) -> Result<()> {
    let connection = Connection::open(&files(state)[number])?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(sql)
}
