//! `SIGN_UP_LIMIT`: how many sign-ups, at either route, one network may try in a while.
//!
//! A rate-limit binding counts by the address, or the /64 of an IPv6 address, because that is what
//! one household or server has. The count is kept in each of Cloudflare's locations: a brake, not a
//! quota. When the binding does not answer, the sign-up is refused with 503.

use crate::guards::rate_limit::RateLimit;
use crate::guards::{Attempt, Check, Guard, Parts, Refusal};
use crate::setting::ConfigError;

const BINDING: &str = "SIGN_UP_LIMIT";

struct NetworkLimit(RateLimit);

/// On where the binding is.
///
/// # Errors
/// None: a binding of another kind shows when it is asked.
pub(super) fn read(parts: &Parts<'_>) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    Ok(parts
        .env
        .binding(BINDING)
        .map(|binding| Box::new(NetworkLimit(RateLimit::new(BINDING, binding))) as _))
}

impl Guard for NetworkLimit {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async {
            let is_within = self.0.count(&attempt.ip.network()).await?;
            if is_within { Ok(()) } else { Err(Refusal::NetworkLimited) }
        })
    }
}
