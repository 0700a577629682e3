//! `POST /users/`: creates an account, with a name that is unique over the whole service, and a privacy.
//!
//! It owns the headers that come in, the JSON that goes out, and the order of the steps. It must not know the headers
//! that all answers share, nor SQL.

use serde::Serialize;

use crate::admission::Admitted;
use crate::endpoints::NETWORK_LIMITED;
use crate::error::ApiError;
use crate::fields::username::Username;
use crate::guards::proof_of_work::challenge::SolutionError;
use crate::guards::{DeniedField, Refusal};
use crate::http::header_value;
use crate::http::response::Reply;
use crate::reason::Reason;
use crate::storage::d1::NewAccount;

/// Whether others may see an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Privacy {
    Public,
    Private,
}

/// The fields of an account, all of them valid.
struct AccountForm {
    name: Username,
    privacy: Privacy,
}

#[derive(Serialize)]
struct Created<'a> {
    name: &'a str,
    privacy: &'a str,
}

/// Creates an account: 201 with its name and privacy, also for a repeat of the same request. The request's body is
/// ignored.
///
/// # Errors
/// [`ApiError::InvalidAccount`]: a header is not of its form. [`ApiError::NameTaken`]: the name is taken or reserved.
/// [`ApiError::InvalidAccount`], [`ApiError::Denied`], [`ApiError::Limited`]: a guard refuses the account.
/// [`ApiError::Internal`], [`ApiError::Unavailable`]: a guard or the database failed.
pub async fn handle(admitted: &Admitted<'_>) -> Result<Reply, ApiError> {
    let name = admitted.request.header("Username");
    let privacy = admitted.request.header("Privacy");
    let parsed = admitted
        .request_key()
        .map_err(|_| (Reason::IDEMPOTENCY_KEY_INVALID, "Idempotency-Key was invalid"))
        .and_then(|request_key| Ok((request_key, AccountForm::parse(name.as_deref(), privacy.as_deref())?)));
    let (request_key, form) = match parsed {
        Ok(parsed) => parsed,
        Err((reason, description)) => {
            return Err(ApiError::InvalidAccount { reason, name, privacy, description: description.into() });
        }
    };
    let skeletons = admitted.isolate.config.confusables.skeletons(&form.name);
    admitted.guard(&request_key, &form.name, skeletons.as_ref(), None).await.map_err(|refusal| {
        let invalid = |reason, description: &str| ApiError::InvalidAccount {
            reason,
            name,
            privacy,
            description: description.to_owned().into(),
        };
        match refusal {
            Refusal::NameReserved => taken(&form.name),
            Refusal::NetworkLimited => ApiError::Limited { description: NETWORK_LIMITED },
            Refusal::ProofMissing => invalid(Reason::PROOF_MISSING, "Proof-Of-Work was missing"),
            Refusal::ProofRefused(error) => invalid(
                error.into(),
                match error {
                    SolutionError::Invalid => "Proof-Of-Work was invalid",
                    SolutionError::Expired => "Proof-Of-Work has expired",
                    SolutionError::Unsolved => "Proof-Of-Work was not solved",
                },
            ),
            Refusal::ProofUsed => invalid(Reason::PROOF_USED, "Proof-Of-Work was used before"),
            Refusal::CaptchaTokenMissing => {
                invalid(Reason::CAPTCHA_TOKEN_MISSING, "Captcha-Token was missing")
            }
            Refusal::CaptchaTokenRefused => {
                invalid(Reason::CAPTCHA_TOKEN_REFUSED, "Captcha-Token was not accepted")
            }
            Refusal::Denied { description, field: Some(DeniedField::Username) } => {
                invalid(Reason::USERNAME_DENIED, &description)
            }
            Refusal::Denied { description, .. } => ApiError::Denied { description },
            Refusal::OfSignUp(_) => ApiError::Internal {
                cause: "a guard refused a field that an account does not have".to_owned(),
            },
            Refusal::Failed(error) => error,
        }
    })?;
    let stored = admitted
        .isolate
        .store
        .insert_account(NewAccount {
            name: &form.name,
            skeletons: skeletons.as_ref(),
            privacy: form.privacy.as_str(),
            request_key: &request_key,
        })
        .await?;
    match stored {
        Some(account) => Ok(Reply::json(201, &Created { name: &account.name, privacy: &account.privacy })),
        None => Err(taken(&form.name)),
    }
}

fn taken(name: &Username) -> ApiError {
    ApiError::NameTaken { name: name.as_str().to_owned() }
}

impl AccountForm {
    /// Takes the headers as they were sent. The error says which header was at fault, as a word and as a sentence.
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
        let error = AccountForm::parse(name, privacy).err();
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
            assert_eq!(AccountForm::parse(Some("Ada"), raw).ok().unwrap().privacy, privacy);
        }
        for raw in ["", "friends", "Public, Private", "publicc", "ｐublic"] {
            assert_eq!(error(Some("Ada"), Some(raw)), "Privacy was invalid", "{raw}");
        }
    }

    #[test]
    fn a_name_is_raw_or_extended() {
        for raw in ["☃", "UTF-8''%E2%98%83", "utf-8'en'%e2%98%83"] {
            assert_eq!(AccountForm::parse(Some(raw), None).ok().unwrap().name.as_str(), "☃");
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
            let _ = AccountForm::parse(Some(&name), Some(&privacy));
        }
    }
}
