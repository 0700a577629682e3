//! The SQL by which the commands work on the table `clients`.
//!
//! `wrangler d1 execute` cannot bind values, so each value stands in its statement as a [`literal`].

use edge_signup::fields::client;
use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::origin;
use wasm_bindgen::prelude::*;

use crate::sql::literal;

/// The statement that registers a client, or changes the client with this `id`. With an empty `id` the client gets a
/// new one. The statement returns the id.
///
/// # Errors
/// A sentence that names the wrong value and says what would be right.
#[wasm_bindgen(js_name = registerClient)]
pub fn register_client(name: &str, origins: &str, id: &str) -> Result<String, String> {
    let id = if id.is_empty() {
        client::new_id().map_err(|error| format!("ID could not be drawn at random: {error}"))?
    } else {
        known_id(id)?
    };
    // If the id exists already, the statement changes its name and origins, and enables it.
    Ok(format!(
        "INSERT INTO clients (id, name, origins) VALUES ({}, {}, {}) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, origins = excluded.origins, disabled_at = NULL \
         RETURNING id",
        literal(&id),
        literal(self::name(name)?),
        literal(&self::origins(origins)?),
    ))
}

/// The statement that disables a client. It returns the id, if there is such a client.
///
/// # Errors
/// A sentence that says what a right id is.
#[wasm_bindgen(js_name = disableClient)]
pub fn disable_client(id: &str) -> Result<String, String> {
    Ok(format!(
        "UPDATE clients SET disabled_at = coalesce(disabled_at, unixepoch()) WHERE id = {} RETURNING id",
        literal(&known_id(id)?)
    ))
}

/// The statement that lists all clients.
#[wasm_bindgen(js_name = listClients)]
#[must_use]
pub fn list_clients() -> String {
    "SELECT id, \
     coalesce('disabled ' || strftime('%Y-%m-%dT%H:%M:%SZ', disabled_at, 'unixepoch'), 'enabled') AS state, \
     iif(origins = '', 'any origin', origins) AS origins, name FROM clients ORDER BY created_at, id"
        .to_owned()
}

fn known_id(id: &str) -> Result<String, String> {
    match ClientId::parse(id.to_owned()) {
        Ok(id) => Ok(id.as_str().to_owned()),
        Err(error) => Err(format!("ID is {id:?}: it {error}")),
    }
}

fn name(name: &str) -> Result<&str, String> {
    client::name(name).map_err(|problem| format!("NAME is {name:?}: it {problem}"))
}

fn origins(origins: &str) -> Result<String, String> {
    client::origins(origins).map_err(|origin| format!("{origin:?} in ORIGINS {}", origin::COMPLAINT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_be_taken_for_sql() {
        let sql = register_client("'); DROP TABLE clients; --", "", "a'b").unwrap();
        assert!(!sql.contains("DROP") && !sql.contains("a'b"), "{sql}");
    }

    #[test]
    fn a_value_that_the_table_or_the_worker_would_not_take_is_refused() {
        let long = "x".repeat(255);
        for (name, origins, id, problem) in [
            ("", "", "", "NAME is \"\""),
            (&long, "", "", "NAME is \"xxx"),
            ("a\tb", "", "", "NAME is \"a\\tb\""),
            ("a", "https://a.example https://b.example/", "", "\"https://b.example/\" in ORIGINS"),
            ("a", "", "a b", "ID is \"a b\""),
        ] {
            let error = register_client(name, origins, id).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        assert!(disable_client("").unwrap_err().contains("ID is \"\""));
    }
}
