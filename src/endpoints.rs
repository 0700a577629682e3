//! The endpoints: what each takes from a request, the order of its steps, and its answers.
//!
//! An endpoint words its errors, those of the guards included. Must not know the headers common to all answers, nor
//! SQL.

pub mod accounts;
pub mod challenge;
pub mod sign_up;

use crate::guards::proof_of_work::challenge::SolutionError;
use crate::reason::Reason;

/// What a client of either endpoint is told where there were too many from its network.
const NETWORK_LIMITED: &str = "Too many sign-ups from your network";

impl From<SolutionError> for Reason {
    fn from(error: SolutionError) -> Self {
        match error {
            SolutionError::Invalid => Self::PROOF_INVALID,
            SolutionError::Expired => Self::PROOF_EXPIRED,
            SolutionError::Unsolved => Self::PROOF_UNSOLVED,
        }
    }
}
