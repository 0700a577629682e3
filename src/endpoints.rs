//! The endpoints.
//!
//! Each one owns what it takes from a request, the order of its steps, and its answers. It also words its errors, and
//! the refusals of the guards. It must not know the headers that all answers share, nor SQL.

pub mod accounts;
pub mod challenge;
pub mod rules;
pub mod sign_up;

use crate::guards::proof_of_work::challenge::SolutionError;
use crate::reason::Reason;

/// The description of a 429 for too many sign-ups from the client's network, at either endpoint.
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
