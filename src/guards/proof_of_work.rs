//! `PROOF_OF_WORK`: how much a client has to compute before it may sign up, at either route.
//!
//! The header `Proof-Of-Work` carries a solved challenge of `GET /challenge`, of at most 256 bytes. A
//! challenge counts for one sign-up, whatever becomes of it ([`spent_proofs`](super::spent_proofs)). A
//! repeat of that sign-up, told by its `Idempotency-Key`, may carry it again. When the database does
//! not answer, the sign-up is refused with 503, as it would be a moment later.

use crate::challenge::{Challenges, SolutionError};
use crate::config::{self, ConfigError};
use crate::error::ApiError;
use crate::guards::spent_proofs::{Fingerprint, SpentProofs};
use crate::guards::{Attempt, Check, Guard};
use crate::platform::{self, Environment};
use crate::reason::Reason;
use crate::response::Reply;
use crate::store::Store;

const HEADER: &str = "Proof-Of-Work";

struct ProofOfWork {
    challenges: Challenges,
    spent: SpentProofs,
}

/// On where `PROOF_OF_WORK` is set.
///
/// # Errors
/// [`ConfigError`] for a setting that makes no sense, or without a secret.
pub fn read(env: &Environment) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    let Some(challenges) = Challenges::read(|name| env.variable(name))? else { return Ok(None) };
    let spent = SpentProofs::new(Store::new(env.required(config::DATABASE)?));
    Ok(Some(Box::new(ProofOfWork { challenges, spent })))
}

impl Guard for ProofOfWork {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            // What is wrong, as `/sign-up` and as `/users/` say it.
            let refusal = |reason, at_sign_up: &str, at_users: &str| {
                let problem = if attempt.sign_up.is_some() { at_sign_up } else { at_users };
                ApiError::field(reason, HEADER, problem)
            };
            let solution = attempt.request.header(HEADER).ok_or_else(|| {
                refusal(
                    Reason::PROOF_MISSING,
                    "must be given: solve a challenge from GET /challenge",
                    "was missing",
                )
            })?;
            let solved = self.challenges.judge(&solution, platform::unix_time()).map_err(|error| {
                let (at_sign_up, at_users) = match error {
                    SolutionError::Invalid => {
                        ("must be a challenge from GET /challenge, a colon and a nonce", "was invalid")
                    }
                    SolutionError::Expired => ("has expired: solve a new challenge", "has expired"),
                    SolutionError::Unsolved => (
                        "must have a SHA-256 that begins with as many zero bits as its challenge asks for",
                        "was not solved",
                    ),
                };
                refusal(error.into(), at_sign_up, at_users)
            })?;
            let sign_up = Fingerprint::new(solved.challenge, attempt);
            if self.spent.spend(solved.id, solved.expires_at, &sign_up).await? {
                Ok(())
            } else {
                Err(refusal(Reason::PROOF_USED, "was used before: solve a new challenge", "was used before"))
            }
        })
    }

    fn preflight(&self, reply: Reply) -> Reply {
        reply.allowing(HEADER)
    }
}
