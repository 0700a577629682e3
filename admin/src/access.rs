//! Who may use this Worker.
//!
//! A request brings the token of an operator, or the JWT that Cloudflare Access adds to the requests of a person or a
//! program that it has let in. Each way is off until its settings exist, and a wrong setting stops the Worker.
//!
//! It owns the judgement of a request's credentials. It must not know the route of the request, nor the words
//! of an answer.

mod jwt;
mod keys;
mod signature;
mod team;
mod token;

use std::fmt;

use edge_signup::clock;
use edge_signup::error::ApiError;
use edge_signup::fields::client_ip::ClientIp;
use edge_signup::guards::rate_limit::RateLimit;
use edge_signup::platform::{Environment, Incoming};
use edge_signup::setting::ConfigError;

use jwt::{Fault, Jwt};
use keys::Keys;
use team::Team;
use token::{Token, Tokens};

const AUTHORIZATION: &str = "Authorization";

/// <https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/>
const ACCESS_JWT: &str = "Cf-Access-Jwt-Assertion";

/// The rate-limit binding that counts wrong credentials.
const WRONG_TOKENS: &str = "WRONG_TOKENS";

/// The key for all requests without an address: they share one limit.
const NO_ADDRESS: &str = "no address";

/// The credentials that are good, and the limit of wrong ones.
pub struct Access {
    tokens: Tokens,
    /// The team of Cloudflare Access and its keys, where Access is on.
    team: Option<(Team, Keys)>,
    wrong_tokens: Option<RateLimit>,
}

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `admin-token`, `read-token`, or the name that Cloudflare Access gives: an e-mail address or the name of a service
    /// token. It is personal data.
    pub name: String,
    /// Whether the sender may change something and read hashes.
    pub may_write: bool,
}

/// Why a request was not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// 503: neither a token nor a team is set.
    NotConfigured,
    /// 401: the request has no credentials.
    Missing,
    /// 401: the credentials are wrong.
    Wrong {
        /// The fault; for the log only. It repeats nothing of the credentials.
        cause: String,
    },
    /// 429: too many wrong credentials came from the client's network.
    TooMany,
    /// 503: the credentials cannot be judged now; the same request may succeed later.
    Unavailable {
        /// The cause; for the log only.
        cause: String,
    },
}

/// The judgement of one of a request's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// The request does not have this credential, or this way is off.
    Absent,
    /// It is right.
    Right(Actor),
    /// It is wrong. The text says why, and repeats nothing of it.
    Wrong(&'static str),
    /// It cannot be judged. The text says why.
    Unknown(String),
}

impl Access {
    /// Reads the settings and the binding.
    ///
    /// # Errors
    /// [`ConfigError`]: a setting is not of its form, or does not go with another one. The error does not repeat a value.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let lookup = |name: &str| env.variable(name);
        Ok(Self {
            tokens: Tokens::read(lookup)?,
            team: Team::read(lookup)?.map(|team| {
                let keys = Keys::new(team.keys_url());
                (team, keys)
            }),
            wrong_tokens: env.binding(WRONG_TOKENS).map(|binding| RateLimit::new(WRONG_TOKENS, binding)),
        })
    }

    /// Finds out who sent `request`. One right credential is enough. Right credentials are never counted, and so never
    /// limited.
    ///
    /// # Errors
    /// [`Denied`]: the request may not pass.
    pub async fn admit(&self, request: &Incoming) -> Result<Actor, Denied> {
        if self.tokens.is_empty() && self.team.is_none() {
            return Err(Denied::NotConfigured);
        }
        let bearer = judge_bearer(&self.tokens, request.header(AUTHORIZATION).as_deref());
        let jwt = match (&bearer, &self.team, request.header(ACCESS_JWT)) {
            (Finding::Right(_), _, _) | (_, None, _) | (_, _, None) => Finding::Absent,
            (_, Some((team, keys)), Some(raw)) => judge_jwt(team, keys, &raw).await,
        };
        let is_wrong = [&bearer, &jwt].iter().any(|finding| matches!(finding, Finding::Wrong(_)));
        match verdict(bearer, jwt) {
            Err(denied) if is_wrong => Err(limited(denied, self.count(request).await)),
            verdict => verdict,
        }
    }

    /// Counts wrong credentials under the client's network. Returns `false` if they are over the limit.
    async fn count(&self, request: &Incoming) -> Result<bool, ApiError> {
        match &self.wrong_tokens {
            None => Ok(true),
            Some(limit) => limit.count(&network(request.header("CF-Connecting-IP").as_deref())).await,
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access(…)")
    }
}

