//! The Worker's password hash alone, as an export that the bench calls inside workerd.

use argon2::Params;
use edge_signup::password::{Password, SALT_BYTES, TAG_BYTES};
use wasm_bindgen::prelude::*;

/// Hashes a password `count` times under the Worker's default parameters; gives the characters written.
#[wasm_bindgen]
#[must_use]
pub fn hash(count: u32) -> usize {
    let hash = || {
        let params = Params::new(19456, 2, 1, Some(TAG_BYTES)).ok()?;
        let password = Password::parse("correct horse battery staple", 1).ok()?;
        password.hash(&params, None, [7; SALT_BYTES]).ok()
    };
    (0..count).filter_map(|_| hash()).map(|phc| phc.len()).sum()
}
