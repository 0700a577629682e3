//! The reasons of the header `X-Error-Reason`: a stable word for each error of a request.
//!
//! It owns the words, for programs. The bodies keep the form of the API that this service is compatible with, and
//! their sentences are for people. A word never changes its meaning; `public/openapi.json` lists all words. This room
//! must not know statuses.

use crate::fields::password::PasswordError;
use crate::fields::username::UsernameError;

/// Why a request was not carried out, as a word in snake case. Where a field is at fault, the word begins with its
/// name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason(&'static str);

impl Reason {
    /// The body is not UTF-8.
    pub const BODY_ENCODING: Self = Self("body_encoding");
    /// The body is not a JSON object.
    pub const BODY_NOT_OBJECT: Self = Self("body_not_object");
    /// The body begins as an object, but is not JSON.
    pub const BODY_NOT_JSON: Self = Self("body_not_json");
    /// The body has a member twice.
    pub const BODY_MEMBER_TWICE: Self = Self("body_member_twice");
    /// The body ended early, or took too long.
    pub const BODY_INCOMPLETE: Self = Self("body_incomplete");
    /// The body is over the limit.
    pub const BODY_TOO_LARGE: Self = Self("body_too_large");
    /// The `Content-Type` is not JSON.
    pub const CONTENT_TYPE_NOT_JSON: Self = Self("content_type_not_json");
    /// The `Idempotency-Key` is not of its form.
    pub const IDEMPOTENCY_KEY_INVALID: Self = Self("idempotency_key_invalid");
    /// The username is missing, or is not a string.
    pub const USERNAME_MISSING: Self = Self("username_missing");
    /// The header `Username` is neither UTF-8 nor of the extended form of RFC 8187.
    pub const USERNAME_ENCODING: Self = Self("username_encoding");
    /// The username is empty or too long.
    pub const USERNAME_LENGTH: Self = Self("username_length");
    /// The username has a character that no name may have.
    pub const USERNAME_CHARACTERS: Self = Self("username_characters");
    /// The username begins with a combining mark.
    pub const USERNAME_LEADING_MARK: Self = Self("username_leading_mark");
    /// The username has only invisible characters.
    pub const USERNAME_INVISIBLE: Self = Self("username_invisible");
    /// The hook denies the sign-up because of the username.
    pub const USERNAME_DENIED: Self = Self("username_denied");
    /// The username is taken.
    pub const USERNAME_TAKEN: Self = Self("username_taken");
    /// The password is missing, or is not a string.
    pub const PASSWORD_MISSING: Self = Self("password_missing");
    /// The password has too few characters.
    pub const PASSWORD_TOO_SHORT: Self = Self("password_too_short");
    /// The password has too many bytes.
    pub const PASSWORD_TOO_LONG: Self = Self("password_too_long");
    /// The password has a character that no password may have.
    pub const PASSWORD_CHARACTERS: Self = Self("password_characters");
    /// The password is known from data breaches.
    pub const PASSWORD_BREACHED: Self = Self("password_breached");
    /// The `client_id` is missing, or is not a string.
    pub const CLIENT_ID_MISSING: Self = Self("client_id_missing");
    /// The `client_id` is not of its form.
    pub const CLIENT_ID_INVALID: Self = Self("client_id_invalid");
    /// The `client_id` is not that of a registered client.
    pub const CLIENT_ID_UNKNOWN: Self = Self("client_id_unknown");
    /// The hook denies the sign-up because of the `client_id`.
    pub const CLIENT_ID_DENIED: Self = Self("client_id_denied");
    /// The `Privacy` is neither `Public` nor `Private`.
    pub const PRIVACY_INVALID: Self = Self("privacy_invalid");
    /// The proof of work is missing.
    pub const PROOF_MISSING: Self = Self("proof_missing");
    /// The proof of work is not of its form, or its challenge was not issued here.
    pub const PROOF_INVALID: Self = Self("proof_invalid");
    /// The challenge of the proof of work is too old.
    pub const PROOF_EXPIRED: Self = Self("proof_expired");
    /// The challenge is not solved.
    pub const PROOF_UNSOLVED: Self = Self("proof_unsolved");
    /// The proof of work has paid for another sign-up, or for this one too often.
    pub const PROOF_USED: Self = Self("proof_used");
    /// The token of a Turnstile challenge is missing.
    pub const CAPTCHA_TOKEN_MISSING: Self = Self("captcha_token_missing");
    /// The token of the Turnstile challenge was not accepted.
    pub const CAPTCHA_TOKEN_REFUSED: Self = Self("captcha_token_refused");
    /// The address is on the block list.
    pub const ADDRESS_BLOCKED: Self = Self("address_blocked");
    /// The platform did not give the client's address.
    pub const ADDRESS_UNVERIFIED: Self = Self("address_unverified");
    /// The client does not list the origin of the page.
    pub const ORIGIN_REFUSED: Self = Self("origin_refused");
    /// The hook denies the sign-up.
    pub const HOOK_DENIED: Self = Self("hook_denied");
    /// The path does not exist.
    pub const NOT_FOUND: Self = Self("not_found");
    /// The path does not take the method.
    pub const METHOD_NOT_ALLOWED: Self = Self("method_not_allowed");
    /// Too many sign-ups came from one network, or for one application.
    pub const RATE_LIMITED: Self = Self("rate_limited");
    /// The service is at fault.
    pub const INTERNAL_ERROR: Self = Self("internal_error");
    /// A part of the platform failed; the same request may succeed later.
    pub const UNAVAILABLE: Self = Self("unavailable");

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<UsernameError> for Reason {
    fn from(error: UsernameError) -> Self {
        match error {
            UsernameError::Length => Self::USERNAME_LENGTH,
            UsernameError::LeadingMark => Self::USERNAME_LEADING_MARK,
            UsernameError::Character(_) => Self::USERNAME_CHARACTERS,
            UsernameError::Invisible => Self::USERNAME_INVISIBLE,
        }
    }
}

impl From<PasswordError> for Reason {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Empty | PasswordError::TooShort { .. } => Self::PASSWORD_TOO_SHORT,
            PasswordError::TooLong => Self::PASSWORD_TOO_LONG,
            PasswordError::Disallowed => Self::PASSWORD_CHARACTERS,
        }
    }
}
