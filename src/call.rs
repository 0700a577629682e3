//! One request that was let in, with what its endpoint needs of the outside.
//!
//! Owns the gate before the endpoints: the client's address and the block list. Must not know
//! field rules or SQL.

use crate::client_ip::ClientIp;
use crate::config::OnError;
use crate::confusables::Skeletons;
use crate::error::ApiError;
use crate::guards::{self, Attempt, SignUpFields};
use crate::log::Notes;
use crate::platform::Incoming;
use crate::request_key::RequestKey;
use crate::service::Service;
use crate::store::StoreError;
use crate::username::Username;

/// A request on its way through the service.
pub struct Call<'a> {
    /// The request as it came in.
    pub request: &'a Incoming,
    /// What is kept from request to request.
    pub service: &'a Service,
    id: &'a str,
    ip: ClientIp,
    notes: &'a Notes,
}

impl<'a> Call<'a> {
    /// Lets a request in unless its address is blocked. Where the list could not be read and the
    /// settings say to go on, `notes` has a warning.
    ///
    /// # Errors
    /// [`ApiError::Blocked`], [`ApiError::Unverified`]; [`ApiError::Unavailable`] if the list could
    /// not be read, [`ApiError::Internal`] if there is none.
    pub async fn admit(
        request: &'a Incoming,
        service: &'a Service,
        id: &'a str,
        notes: &'a Notes,
    ) -> Result<Self, ApiError> {
        // Only the platform's own header: a client can send any other.
        // https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip
        let address = request.header("CF-Connecting-IP");
        let ip = address.as_deref().and_then(ClientIp::parse).ok_or(ApiError::Unverified)?;
        match service.block_list.find(ip).await {
            Ok(None) => {}
            Ok(Some(reason)) => return Err(ApiError::Blocked { reason }),
            // A guard that is wired wrongly must not switch itself off.
            Err(error) if service.config.block_list_on_error == OnError::Allow && !error.is_misuse() => {
                notes.warn(format!("let pass unchecked, block list: {error}"));
            }
            Err(error) => return Err(ApiError::platform("block list", &error)),
        }
        Ok(Self { request, service, id, ip, notes })
    }

    /// What makes this request and its repeats one: the client's key, or else the request's id, so
    /// that a statement repeated within the request finds its own row. `None` for a malformed key.
    #[must_use]
    pub fn request_key(&self) -> Option<RequestKey> {
        match self.request.header("Idempotency-Key") {
            Some(key) => RequestKey::of_client(key),
            None => Some(RequestKey::of_request(self.id)),
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
    ) -> Result<(), ApiError> {
        let Self { request, ip, notes, .. } = *self;
        let attempt = Attempt { request, ip, request_key, name, skeletons, sign_up, notes };
        guards::check(&self.service.guards, &attempt).await
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => Self::Unavailable { cause: format!("database: {error}") },
            StoreError::Broken(error) => Self::Internal { cause: format!("database: {error}") },
        }
    }
}
