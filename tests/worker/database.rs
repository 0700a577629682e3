//! The contents of D1, read from its file and not through the Worker.

use std::path::Path;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};
use rusqlite::{Connection, OpenFlags, params};

use crate::server::sqlite_file;

pub struct Database(Connection);

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
    let file = sqlite_file(state, "d1/miniflare-D1DatabaseObject");
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    Database(connection)
}

impl Database {
    /// Every user of a client.
    pub fn users(&self, client_id: &str) -> Vec<User> {
        let sql = "SELECT id, username, username_key, password_hash, request_key FROM users WHERE client_id = ? ORDER BY id";
        let mut statement = self.0.prepare(sql).unwrap();
        let rows = statement.query_map(params![client_id], |row| {
            Ok(User {
                id: row.get(0)?,
                username: row.get(1)?,
                username_key: row.get(2)?,
                password_hash: row.get(3)?,
                request_key: row.get(4)?,
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
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
        let mut statement = self.0.prepare(&format!("SELECT {} FROM {rows}", columns.join(", "))).unwrap();
        let rows = statement.query_map([value], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Every account with this key.
    pub fn accounts(&self, name_key: &str) -> Vec<Account> {
        let sql = "SELECT name, name_key, privacy FROM accounts WHERE name_key = ?";
        let mut statement = self.0.prepare(sql).unwrap();
        let rows = statement.query_map(params![name_key], |row| {
            Ok(Account { name: row.get(0)?, name_key: row.get(1)?, privacy: row.get(2)? })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The client of this id.
    pub fn client(&self, id: &str) -> Client {
        let sql = "SELECT name, origins, disabled_at IS NOT NULL FROM clients WHERE id = ?";
        let row = self.0.query_row(sql, params![id], |row| {
            Ok(Client { name: row.get(0)?, origins: row.get(1)?, is_disabled: row.get(2)? })
        });
        row.unwrap()
    }

    /// How often the challenge `id` was used. The number is 0 if the table does not have it.
    pub fn tries(&self, id: &str) -> u32 {
        let sql = "SELECT coalesce(sum(tries), 0) FROM challenges WHERE id = ?";
        self.0.query_row(sql, [id], |row| row.get(0)).unwrap()
    }

    /// The steps of SQLite's plan for `sql`.
    pub fn plan(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([], |row| row.get("detail"));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The SQL of the table or trigger `name`.
    pub fn schema(&self, name: &str) -> String {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = ?";
        self.0.query_row(sql, [name], |row| row.get(0)).unwrap()
    }
}

/// Makes the next user's id `id`, before the first request.
pub fn set_next_user_id(state: &Path, id: i64) {
    execute(state, &format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('users', {})", id - 1));
}

/// Changes the database of a server that does not run, or that has had no request yet.
pub fn execute(state: &Path, sql: &str) {
    let file = sqlite_file(state, "d1/miniflare-D1DatabaseObject");
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}
