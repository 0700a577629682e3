//! The list of breached passwords.

use edge_signup::guards::BreachedList;
use wasm_bindgen::prelude::*;

/// Makes the list of `passwords`, one on each line, in the form that the Worker reads from KV. `data/README.md` says how
/// the list in `data/` was made.
#[wasm_bindgen(js_name = breachedList)]
#[must_use]
pub fn breached_list(passwords: &str) -> Vec<u8> {
    BreachedList::new(passwords.lines()).as_bytes().to_vec()
}
