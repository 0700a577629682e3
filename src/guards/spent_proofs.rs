//! The proofs that sign-ups have paid with: solved challenges and Turnstile's tokens.
//!
//! It owns the rule for what a proof pays for. It must not know what a proof is, nor SQL.
//!
//! A proof pays for one sign-up, even if that sign-up fails, and for its retries. It pays for [`MAX_TRIES`] tries in
//! all, because each try costs a hash. The database remembers a proof until the proof has expired, together with a
//! fingerprint of its sign-up. The table is called `challenges`, after the first kind of proof. An isolate keeps the
//! database's last answers about some proofs, so a replay that it has refused once costs no more statements.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use base16ct::lower;
use sha2::{Digest, Sha256};

use crate::guards::Attempt;
use crate::storage::d1::Store;
use crate::storage::database::StoreError;

/// How often a sign-up may come with the same proof: enough for all retries of a client.
const MAX_TRIES: u64 = 10;

/// How many proofs an isolate remembers. Each takes about 200 bytes.
const MAX_KNOWN: usize = 1024;

/// Spends proofs, and remembers the last ones.
pub struct SpentProofs {
    store: Rc<Store>,
    known: Known,
}

/// Identifies a sign-up with its proof across its retries. No other sign-up has the same fingerprint.
///
/// It is the SHA-256 of the proof, the request key, the client and the name. The fingerprint does not tell the request
/// key. A reader of the database cannot find the name from the fingerprint, because the proof itself is not stored.
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Takes the sign-up and its proof, a text that only its client has. Without a proof, a word for the purpose takes
    /// its place. A request key alone would not be enough, because a client may send it with many names.
    #[must_use]
    pub fn new(proof: &str, attempt: &Attempt<'_>) -> Self {
        let client_id = attempt.sign_up.as_ref().map_or("", |sign_up| sign_up.client_id.as_str());
        // None of these four texts can contain the line feed that separates them.
        let key = attempt.request_key.as_str();
        Self(Sha256::digest(format!("{proof}\n{key}\n{client_id}\n{}", attempt.name.key())).into())
    }

    /// The bytes of the fingerprint.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The fingerprint as 64 hexadecimal digits.
    fn hex(&self) -> String {
        lower::encode_string(&self.0)
    }
}

impl SpentProofs {
    /// Takes the database that remembers the proofs.
    #[must_use]
    pub fn new(store: Rc<Store>) -> Self {
        Self { store, known: Known::default() }
    }

    /// Whether this isolate knows, without asking the database, that the proof `id` does not pay for `sign_up`.
    #[must_use]
    pub fn refuses(&self, id: &str, sign_up: &Fingerprint) -> bool {
        self.known.refuse(id, &sign_up.hex())
    }

    /// Lets the proof `id`, a UUID, pay for `sign_up`. Returns `false` if the proof has paid for another sign-up, or
    /// for this one too often. `expires_at` is in seconds since 1970, and always the same for the same proof.
    ///
    /// # Errors
    /// [`StoreError`], as [`Store::spend_proof`] returns it.
    pub async fn spend(&self, id: &str, expires_at: u64, sign_up: &Fingerprint) -> Result<bool, StoreError> {
        let sign_up = sign_up.hex();
        if self.known.refuse(id, &sign_up) {
            return Ok(false);
        }
        let spent = self.store.spend_proof(id, expires_at, &sign_up).await?;
        let pays = spent.sign_up == sign_up && spent.tries <= MAX_TRIES;
        self.known.keep(id, spent.sign_up, spent.tries >= MAX_TRIES);
        Ok(pays)
    }
}

/// The proofs that this isolate saw last. The newest push out the oldest.
#[derive(Default)]
struct Known(RefCell<VecDeque<Spent>>);

/// The last answer of the database about a proof.
struct Spent {
    id: String,
    /// The one sign-up that the proof pays for.
    sign_up: String,
    is_used_up: bool,
}

impl Known {
    /// Whether the proof `id` is known not to pay for `sign_up`. If that is not known, the database decides.
    fn refuse(&self, id: &str, sign_up: &str) -> bool {
        let known = self.0.borrow();
        let spent = known.iter().find(|spent| spent.id == id);
        spent.is_some_and(|spent| spent.is_used_up || spent.sign_up != sign_up)
    }

    fn keep(&self, id: &str, sign_up: String, is_used_up: bool) {
        let mut known = self.0.borrow_mut();
        if let Some(spent) = known.iter_mut().find(|spent| spent.id == id) {
            // Answers may arrive out of order.
            spent.is_used_up |= is_used_up;
            return;
        }
        if known.len() >= MAX_KNOWN {
            known.pop_front();
        }
        known.push_back(Spent { id: id.to_owned(), sign_up, is_used_up });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_proof_is_refused_to_all_but_its_own_sign_up() {
        let known = Known::default();
        assert!(!known.refuse("proof", "mine") && !known.refuse("proof", "other"));
        known.keep("proof", "mine".to_owned(), false);
        assert!(!known.refuse("proof", "mine") && known.refuse("proof", "other"));
        assert!(!known.refuse("another", "other"));
    }

    #[test]
    fn a_proof_that_is_used_up_stays_so() {
        let known = Known::default();
        for is_used_up in [false, true, false] {
            known.keep("proof", "mine".to_owned(), is_used_up);
        }
        assert!(known.refuse("proof", "mine"));
        assert_eq!(known.0.borrow().len(), 1);
    }

    #[test]
    fn the_newest_proofs_push_out_the_oldest() {
        let known = Known::default();
        for n in 0..=MAX_KNOWN {
            known.keep(&n.to_string(), "mine".to_owned(), false);
        }
        assert_eq!(known.0.borrow().len(), MAX_KNOWN);
        assert!(!known.refuse("0", "other"));
        assert!(known.refuse("1", "other") && known.refuse(&MAX_KNOWN.to_string(), "other"));
    }

    #[test]
    fn a_fingerprint_is_given_as_bytes_and_as_64_digits() {
        let fingerprint = Fingerprint([0x0f; 32]);
        assert_eq!(fingerprint.as_bytes(), [0x0f; 32]);
        assert_eq!(fingerprint.hex(), "0f".repeat(32));
    }
}
