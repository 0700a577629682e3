//! `SIGN_UP_LIMIT`: how many sign-ups, at either route, one network may try in a period.
//!
//! A rate-limit binding counts by the IPv4 address or the /64 of the IPv6 address, because that is the network of one
//! household or server. The binding counts in each of Cloudflare's locations, so the limit is a brake and not a quota.
//! When the binding does not answer, the sign-up is refused with 503.
//!
//! It owns the key that is counted. It must not know how a binding counts.

use crate::guards::rate_limit::RateLimit;
use crate::guards::{Attempt, Check, Guard, Parts, Refusal};
use crate::setting::ConfigError;

const BINDING: &str = "SIGN_UP_LIMIT";

struct NetworkLimit(RateLimit);

/// The guard, which is on if the binding exists.
///
/// # Errors
/// It does not fail: a binding of another kind fails only at its first use.
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
