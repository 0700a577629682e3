//! The SQL by which the commands work on the table `clients`.
//!
//! `wrangler d1 execute` cannot bind values, so each value stands in its statement as a [`literal`].

use edge_signup::fields::client_id::ClientId;
use edge_signup::fields::origin::is_origin;
use edge_signup::storage::sql::literal;
use wasm_bindgen::prelude::*;

/// The alphabet and the length of a new id, as in the API that this service is compatible with.
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: usize = 32;

/// The longest name of a client, in characters, as `migrations/0002_clients.sql` has it. It has nothing to do with
/// usernames.
const MAX_NAME: usize = 254;

/// The statement that registers a client, or changes the client with this `id`. With an empty `id` the client gets a new
/// one. The statement returns the id.
///
/// # Errors
/// A sentence that names the wrong value and says what would be right.
#[wasm_bindgen(js_name = registerClient)]
pub fn register_client(name: &str, origins: &str, id: &str) -> Result<String, String> {
    let id = if id.is_empty() { random_id()? } else { known_id(id)? };
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

fn random_id() -> Result<String, String> {
    let mut id = String::new();
    while id.len() < ID_LENGTH {
        let mut bytes = [0; ID_LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| format!("ID could not be drawn at random: {error}"))?;
        // 252 is the largest multiple of 36 in a byte. With bytes from 252 on, some characters would come more often.
        let characters = bytes.iter().filter(|byte| **byte < 252);
        id.extend(characters.filter_map(|byte| ALPHABET.get(usize::from(byte % 36))).map(|c| char::from(*c)));
    }
    id.truncate(ID_LENGTH);
    Ok(id)
}

fn known_id(id: &str) -> Result<String, String> {
    match ClientId::parse(id.to_owned()) {
        Ok(id) => Ok(id.as_str().to_owned()),
        Err(error) => Err(format!("ID is {id:?}: it {error}")),
    }
}

fn name(name: &str) -> Result<&str, String> {
    if (1..=MAX_NAME).contains(&name.chars().count()) && !name.contains(char::is_control) {
        Ok(name)
    } else {
        Err(format!("NAME is {name:?}: it must have 1 to {MAX_NAME} characters, without control characters"))
    }
}

/// The origins in the form of the table: separated by one space. `origins` may have any white space between them.
fn origins(origins: &str) -> Result<String, String> {
    let origins: Vec<_> = origins.split_whitespace().collect();
    match origins.iter().find(|origin| !is_origin(origin)) {
        None => Ok(origins.join(" ")),
        Some(origin) => Err(format!(
            "{origin:?} in ORIGINS is not written as a browser sends an Origin, such as https://app.example or \
             http://localhost:3000: it must be a scheme, a host in lower case, and a port only if it is not the \
             scheme's default"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_has_the_documented_form_and_is_different_each_time() {
        let ids: std::collections::BTreeSet<_> = (0..100).map(|_| random_id().unwrap()).collect();
        assert_eq!(ids.len(), 100);
        let text: String = ids.into_iter().collect();
        assert_eq!(text.len(), 3200);
        assert!(text.bytes().all(|b| ALPHABET.contains(&b)));
        assert!(ALPHABET.iter().all(|c| text.bytes().any(|b| b == *c)), "all of them");
    }

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
