//! The Worker with one more export for the bench, which only hashes a password.

use argon2::Params;
use edge_signup::fields::password::{Password, SALT_BYTES, TAG_BYTES};
use wasm_bindgen::prelude::*;

/// Hashes a password under the Worker's default parameters; gives the length of the PHC string, or 0 if that fails.
#[wasm_bindgen]
#[must_use]
pub fn hash() -> usize {
    let phc = || {
        let params = Params::new(19456, 2, 1, Some(TAG_BYTES)).ok()?;
        let password = Password::parse("correct horse battery staple", 1).ok()?;
        password.hash(&params, None, [7; SALT_BYTES]).ok()
    };
    phc().map_or(0, |phc| phc.len())
}
