//! `CLIENT_LIMIT`: how many sign-ups one application, by its `client_id`, may send in a while.
//!
//! A rate-limit binding, counted in each of Cloudflare's locations: a brake, not a quota. It keeps
//! one application from using up what all share. It counts the sign-ups that every other guard has
//! let pass, because anybody can send junk under a `client_id`. `/users/` has no `client_id` and is
//! not counted. When the binding does not answer, the sign-up is refused with 503.

use crate::guards::rate_limit::RateLimit;
use crate::guards::{Attempt, Check, Guard, Parts, SignUpRefusal};
use crate::setting::ConfigError;

const BINDING: &str = "CLIENT_LIMIT";

struct ClientLimit(RateLimit);

/// On where the binding is.
///
/// # Errors
/// None: a binding of another kind shows when it is asked.
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
