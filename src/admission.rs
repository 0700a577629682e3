//! The gate before the endpoints: the client's address and the block list.
//!
//! It owns [`Admitted`]: a request that was let in, with everything that its endpoint needs. It must not know field
//! rules or SQL.

use std::cell::RefCell;

use crate::error::ApiError;
use crate::fields::client_ip::ClientIp;
use crate::fields::confusables::Skeletons;
use crate::fields::request_key::RequestKey;
use crate::fields::username::Username;
use crate::fields::visible_ascii::NotVisibleAscii;
use crate::guards::{Attempt, Refusal, SignUpFields};
use crate::http::response::AllowOrigin;
use crate::isolate::Isolate;
use crate::log::Trace;
use crate::platform::Incoming;
use crate::setting::OnError;

/// A request that was let in.
pub struct Admitted<'a> {
    /// The request as it came in.
    pub request: &'a Incoming,
    /// The state that the isolate keeps between requests.
    pub isolate: &'a Isolate,
    /// The facts for the request's log line.
    pub trace: &'a Trace,
    id: &'a str,
    ip: ClientIp,
    allow_origin: &'a RefCell<AllowOrigin>,
}

impl<'a> Admitted<'a> {
    /// Lets a request in unless its address is blocked. If the block list could not be read and the setting is
    /// [`OnError::Allow`], the request passes and `trace` gets a warning. A guard may use `allow_origin` to say which
    /// pages may read the answer.
    ///
    /// # Errors
    /// [`ApiError::Blocked`]: the address is on the block list. [`ApiError::Unverified`]: the platform gave no address.
    /// [`ApiError::Unavailable`]: the list could not be read. [`ApiError::Internal`]: the binding of the list is of the
    /// wrong kind.
    pub async fn admit(
        request: &'a Incoming,
        isolate: &'a Isolate,
        id: &'a str,
        trace: &'a Trace,
        allow_origin: &'a RefCell<AllowOrigin>,
    ) -> Result<Self, ApiError> {
        // Only this header is believed, because the platform sets it. A client can send any other.
        // https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip
        let address = request.header("CF-Connecting-IP");
        let ip = address.as_deref().and_then(ClientIp::parse).ok_or(ApiError::Unverified)?;
        match isolate.block_list.find(ip).await {
            Ok(None) => {}
            Ok(Some(reason)) => return Err(ApiError::Blocked { reason }),
            // A binding of the wrong kind must not switch the block list off.
            Err(error) if isolate.config.block_list_on_error == OnError::Allow && !error.is_misuse() => {
                trace.warn(format!("let pass unchecked, block list: {error}"));
            }
            Err(error) => return Err(ApiError::platform("block list", &error)),
        }
        Ok(Self { request, isolate, trace, id, ip, allow_origin })
    }

    /// Identifies this request across its retries, by the client's `Idempotency-Key`. Without one, the request's id
    /// takes its place, so that a statement that is repeated within the request finds its own row.
    ///
    /// # Errors
    /// [`NotVisibleAscii`]: the client's key is not of its form.
    pub fn request_key(&self) -> Result<RequestKey, NotVisibleAscii> {
        match self.request.header("Idempotency-Key") {
            Some(key) => RequestKey::of_client(key),
            None => Ok(RequestKey::of_request(self.id)),
        }
    }

    /// Asks every guard that is on whether a sign-up of valid form may pass. `sign_up` is `None` at `/users/`.
    ///
    /// # Errors
    /// The [`Refusal`] of the first guard that refuses the sign-up.
    pub async fn guard(
        &self,
        request_key: &RequestKey,
        name: &Username,
        skeletons: Option<&Skeletons>,
        sign_up: Option<SignUpFields<'_>>,
    ) -> Result<(), Refusal> {
        let Self { request, ip, trace, allow_origin, .. } = *self;
        let attempt = Attempt { request, ip, request_key, name, skeletons, sign_up, trace, allow_origin };
        self.isolate.guards.check(&attempt).await
    }
}