fn judge_bearer(tokens: &Tokens, authorization: Option<&str>) -> Finding {
    let Some(token) = authorization.and_then(token::bearer) else { return Finding::Absent };
    let (name, may_write) = match tokens.find(token) {
        Some(Token::Admin) => ("admin-token", true),
        Some(Token::Read) => ("read-token", false),
        None => return Finding::Wrong("the token is not one of the Worker's"),
    };
    Finding::Right(Actor { name: name.to_owned(), may_write })
}

/// Judges a JWT, the cheapest step first. Only a JWT with the right claims has its key looked up, so other JWTs never
/// cause a request to Cloudflare.
async fn judge_jwt(team: &Team, keys: &Keys, raw: &str) -> Finding {
    let claimed = Jwt::parse(raw).and_then(|jwt| Ok((jwt.claimed_name(team, clock::unix_time())?, jwt)));
    let (name, jwt) = match claimed {
        Ok(claimed) => claimed,
        Err(fault) => return Finding::Wrong(fault.as_str()),
    };
    let key = match keys.find(jwt.key_id()).await {
        Ok(Some(key)) => key,
        Ok(None) => return Finding::Wrong(Fault::UnknownKey.as_str()),
        Err(cause) => return Finding::Unknown(cause),
    };
    match signature::holds(&key, jwt.signature(), jwt.signed()).await {
        Ok(true) => Finding::Right(Actor { name, may_write: true }),
        Ok(false) => Finding::Wrong(Fault::Signature.as_str()),
        Err(error) => Finding::Unknown(format!("the signature of a JWT: {error}")),
    }
}

/// The verdict on a request from the findings on its credentials.
fn verdict(bearer: Finding, jwt: Finding) -> Result<Actor, Denied> {
    match (bearer, jwt) {
        (Finding::Right(actor), _) | (_, Finding::Right(actor)) => Ok(actor),
        (Finding::Unknown(cause), _) | (_, Finding::Unknown(cause)) => Err(Denied::Unavailable { cause }),
        (Finding::Absent, Finding::Absent) => Err(Denied::Missing),
        (Finding::Wrong(cause), Finding::Absent) | (Finding::Absent, Finding::Wrong(cause)) => {
            Err(Denied::Wrong { cause: cause.to_owned() })
        }
        (Finding::Wrong(bearer), Finding::Wrong(jwt)) => {
            Err(Denied::Wrong { cause: format!("{bearer}; {jwt}") })
        }
    }
}

/// The denial of a request whose wrong credentials were counted. A count that failed changes only the cause.
fn limited(denied: Denied, is_within: Result<bool, ApiError>) -> Denied {
    match (is_within, denied) {
        (Ok(false), _) => Denied::TooMany,
        (
            Err(ApiError::Internal { cause: failure } | ApiError::Unavailable { cause: failure }),
            Denied::Wrong { cause },
        ) => Denied::Wrong { cause: format!("{cause}; {failure}") },
        (_, denied) => denied,
    }
}

