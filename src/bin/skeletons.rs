//! Reads names as `wrangler d1 execute --json` prints them, and prints SQL that gives each its skeletons: for
//! each table a line that takes the old ones away, then a line for each name.
//!
//! `make skeletons` calls it. Of names that share a skeleton, the first gets it and the others stay
//! without: all of them stay, and nobody can join them.

use std::io::{self, Write};
use std::process::ExitCode;

use edge_signup::fields::confusables::Skeletons;
use edge_signup::storage::sql::literal;
use serde::Deserialize;

/// The rows of one table, in the order of their ids.
#[derive(Deserialize)]
struct Answer {
    results: Vec<Row>,
}

/// A row of `users` or of `accounts`.
#[derive(Deserialize)]
struct Row {
    id: u64,
    #[serde(flatten)]
    name: Name,
    key: String,
}

/// A name, under that of its column, which tells the table.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Username(String),
    Name(String),
}

fn main() -> ExitCode {
    let answers: Vec<Answer> = match serde_json::from_reader(io::stdin()) {
        Ok(answers) => answers,
        Err(error) => {
            eprintln!("The names could not be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut out = io::stdout().lock();
    let written = answers
        .iter()
        .flat_map(|answer| {
            answer.results.last().map(remove).into_iter().chain(answer.results.iter().map(set))
        })
        .try_for_each(|statement| writeln!(out, "{statement}"));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes its skeletons from every row up to `last`: one that has come since has them from the Worker alone.
fn remove(last: &Row) -> String {
    let (table, column, _) = last.place();
    format!(
        "UPDATE {table} SET {column}_written = NULL, {column}_folded = NULL, {column} = NULL WHERE id <= {};",
        last.id
    )
}

/// Gives a row its skeletons, each in a statement of its own, so that it gets the others where another row has one.
fn set(row: &Row) -> String {
    let (table, column, name) = row.place();
    let Skeletons { written, folded, capitals } = Skeletons::of(name, &row.key);
    [("_written", written), ("_folded", folded), ("", capitals)]
        .map(|(form, skeleton)| {
            let skeleton = literal(&skeleton);
            format!("UPDATE OR IGNORE {table} SET {column}{form} = {skeleton} WHERE id = {};", row.id)
        })
        .join(" ")
}

impl Row {
    /// Its table, the first of that table's columns for skeletons, and its name.
    fn place(&self) -> (&'static str, &'static str, &str) {
        match &self.name {
            Name::Username(name) => ("users", "username_skeleton", name),
            Name::Name(name) => ("accounts", "name_skeleton", name),
        }
    }
}
