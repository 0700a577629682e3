//! `PROOF_OF_WORK`: how much a client has to compute before it may sign up, at either route.
//!
//! The header `Proof-Of-Work` carries a solved challenge of `GET /challenge`, of at most 256 bytes. A challenge
//! counts for one sign-up, even if that sign-up fails ([`spent_proofs`](super::spent_proofs)). A repeat of the
//! sign-up with the same `Idempotency-Key` may carry the challenge again. When the database does not answer, the
//! sign-up is refused with 503, because it could not be stored either.
//!
//! It owns the header. It must not know the form of a challenge, nor SQL.

pub mod challenge;

use std::rc::Rc;

use crate::clock;
use crate::guards::spent_proofs::{Fingerprint, SpentProofs};
use crate::guards::{Attempt, Check, Demands, Guard, Parts, Refusal};
use crate::http::response::Reply;
use crate::setting::ConfigError;

use challenge::Challenges;

const HEADER: &str = "Proof-Of-Work";

struct ProofOfWork {
    challenges: Rc<Challenges>,
    spent: SpentProofs,
}

/// The guard, which is on if challenges are issued.
///
/// # Errors
/// It does not fail: the settings were read with the challenges.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    Ok(parts.challenges.map(|challenges| {
        let spent = SpentProofs::new(Rc::clone(parts.store));
        Box::new(ProofOfWork { challenges: Rc::clone(challenges), spent }) as _
    }))
}

impl Guard for ProofOfWork {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let solution = attempt.request.header(HEADER).ok_or(Refusal::ProofMissing)?;
            let solved =
                self.challenges.judge(&solution, clock::unix_time()).map_err(Refusal::ProofRefused)?;
            let sign_up = Fingerprint::new(solved.challenge, attempt);
            let pays = self.spent.spend(solved.id, solved.expires_at, &sign_up).await?;
            if pays { Ok(()) } else { Err(Refusal::ProofUsed) }
        })
    }

    fn demand<'a>(&'a self, demands: &mut Demands<'a>) {
        demands.work_bits = Some(self.challenges.bits());
    }

    fn preflight(&self, reply: Reply) -> Reply {
        reply.allowing(HEADER)
    }
}
