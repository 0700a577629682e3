//! `POST /users/`: a name, unique over the whole service, and whether it is public.
//!
//! Owns the headers that come in, the JSON that goes out, and the order of the steps. Must not know
//! the headers common to all answers, nor SQL.

use serde::Serialize;

use crate::call::Call;
use crate::error::ApiError;
use crate::header_value;
use crate::reason::Reason;
use crate::response::Reply;
use crate::store::NewAccount;
use crate::username::Username;

/// Whether others may see an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Privacy {
    Public,
    Private,
}

/// An account whose every field is valid.
struct SignUp {
    name: Username,
    privacy: Privacy,
}

#[derive(Serialize)]
struct Created<'a> {
    name: &'a str,
    privacy: &'a str,
}

/// Creates an account: 201 with its name, also for a repeat of the same request. The body is ignored.
///
/// # Errors
/// Every error of the contract for this route.
pub async fn handle(call: &Call<'_>) -> Result<Reply, ApiError> {
    let name = call.request.header("Username");
    let privacy = call.request.header("Privacy");
    let parsed = call
        .request_key()
        .ok_or((Reason::IDEMPOTENCY_KEY_INVALID, "Idempotency-Key was invalid"))
        .and_then(|request_key| Ok((request_key, SignUp::parse(name.as_deref(), privacy.as_deref())?)));
    let (request_key, sign_up) = match parsed {
        Ok(parsed) => parsed,
        Err((reason, description)) => {
            return Err(ApiError::InvalidAccount { reason, name, privacy, description: description.into() });
        }
    };
    let skeletons = call.service.config.confusables.skeletons(&sign_up.name);
    call.guard(&request_key, &sign_up.name, skeletons.as_ref(), None).await.map_err(|error| match error {
        // A fault of the request's, in this route's own form.
        ApiError::Invalid { reason, description, .. } => {
            ApiError::InvalidAccount { reason, name, privacy, description: description.into() }
        }
        other => other,
    })?;
    let stored = call
        .service
        .store
        .insert_account(NewAccount {
            name: &sign_up.name,
            skeletons: skeletons.as_ref(),
            privacy: sign_up.privacy.as_str(),
            request_key: &request_key,
        })
        .await?;
    match stored {
        Some(account) => Ok(Reply::json(201, &Created { name: &account.name, privacy: &account.privacy })),
        None => Err(ApiError::NameTaken { name: sign_up.name.as_str().to_owned() }),
    }
}

impl SignUp {
    /// Takes the headers as they came in; the error says which was at fault, as a word and in words.
    fn parse(name: Option<&str>, privacy: Option<&str>) -> Result<Self, (Reason, &'static str)> {
        let name = name.ok_or((Reason::USERNAME_MISSING, "Username was missing"))?;
        let name = header_value::decode(name)
            .ok_or(Reason::USERNAME_ENCODING)
            .and_then(|name| Ok(Username::parse(&name)?))
            .map_err(|reason: Reason| (reason, "Username was invalid"))?;
        let privacy = match privacy {
            None => Some(Privacy::Public),
            Some(privacy) => header_value::decode(privacy).and_then(|privacy| Privacy::parse(&privacy)),
        };
        Ok(Self { name, privacy: privacy.ok_or((Reason::PRIVACY_INVALID, "Privacy was invalid"))? })
    }
}

impl Privacy {
    fn parse(raw: &str) -> Option<Self> {
        [Self::Public, Self::Private].into_iter().find(|privacy| privacy.as_str().eq_ignore_ascii_case(raw))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Private => "Private",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(name: Option<&str>, privacy: Option<&str>) -> &'static str {
        let error = SignUp::parse(name, privacy).err();
        error.unwrap_or_else(|| panic!("{name:?}, {privacy:?} was taken")).1
    }

    #[test]
    fn privacy_is_public_unless_it_says_otherwise() {
        for (raw, privacy) in [
            (None, Privacy::Public),
            (Some("Public"), Privacy::Public),
            (Some("pUBLIC"), Privacy::Public),
            (Some("private"), Privacy::Private),
            (Some("PRIVATE"), Privacy::Private),
            (Some("UTF-8''Private"), Privacy::Private),
        ] {
            assert_eq!(SignUp::parse(Some("Ada"), raw).ok().unwrap().privacy, privacy);
        }
        for raw in ["", "friends", "Public, Private", "publicc", "ｐublic"] {
            assert_eq!(error(Some("Ada"), Some(raw)), "Privacy was invalid", "{raw}");
        }
    }

    #[test]
    fn a_name_is_raw_or_extended() {
        for raw in ["☃", "UTF-8''%E2%98%83", "utf-8'en'%e2%98%83"] {
            assert_eq!(SignUp::parse(Some(raw), None).ok().unwrap().name.as_str(), "☃");
        }
    }

    #[test]
    fn the_name_is_judged_before_the_privacy() {
        assert_eq!(error(None, None), "Username was missing");
        assert_eq!(error(None, Some("friends")), "Username was missing");
        for raw in [
            "",
            "a b",
            "a, b",
            "UTF-8''",
            "UTF-8''%20",
            "UTF-8''%ZZ",
            "\u{fffd}",
            "\u{3164}",
            &"x".repeat(255),
        ] {
            assert_eq!(error(Some(raw), Some("friends")), "Username was invalid", "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_headers_are_taken_or_refused(name in any::<String>(), privacy in any::<String>()) {
            let _ = SignUp::parse(Some(&name), Some(&privacy));
        }
    }
}
