//! The gate before the endpoints: the client's address and the block list.
//!
//! Owns the request that was let in, with what its endpoint needs of the outside. Must not know
//! field rules or SQL.

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
    /// What is kept from request to request.
    pub isolate: &'a Isolate,
    id: &'a str,
    ip: ClientIp,
    trace: &'a Trace,
    allow_origin: &'a RefCell<AllowOrigin>,
}

impl<'a> Admitted<'a> {
    /// Lets a request in unless its address is blocked. Where the list could not be read and the
    /// settings say to go on, `trace` has a warning. A guard may say by `allow_origin` which pages may read the answer.
    ///
    /// # Errors
    /// [`ApiError::Blocked`], [`ApiError::Unverified`]; [`ApiError::Unavailable`] if the list could
    /// not be read, [`ApiError::Internal`] if the list is missing.
    pub async fn admit(
        request: &'a Incoming,
        isolate: &'a Isolate,
        id: &'a str,
        trace: &'a Trace,
        allow_origin: &'a RefCell<AllowOrigin>,
    ) -> Result<Self, ApiError> {
        // Only the platform's own header: a client can send any other.
        // https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip
        let address = request.header("CF-Connecting-IP");
        let ip = address.as_deref().and_then(ClientIp::parse).ok_or(ApiError::Unverified)?;
        match isolate.block_list.find(ip).await {
            Ok(None) => {}
            Ok(Some(reason)) => return Err(ApiError::Blocked { reason }),
            // A guard that is wired wrongly must not switch itself off.
            Err(error) if isolate.config.block_list_on_error == OnError::Allow && !error.is_misuse() => {
                trace.warn(format!("let pass unchecked, block list: {error}"));
            }
            Err(error) => return Err(ApiError::platform("block list", &error)),
        }
        Ok(Self { request, isolate, id, ip, trace, allow_origin })
    }

    /// Identifies this request across its retries: the client's key, or else the request's id, so
    /// that a statement repeated within the request finds its own row.
    ///
    /// # Errors
    /// The client's key is not of its form.
    pub fn request_key(&self) -> Result<RequestKey, NotVisibleAscii> {
        match self.request.header("Idempotency-Key") {
            Some(key) => RequestKey::of_client(key),
            None => Ok(RequestKey::of_request(self.id)),
        }
    }

    /// Lets a sign-up of good form pass if every guard that is on does; `sign_up` is `None` at `/users/`.
    ///
    /// # Errors
    /// That of the first guard that does not.
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
