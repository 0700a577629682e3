//! Reads names as `wrangler d1 execute --json` prints them, and prints the SQL that gives each its skeleton.
//!
//! `make skeletons` calls it. Of names that look alike, the first gets the skeleton and the others stay
//! without: all of them stay, and nobody can join them.

use std::io::{self, Write};
use std::process::ExitCode;

use edge_signup::confusables::skeleton;
use serde::Deserialize;

/// What a statement gave.
#[derive(Deserialize)]
struct Answer {
    results: Vec<Row>,
}

/// A row of `users` or of `accounts`.
#[derive(Deserialize)]
struct Row {
    id: u64,
    username: Option<String>,
    name: Option<String>,
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
        .flat_map(|answer| &answer.results)
        .filter_map(statement)
        .try_for_each(|statement| writeln!(out, "{statement}"));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn statement(row: &Row) -> Option<String> {
    let (table, column, name) = match row {
        Row { username: Some(username), .. } => ("users", "username_skeleton", username),
        Row { name: Some(name), .. } => ("accounts", "name_skeleton", name),
        Row { .. } => return None,
    };
    let skeleton = skeleton(name).replace('\'', "''");
    Some(format!("UPDATE OR IGNORE {table} SET {column} = '{skeleton}' WHERE id = {};", row.id))
}
