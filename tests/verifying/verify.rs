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
