//! The room of stored password hashes.
//!
//! It owns the forms of a hash that the service can verify: its own, and those that other systems made. It knows how
//! each form is written, what it may cost and how a password is compared with it. A hash cannot be shown by accident:
//! its `Debug` prints only the form, and no error repeats a part of it. The room must not know where a hash is stored,
//! nor HTTP.

mod argon2;
mod bcrypt;
mod firebase;
mod pbkdf2;
mod scrypt;
mod secrets;
mod text;
#[cfg(test)]
mod vectors;

use std::fmt;

use ::argon2::Params;
use edge_signup::fields::password::pepper::Pepper;

use self::argon2::Argon2Hash;
use bcrypt::BcryptHash;
use firebase::FirebaseHash;
use pbkdf2::Pbkdf2Hash;
use scrypt::ScryptHash;

pub use secrets::{FirebaseKey, Secrets};

/// The longest text of a hash, in bytes.
pub const MAX_BYTES: usize = 512;

/// The longest password that is compared with a hash of another system, in bytes: passlib's limit. A longer text
/// matches no hash.
pub const MAX_PASSWORD_BYTES: usize = 4096;

/// A stored hash of a form that the service can verify, at a cost that it can pay.
pub enum StoredHash {
    /// Argon2, in its three kinds and both versions.
    Argon2(Argon2Hash),
    /// bcrypt, also of a digest of the password.
    Bcrypt(BcryptHash),
    /// scrypt.
    Scrypt(ScryptHash),
    /// PBKDF2 with SHA-1, SHA-256 or SHA-512.
    Pbkdf2(Pbkdf2Hash),
    /// Firebase's scrypt, which encrypts a key of the project.
    Firebase(FirebaseHash),
}

/// Why a text is not a hash. Its text completes a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashError {
    /// The text has more than [`MAX_BYTES`].
    TooLong,
    /// The text does not begin as any of the forms.
    Unknown,
    /// The text begins as a form, and is not written in it. The form is the value.
    Malformed(&'static str),
    /// The salt or the hash has a length that is not allowed.
    Lengths,
    /// The hash costs too much. The value has the limits.
    TooCostly(&'static str),
}

/// Why a password could not be compared with a hash. The error's text repeats no part of either.
#[derive(Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// The hash names a pepper that is not among the secrets.
    UnknownPepper,
    /// The hash is Firebase's, and the secrets have no [`FirebaseKey`].
    NoFirebaseKey,
    /// The hash could not be computed, mostly for want of memory. The value says why.
    Failed(String),
}

impl StoredHash {
    /// Takes a hash of any of the forms.
    ///
    /// # Errors
    /// [`HashError`]: the first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        if text.len() > MAX_BYTES {
            return Err(HashError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HashError::Unknown);
        }
        // A text that begins with `$` has an empty first field. Django writes its own name of the algorithm there.
        let fields: Vec<_> = text.split('$').collect();
        match *fields {
            ["" | "argon2", "argon2id" | "argon2i" | "argon2d", ..] => {
                Argon2Hash::parse(&fields).map(Self::Argon2)
            }
            ["", "2a" | "2b" | "2x" | "2y" | "bcrypt-sha256", ..] | ["bcrypt" | "bcrypt_sha256", ..] => {
                BcryptHash::parse(&fields).map(Self::Bcrypt)
            }
            ["", "scrypt", ..] | ["scrypt", ..] => ScryptHash::parse(&fields).map(Self::Scrypt),
            ["", "pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512", ..]
            | ["pbkdf2_sha1" | "pbkdf2_sha256", ..] => Pbkdf2Hash::parse(&fields).map(Self::Pbkdf2),
            ["", "firebase-scrypt", ..] => FirebaseHash::parse(&fields).map(Self::Firebase),
            _ => Err(HashError::Unknown),
        }
    }

    /// The form's name, which may be shown.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self {
            Self::Argon2(hash) => hash.form(),
            Self::Bcrypt(_) => "bcrypt",
            Self::Scrypt(_) => "scrypt",
            Self::Pbkdf2(_) => "pbkdf2",
            Self::Firebase(_) => "firebase-scrypt",
        }
    }

    /// Whether the hash has the service's own form: Argon2id of version 19, as a PHC string.
    #[must_use]
    pub fn is_own_form(&self) -> bool {
        matches!(self, Self::Argon2(hash) if hash.is_own_form())
    }

    /// Whether the service would make the same hash now, apart from the salt. Otherwise the password should be hashed
    /// anew.
    #[must_use]
    pub fn is_current(&self, params: &Params, pepper: Option<&Pepper>) -> bool {
        matches!(self, Self::Argon2(hash) if hash.is_current(params, pepper))
    }

    /// Compares `password`, as it was typed, with the hash. A hash of the service's own form is compared with the
    /// password's normal form, and any other hash with the bytes as they are. At most one hash is computed.
    ///
    /// # Errors
    /// [`VerifyError`]: it is not known whether the password matches.
    pub fn verify(&self, password: &str, secrets: &Secrets) -> Result<bool, VerifyError> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        match self {
            Self::Argon2(hash) => hash.verify(password, secrets),
            Self::Bcrypt(hash) => Ok(hash.verify(password)),
            Self::Scrypt(hash) => hash.verify(password),
            Self::Pbkdf2(hash) => hash.verify(password),
            Self::Firebase(hash) => hash.verify(password, secrets),
        }
    }
}

