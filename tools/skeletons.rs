//! The SQL that stores the skeletons of names.
//!
//! If several names share a skeleton, the first name gets it, and the others stay without it. All of these names stay
//! valid, and a further name that looks like them is refused.

use edge_signup::fields::confusables::Skeletons;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::sql::literal;

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

/// A name. The column that it comes from tells the table.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Username(String),
    Name(String),
}

/// Reads names as D1 answers them in JSON, and gives SQL that stores the skeletons of each name: for each table a
/// statement that removes the old skeletons, then the statements of each name.
///
/// # Errors
/// A sentence: the text is not such an answer.
#[wasm_bindgen(js_name = skeletonStatements)]
pub fn skeleton_statements(answers: &str) -> Result<Vec<String>, String> {
    let answers: Vec<Answer> =
        serde_json::from_str(answers).map_err(|error| format!("The names could not be read: {error}"))?;
    let statements = answers.iter().flat_map(|answer| {
        answer.results.last().map(remove).into_iter().chain(answer.results.iter().flat_map(set))
    });
    Ok(statements.collect())
}

/// Removes the skeletons of every row up to `last`. A row that was inserted after it has its skeletons from the Worker.
fn remove(last: &Row) -> String {
    let (table, column, _) = last.place();
    format!(
        "UPDATE {table} SET {column}_written = NULL, {column}_folded = NULL, {column} = NULL WHERE id <= {};",
        last.id
    )
}

/// Stores the skeletons of a row, each in a statement of its own: where another row has one of them already, this row
/// still gets the others.
fn set(row: &Row) -> [String; 3] {
    let (table, column, name) = row.place();
    let Skeletons { written, folded, capitals } = Skeletons::of(name, &row.key);
    [("_written", written), ("_folded", folded), ("", capitals)].map(|(form, skeleton)| {
        let skeleton = literal(&skeleton);
        format!("UPDATE OR IGNORE {table} SET {column}{form} = {skeleton} WHERE id = {};", row.id)
    })
}

impl Row {
    /// The row's table, the common beginning of that table's columns for skeletons, and the row's name.
    fn place(&self) -> (&'static str, &'static str, &str) {
        match &self.name {
            Name::Username(name) => ("users", "username_skeleton", name),
            Name::Name(name) => ("accounts", "name_skeleton", name),
        }
    }
}
