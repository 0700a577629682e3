//! `SIGN_UP_LIMIT`: how many sign-ups, at either route, one network may try in a while.
//!
//! A rate-limit binding counts by the address, or the /64 of an IPv6 address, because that is what
//! one household or server has. The count is kept in each of Cloudflare's locations: a brake, not a
//! quota. When the binding does not answer, the sign-up is refused with 503.

use crate::config::ConfigError;
use crate::guards::{Attempt, Check, Guard};
use crate::platform::Environment;
use crate::rate_limit::RateLimit;

const BINDING: &str = "SIGN_UP_LIMIT";

struct NetworkLimit(RateLimit);

/// On where the binding is.
///
/// # Errors
/// None: a binding of another kind shows when it is asked.
pub fn read(env: &Environment) -> Result<Option<Box<dyn Guard>>, ConfigError> {
    Ok(env.binding(BINDING).map(|binding| Box::new(NetworkLimit(RateLimit::new(BINDING, binding))) as _))
}

impl Guard for NetworkLimit {
    fn check<'a>(&'a self, attempt: &'a Attempt<'a>) -> Check<'a> {
        Box::pin(async { self.0.count(&attempt.ip.network(), "Too many sign-ups from your network").await })
    }
}