impl VerifyError {
    fn failed(error: &dyn fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredHash({})", self.form())
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "must have at most {MAX_BYTES} bytes"),
            Self::Unknown => f.write_str(
                "must be a hash of Argon2 ($argon2id$, $argon2i$, $argon2d$), bcrypt ($2a$, $2b$, $2x$, $2y$, \
                 $bcrypt-sha256$), scrypt ($scrypt$), PBKDF2 ($pbkdf2$, $pbkdf2-sha1$, $pbkdf2-sha256$, \
                 $pbkdf2-sha512$) or Firebase ($firebase-scrypt$), or one of Django's (argon2$, bcrypt$, \
                 bcrypt_sha256$, scrypt$, pbkdf2_sha1$, pbkdf2_sha256$)",
            ),
            Self::Malformed(form) => write!(f, "must have the form {form}"),
            Self::Lengths => f.write_str(
                "must have a salt of 1 to 64 bytes, or of 8 to 64 bytes for Argon2, and a hash of 16 to 64 bytes",
            ),
            Self::TooCostly(limits) => write!(f, "must cost less: {limits}"),
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPepper => f.write_str("the hash needs a pepper that the Worker does not have"),
            Self::NoFirebaseKey => {
                f.write_str("the hash needs Firebase's signer key, which the Worker does not have")
            }
            Self::Failed(cause) => write!(f, "the hash could not be computed: {cause}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::vectors::{Vector, secrets, vectors};
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;
    use std::fs;

    fn error(text: &str) -> HashError {
        StoredHash::parse(text).unwrap_err()
    }

    #[test]
    fn an_unknown_form_is_refused_with_the_known_ones() {
        for text in [
            "",
            "$",
            "secret",
            "$1$salt$hash",
            "$6$salt$hash",
            "$2$05$x",
            "$2c$05$x",
            "md5$salt$hash",
            "sha1$$x",
            "$argon2$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "argon2id$v=19",
            "pbkdf2_sha512$1$salt$x",
            "$2b$05$abcdefghijklmnopqrstuuzJT/ynFPf0Y8.DwXcpqVGNYYPq9jFu é",
            " $2b$05$",
            "!unusable",
        ] {
            assert_eq!(error(text), HashError::Unknown, "{text}");
        }
        let sentence = HashError::Unknown.to_string();
        for Vector { hash, .. } in vectors() {
            let mut fields = hash.split('$');
            let first = fields.next().unwrap();
            let name =
                if first.is_empty() { format!("${}$", fields.next().unwrap()) } else { format!("{first}$") };
            assert!(sentence.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_long_text_is_refused_unread() {
        assert_eq!(error(&"$".repeat(MAX_BYTES)), HashError::Unknown);
        assert_eq!(error(&"$".repeat(MAX_BYTES + 1)), HashError::TooLong);
    }

    #[test]
    fn an_error_says_what_would_be_right() {
        assert_eq!(HashError::TooLong.to_string(), "must have at most 512 bytes");
        assert_eq!(HashError::Malformed("$x$y").to_string(), "must have the form $x$y");
        assert_eq!(HashError::TooCostly("at most 3").to_string(), "must cost less: at most 3");
        assert!(HashError::Lengths.to_string().starts_with("must have a salt of 1 to 64 bytes"));
        let failed = VerifyError::Failed("no memory".to_owned());
        assert_eq!(failed.to_string(), "the hash could not be computed: no memory");
        assert!(VerifyError::UnknownPepper.to_string().contains("pepper"));
        assert!(VerifyError::NoFirebaseKey.to_string().contains("signer key"));
    }

    #[test]
    fn debug_shows_the_form_and_nothing_else() {
        for Vector { hash, form, .. } in vectors() {
            assert_eq!(format!("{:?}", StoredHash::parse(&hash).unwrap()), format!("StoredHash({form})"));
        }
    }

    #[test]
    fn a_password_over_the_limit_matches_nothing() {
        // bcrypt reads only the first 72 bytes.
        let vector = vectors()
            .into_iter()
            .find(|vector| vector.password.len() > 72 && vector.form == "bcrypt")
            .unwrap();
        let hash = StoredHash::parse(&vector.hash).unwrap();
        let longer = |bytes: usize| vector.password.clone() + &"x".repeat(bytes - vector.password.len());
        assert_eq!(hash.verify(&longer(MAX_PASSWORD_BYTES), &secrets()), Ok(true));
        assert_eq!(hash.verify(&longer(MAX_PASSWORD_BYTES + 1), &secrets()), Ok(false));
    }

    #[test]
    fn only_a_whole_hash_of_the_services_own_form_fits_the_users() {
        for Vector { hash, .. } in vectors() {
            let fits = hash.starts_with("$argon2id$v=19$");
            assert_eq!(StoredHash::parse(&hash).unwrap().is_own_form(), fits, "{hash}");
        }
    }

    /// A database with the project's migrations and one user.
    struct Schema(Connection);

    impl Schema {
        fn new() -> Self {
            let database = Connection::open_in_memory().unwrap();
            let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations")).unwrap();
            let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
            files.sort();
            for file in files {
                database.execute_batch(&fs::read_to_string(file).unwrap()).unwrap();
            }
            let user = "INSERT INTO users (client_id, username, username_key, password_hash, request_key) \
                        VALUES ('app', 'ada', 'ada', '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA', 'key')";
            database.execute(user, []).unwrap();
            Self(database)
        }

        /// Whether a hash can be stored: one of the service's own form in `users`, and any other in `imported_hashes`.
        fn takes(&self, hash: &str, is_own_form: bool) -> bool {
            let sql = if is_own_form {
                "UPDATE users SET password_hash = ?"
            } else {
                "INSERT OR REPLACE INTO imported_hashes (user_id, hash) VALUES (1, ?)"
            };
            self.0.execute(sql, [hash]).is_ok()
        }
    }

    #[test]
    fn the_schema_takes_the_vectors_and_no_other_text() {
        let schema = Schema::new();
        for Vector { hash, .. } in vectors() {
            assert!(schema.takes(&hash, StoredHash::parse(&hash).unwrap().is_own_form()), "{hash}");
        }
        let rest = "abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234";
        assert!(schema.takes(&format!("$2b$05${rest}"), false));
        for text in ["", "clear text", "$2b$05$", &format!("$2b$5${rest}"), &format!("$2b$05${rest} ")] {
            assert!(!schema.takes(text, false), "{text}");
        }
    }

    #[test]
    fn the_schema_takes_each_hash_that_is_taken() {
        let schema = Schema::new();
        let mut taken = 0;
        for Vector { hash, .. } in vectors() {
            // Each hash, and every text that lacks one of its characters or has another one in its place or before it.
            for at in 0..hash.len() {
                let (before, rest) = hash.split_at(at);
                for with in ["", "5", "$"] {
                    for rest in [rest, rest.split_at(1).1] {
                        let text = format!("{before}{with}{rest}");
                        if let Ok(hash) = StoredHash::parse(&text) {
                            assert!(schema.takes(&text, hash.is_own_form()), "{text}");
                            taken += 1;
                        }
                    }
                }
            }
        }
        assert!(taken > 5_000, "{taken}");
    }

    fn a_vector() -> impl Strategy<Value = String> {
        prop::sample::select(vectors().into_iter().map(|vector| vector.hash).collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_text_is_taken_or_refused(text in any::<String>()) {
            let _ = StoredHash::parse(&text);
        }

        #[test]
        fn a_part_of_a_hash_is_taken_or_refused(hash in a_vector(), from in 0_usize..60, to in 0_usize..200) {
            let part: String = hash.chars().skip(from).take(to).collect();
            let _ = StoredHash::parse(&part);
        }

        #[test]
        fn a_changed_hash_is_taken_or_refused(
            hash in a_vector(), at in 0_usize..140, with in "[ -~é]{0,3}", drop in 0_usize..3,
        ) {
            let chars: Vec<char> = hash.chars().collect();
            let at = at.min(chars.len());
            let rest = chars[at..].iter().skip(drop);
            let changed: String = chars[..at].iter().copied().chain(with.chars()).chain(rest.copied()).collect();
            match StoredHash::parse(&changed) {
                Ok(hash) => prop_assert!(Schema::new().takes(&changed, hash.is_own_form()), "{}", changed),
                Err(error) => {
                    let part: String = changed.chars().skip(changed.len().saturating_sub(20)).collect();
                    prop_assert!(part.len() < 20 || !error.to_string().contains(&part));
                }
            }
        }
    }
}