/// The key that wrong credentials are counted under.
fn network(address: Option<&str>) -> String {
    address.and_then(ClientIp::parse).map_or_else(|| NO_ADDRESS.to_owned(), ClientIp::network)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: &str = "an-admin-token-of-32-characters!";
    const READ: &str = "a-reading-token-of-32-characters";

    fn tokens(settings: &[(&str, &str)]) -> Tokens {
        let find = |name: &str| settings.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Tokens::read(find).unwrap()
    }

    fn actor(name: &str, may_write: bool) -> Actor {
        Actor { name: name.to_owned(), may_write }
    }

    #[test]
    fn a_token_says_who_sent_it_and_what_it_is_good_for() {
        let tokens = tokens(&[("ADMIN_TOKEN", ADMIN), ("ADMIN_READ_TOKEN", READ)]);
        let judged = |header: &str| judge_bearer(&tokens, Some(header));
        assert_eq!(judged(&format!("Bearer {ADMIN}")), Finding::Right(actor("admin-token", true)));
        assert_eq!(judged(&format!("bearer {READ}")), Finding::Right(actor("read-token", false)));
        assert!(matches!(judged("Bearer wrong"), Finding::Wrong(_)));
        assert!(matches!(judged("Bearer"), Finding::Wrong(_)));
        assert_eq!(judged(&format!("Basic {ADMIN}")), Finding::Absent);
        assert_eq!(judge_bearer(&tokens, None), Finding::Absent);
    }

    #[test]
    fn one_right_credential_is_enough_and_the_token_comes_first() {
        let (token, person) = (actor("admin-token", true), actor("ada@example.com", true));
        for other in [Finding::Absent, Finding::Wrong("wrong"), Finding::Unknown("down".to_owned())] {
            assert_eq!(verdict(Finding::Right(token.clone()), other.clone()), Ok(token.clone()));
            assert_eq!(verdict(other, Finding::Right(person.clone())), Ok(person.clone()));
        }
        assert_eq!(verdict(Finding::Right(token.clone()), Finding::Right(person)), Ok(token));
    }

    #[test]
    fn a_request_without_a_right_credential_is_denied() {
        let wrong = |cause: &str| Err(Denied::Wrong { cause: cause.to_owned() });
        let unavailable = Err(Denied::Unavailable { cause: "down".to_owned() });
        let down = || Finding::Unknown("down".to_owned());
        assert_eq!(verdict(Finding::Absent, Finding::Absent), Err(Denied::Missing));
        assert_eq!(verdict(Finding::Wrong("a"), Finding::Absent), wrong("a"));
        assert_eq!(verdict(Finding::Absent, Finding::Wrong("b")), wrong("b"));
        assert_eq!(verdict(Finding::Wrong("a"), Finding::Wrong("b")), wrong("a; b"));
        assert_eq!(verdict(Finding::Absent, down()), unavailable);
        assert_eq!(verdict(Finding::Wrong("a"), down()), unavailable);
    }

    #[test]
    fn a_limit_that_fails_changes_only_the_cause() {
        let wrong = |cause: &str| Denied::Wrong { cause: cause.to_owned() };
        let down = || Denied::Unavailable { cause: "down".to_owned() };
        let failures = || {
            let cause = "WRONG_TOKENS: Error".to_owned();
            [ApiError::Internal { cause: cause.clone() }, ApiError::Unavailable { cause }]
        };
        for denied in [wrong("a"), down()] {
            assert_eq!(limited(denied.clone(), Ok(true)), denied);
            assert_eq!(limited(denied, Ok(false)), Denied::TooMany);
        }
        for failure in failures() {
            assert_eq!(limited(wrong("a"), Err(failure)), wrong("a; WRONG_TOKENS: Error"));
        }
        for failure in failures() {
            assert_eq!(limited(down(), Err(failure)), down());
        }
    }

    #[test]
    fn wrong_credentials_are_counted_under_the_network_of_the_client() {
        for (address, key) in [
            (Some("203.0.113.7"), "203.0.113.7"),
            (Some("2001:db8:1:2:3::4"), "2001:db8:1:2::/64"),
            (Some("nowhere"), NO_ADDRESS),
            (None, NO_ADDRESS),
        ] {
            assert_eq!(network(address), key);
        }
    }

    #[test]
    fn nothing_of_the_settings_is_shown() {
        let tokens = tokens(&[("ADMIN_TOKEN", ADMIN)]);
        let access = Access { tokens, team: None, wrong_tokens: None };
        assert_eq!(format!("{access:?}"), "Access(…)");
    }
}
