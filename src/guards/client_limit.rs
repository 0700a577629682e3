//! `CLIENT_LIMIT`: how many sign-ups one application, by its `client_id`, may send in a period.
//!
//! A rate-limit binding counts in each of Cloudflare's locations, so the limit is a brake and not a quota. It keeps one
//! application from using up the capacity that all applications share. It counts only the sign-ups that every guard
//! before it let pass, because anyone can send junk under a `client_id`. Only the hook runs after it. `/users/` has no
//! `client_id`, so its sign-ups are not counted. When the binding does not answer, the sign-up is refused with 503.
//!
//! It owns the key that is counted. It must not know how a binding counts.

use crate::guards::rate_limit::RateLimit;
use crate::guards::{Attempt, Check, Guard, Parts, SignUpRefusal};
use crate::setting::ConfigError;

const BINDING: &str = "CLIENT_LIMIT";

struct ClientLimit(RateLimit);

/// The guard, which is on if the binding exists.
///
/// # Errors
/// It does not fail: a binding of another kind fails only at its first use.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    Ok(parts.env.binding(BINDING).map(|binding| Box::new(ClientLimit(RateLimit::new(BINDING, binding))) as _))
}

impl Guard for ClientLimit {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let Some(sign_up) = &attempt.sign_up else { return Ok(()) };
            let is_within = self.0.count(sign_up.client_id.as_str()).await?;
            if is_within { Ok(()) } else { Err(SignUpRefusal::ClientLimited.into()) }
        })
    }
}
