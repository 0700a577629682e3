//! A registered client, as the table `clients` has it: its id, its name for the operator, and its origins.
//!
//! It owns the rules for these three. It must not know who registers a client, nor SQL.

use crate::fields::origin::is_origin;

/// The alphabet and the length of a new id, as in the API that this service is compatible with.
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: usize = 32;

/// The longest name of a client, in characters, as `migrations/0002_clients.sql` has it. It has nothing to do with
/// usernames.
const MAX_NAME: usize = 254;

/// A new id of 32 characters, a to z and 0 to 9, drawn at random.
///
/// # Errors
/// The platform has no random bytes.
pub fn new_id() -> Result<String, getrandom::Error> {
    let mut id = String::new();
    while id.len() < ID_LENGTH {
        let mut bytes = [0; ID_LENGTH];
        getrandom::fill(&mut bytes)?;
        // 252 is the largest multiple of 36 in a byte. With bytes from 252 on, some characters would come more often.
        let characters = bytes.iter().filter(|byte| **byte < 252);
        id.extend(characters.filter_map(|byte| ALPHABET.get(usize::from(byte % 36))).map(|c| char::from(*c)));
    }
    id.truncate(ID_LENGTH);
    Ok(id)
}

/// `name`, if it can be the name of a client.
///
/// # Errors
/// A text that completes a sentence, which begins with the value.
pub fn name(name: &str) -> Result<&str, String> {
    if (1..=MAX_NAME).contains(&name.chars().count()) && !name.contains(char::is_control) {
        Ok(name)
    } else {
        Err(format!("must have 1 to {MAX_NAME} characters, without control characters"))
    }
}

/// The origins in the form of the table: separated by one space. `origins` may have any white space between them.
///
/// # Errors
/// The origin that is not written as a browser sends it.
pub fn origins(origins: &str) -> Result<String, &str> {
    let origins: Vec<_> = origins.split_whitespace().collect();
    match origins.iter().find(|origin| !is_origin(origin)) {
        None => Ok(origins.join(" ")),
        Some(origin) => Err(origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_has_the_documented_form_and_is_different_each_time() {
        let ids: std::collections::BTreeSet<_> = (0..100).map(|_| new_id().unwrap()).collect();
        assert_eq!(ids.len(), 100);
        let text: String = ids.into_iter().collect();
        assert_eq!(text.len(), 3200);
        assert!(text.bytes().all(|b| ALPHABET.contains(&b)));
        assert!(ALPHABET.iter().all(|c| text.bytes().any(|b| b == *c)), "all of them");
    }

    #[test]
    fn a_name_has_visible_characters() {
        assert_eq!(name("My shop"), Ok("My shop"));
        for bad in ["", &"x".repeat(255), "a\tb"] {
            assert!(name(bad).unwrap_err().starts_with("must have 1 to 254"), "{bad}");
        }
    }

    #[test]
    fn origins_are_separated_by_one_space() {
        assert_eq!(
            origins(" https://a.example\n http://localhost:3000 "),
            Ok("https://a.example http://localhost:3000".to_owned())
        );
        assert_eq!(origins(""), Ok(String::new()));
        assert_eq!(origins("https://a.example https://b.example/"), Err("https://b.example/"));
    }
}
