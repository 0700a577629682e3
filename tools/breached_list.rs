//! The list of breached passwords.

use edge_signup::guards::BreachedList;
use wasm_bindgen::prelude::*;

/// Makes the list of `passwords`, one on each line, in the form that the Worker reads from KV. `data/README.md` says
/// how the list in `data/` was made.
///
/// # Errors
/// A sentence for the operator: the list would be empty. The Worker does not take such a list.
#[wasm_bindgen(js_name = breachedList)]
pub fn breached_list(passwords: &str) -> Result<Vec<u8>, String> {
    let list = BreachedList::new(passwords.lines()).as_bytes().to_vec();
    if BreachedList::parse(list.clone()).is_some() {
        Ok(list)
    } else {
        Err("The list must have a password that a user can choose, one on each line".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_passwords_is_refused() {
        assert!(breached_list("password\n\n123456\n").is_ok_and(|list| list.len() > 4));
        for passwords in ["", "\n\n", "\t\n\0"] {
            assert!(breached_list(passwords).is_err(), "{passwords:?}");
        }
    }
}
