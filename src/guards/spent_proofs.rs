//! The proofs that sign-ups have paid with: solved challenges and tokens alike.
//!
//! A proof pays for one sign-up, whatever becomes of it, and for its retries: [`MAX_TRIES`] in all,
//! because each costs a hash. The database remembers a proof until it has expired, with a fingerprint
//! of its sign-up, in the table `challenges`, which has its name from the first kind. An isolate keeps what the database last said of some proofs, so a replay that it
//! has refused once costs no more statements. Must not know what a proof is, nor SQL.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use base16ct::lower;
use sha2::{Digest, Sha256};

use crate::guards::Attempt;
use crate::storage::d1::{Store, StoreError};

/// Enough for any retry of one sign-up.
const MAX_TRIES: u64 = 10;

/// How many proofs an isolate knows of, each in about 200 bytes.
const MAX_KNOWN: usize = 1024;

/// Spends proofs, and keeps those that it saw last.
pub struct SpentProofs {
    store: Rc<Store>,
    known: Known,
}

/// A sign-up under its proof: what it and its repeats share, and no other sign-up has.
///
/// The SHA-256 of the proof, the request key, the client and the name. A reader of the database cannot
/// find the name by it, because the proof itself is not there.
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Takes the proof, a text that its client alone has, and the sign-up. A request key alone would
    /// not do, because it may come with many names.
    #[must_use]
    pub fn new(proof: &str, attempt: &Attempt<'_>) -> Self {
        let client_id = attempt.sign_up.as_ref().map_or("", |sign_up| sign_up.client_id.as_str());
        // None of them can hold the line feed between them.
        let key = attempt.request_key.as_str();
        Self(Sha256::digest(format!("{proof}\n{key}\n{client_id}\n{}", attempt.name.key())).into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// 64 digits.
    fn hex(&self) -> String {
        lower::encode_string(&self.0)
    }
}

impl SpentProofs {
    /// Takes the database that remembers.
    #[must_use]
    pub fn new(store: Rc<Store>) -> Self {
        Self { store, known: Known::default() }
    }

    /// Whether this isolate knows, without asking, that the proof `id` does not pay for `sign_up`.
    #[must_use]
    pub fn refuses(&self, id: &str, sign_up: &Fingerprint) -> bool {
        self.known.refuse(id, &sign_up.hex())
    }

    /// Lets the proof `id`, a UUID, pay for `sign_up`; `false` if it has paid for another one, or for
    /// this one too often. `expires_at` is in seconds since 1970, and always the same for the proof.
    ///
    /// # Errors
    /// [`StoreError`], after the tries that make sense.
    pub async fn spend(&self, id: &str, expires_at: u64, sign_up: &Fingerprint) -> Result<bool, StoreError> {
        let sign_up = sign_up.hex();
        if self.known.refuse(id, &sign_up) {
            return Ok(false);
        }
        let Some(spent) = self.store.spend_proof(id, expires_at, &sign_up).await? else { return Ok(false) };
        let pays = spent.sign_up == sign_up && spent.tries <= MAX_TRIES;
        self.known.keep(id, spent.sign_up, spent.tries >= MAX_TRIES);
        Ok(pays)
    }
}

/// The proofs that this isolate lately saw; the newest push out the oldest.
#[derive(Default)]
struct Known(RefCell<VecDeque<Spent>>);

/// The last word of the database on a proof.
struct Spent {
    id: String,
    /// The one sign-up that it pays for.
    sign_up: String,
    is_used_up: bool,
}

impl Known {
    /// Whether the proof `id` is known not to pay for `sign_up`. Where it is not sure, the database decides.
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
}
