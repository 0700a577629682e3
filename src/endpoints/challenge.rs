//! `GET /challenge`: a puzzle that a client solves before it signs up, while proof of work is on.
//!
//! It owns the JSON that goes out. It must not know what a solution is.

use serde::Serialize;

use crate::clock;
use crate::error::ApiError;
use crate::guards::proof_of_work::challenge::{Challenges, VALID_SECONDS};
use crate::http::response::Reply;
use crate::platform;

#[derive(Serialize)]
struct Issued {
    challenge: String,
    // Not a `u32`: the code that formats one would be in the wasm for this field alone.
    bits: u64,
    expires_in: u64,
}

/// Issues a challenge: 200 with the challenge, the number of zero bits that it asks for, and the seconds for which it
/// is valid.
///
/// # Errors
/// [`ApiError::NotFound`] where proof of work is off.
pub fn handle(challenges: Option<&Challenges>) -> Result<Reply, ApiError> {
    let challenges = challenges.ok_or(ApiError::NotFound { has_challenges: false })?;
    let challenge = challenges.issue(&platform::random_uuid(), clock::unix_time());
    Ok(Reply::json(200, &Issued { challenge, bits: challenges.bits().into(), expires_in: VALID_SECONDS }))
}
