use edge_signup::fields::username::Username;

/// The stored `username_key` of a name; `None` if nobody can have that name.
pub fn username_key(username: &str) -> Option<String> {
    Some(Username::parse(username).ok()?.key().to_owned())
}
use sha2::{Digest, Sha256};

/// The number of the database that has the user with this id.
pub fn database(id: u64) -> u64 {
    id >> 40
}

/// The home of a name in each generation, as the number of a database. `sizes` has the size of each generation.
pub fn homes(name: &str, sizes: &[u32]) -> Vec<u32> {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(name).into();
    let hash = u32::from_be_bytes([a, b, c, d]);
    let starts = sizes.iter().scan(0, |next, size| {
        let start = *next;
        *next += size;
        Some(start)
    });
    starts.zip(sizes).map(|(start, size)| start + hash % size).collect()
}
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};
use icu_normalizer::ComposingNormalizerBorrowed;

/// Whether `password` is the one that `password_hash` was made of.
pub fn verify(password_hash: &str, password: &str) -> bool {
    let password = normalise(password);
    PasswordHash::new(password_hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Every space (category Zs) becomes U+0020, then NFC.
fn normalise(password: &str) -> String {
    let spaced: String = password.chars().map(|c| if is_space(c) { ' ' } else { c }).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned()
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}
use std::collections::HashMap;

use argon2::{Algorithm, Params, Version};

/// The same with `peppers`, secrets by their ids; `None` if the one that the hash names is missing.
pub fn verify_peppered(password_hash: &str, password: &str, peppers: &HashMap<&str, &str>) -> Option<bool> {
    let Ok(hash) = PasswordHash::new(password_hash) else { return Some(false) };
    let Some(id) = hash.params.get_str("keyid") else { return Some(verify(password_hash, password)) };
    let secret = peppers.get(id)?.as_bytes();
    let argon2 = Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
    let password = normalise(password);
    Some(argon2.is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok()))
}
