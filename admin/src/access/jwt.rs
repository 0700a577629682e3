//! A JWT of Cloudflare Access ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)), signed as RS256
//! ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)).
//!
//! It owns the form of a JWT and the rules for its claims. The algorithm is fixed, so a JWT cannot choose another one.
//! It must not know keys, nor whether the signature holds: until then a claim is only the word of a stranger.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::team::Team;

/// The longest JWT, in bytes. Those of Access have about one thousand, and more where a person is in many groups.
const MAX_BYTES: usize = 8 * 1024;

const ALGORITHM: &str = "RS256";

/// How far this clock and the issuer's may differ, in seconds.
const LEEWAY: u64 = 60;

/// The longest name of a sender, in bytes: an e-mail address has at most 254.
const MAX_NAME_BYTES: usize = 254;

/// The names that the audit gives to other senders. The common name of a certificate is free text.
const RESERVED: [&str; 3] = ["admin-token", "read-token", "service"];

/// A JWT of the right form. Its signature was not verified.
pub(super) struct Jwt<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    key_id: String,
    claims: Claims,
}

/// Why a JWT is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    TooLong,
    Form,
    Algorithm,
    Critical,
    KeyId,
    Issuer,
    Audience,
    Expired,
    NotYet,
    Nameless,
    UnknownKey,
    Signature,
}

/// The members of the header that are judged.
#[derive(Deserialize)]
struct Head {
    alg: Option<String>,
    kid: Option<String>,
    /// Names extensions that must be understood. This code understands none.
    crit: Option<IgnoredAny>,
}

/// The claims that are judged
/// (<https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/application-token/>).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: u64,
    nbf: Option<u64>,
    iat: Option<u64>,
    /// The person's e-mail address.
    email: Option<String>,
    /// The name of a service token, or that of a certificate.
    common_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Fault {
    /// The fault for the log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "the JWT is too long",
            Self::Form => "the JWT is not of its form",
            Self::Algorithm => "the algorithm of the JWT is not RS256",
            Self::Critical => "the JWT needs an extension",
            Self::KeyId => "the JWT does not name its key",
            Self::Issuer => "the JWT is from another issuer than ACCESS_TEAM",
            Self::Audience => "the JWT is for another audience than ACCESS_AUD",
            Self::Expired => "the JWT has expired",
            Self::NotYet => "the JWT is not valid yet",
            Self::Nameless => "the JWT does not say who sent it",
            Self::UnknownKey => "the key of the JWT is not one of the team's",
            Self::Signature => "the signature of the JWT does not hold",
        }
    }
}

impl<'a> Jwt<'a> {
    /// Reads a JWT in its compact form: header, claims and signature, each in Base64url, with dots between them.
    ///
    /// # Errors
    /// [`Fault`]: the text is not of this form, or its header is not that of RS256 with a key's id.
    pub(super) fn parse(raw: &'a str) -> Result<Self, Fault> {
        if raw.len() > MAX_BYTES {
            return Err(Fault::TooLong);
        }
        let (signed, signature) = raw.rsplit_once('.').ok_or(Fault::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(Fault::Form)?;
        let head: Head = json(head)?;
        if head.alg.as_deref() != Some(ALGORITHM) {
            return Err(Fault::Algorithm);
        }
        if head.crit.is_some() {
            return Err(Fault::Critical);
        }
        let key_id = head.kid.filter(|kid| !kid.is_empty()).ok_or(Fault::KeyId)?;
        let signature = decode(signature).filter(|signature| !signature.is_empty()).ok_or(Fault::Form)?;
        Ok(Self { signed, signature, key_id, claims: json(claims)? })
    }

    /// The id of the key that the JWT is said to be signed with.
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The signature.
    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The text that is signed.
    pub(super) fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The sender's name, if the claims are right for `team` at `now`, in seconds since 1970. The name is true only if
    /// the signature holds.
    ///
    /// # Errors
    /// [`Fault`]: a claim is not right.
    pub(super) fn claimed_name(&self, team: &Team, now: u64) -> Result<String, Fault> {
        let Claims { iss, aud, exp, nbf, iat, email, common_name } = &self.claims;
        if iss != team.url() {
            return Err(Fault::Issuer);
        }
        let is_ours = match aud {
            Audience::One(one) => one == team.audience(),
            Audience::Many(many) => many.iter().any(|one| one == team.audience()),
        };
        if !is_ours {
            return Err(Fault::Audience);
        }
        if exp.saturating_add(LEEWAY) <= now {
            return Err(Fault::Expired);
        }
        if [nbf, iat].into_iter().flatten().any(|&from| from > now.saturating_add(LEEWAY)) {
            return Err(Fault::NotYet);
        }
        let name = [email, common_name].into_iter().flatten().find(|name| !name.is_empty());
        name.filter(|name| is_name(name)).cloned().ok_or(Fault::Nameless)
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control) && !RESERVED.contains(&name)
}

/// Reads a part of a JWT. A member that the Worker reads is refused if it is there twice, because two readers could
/// differ about it.
fn json<T: DeserializeOwned>(part: &str) -> Result<T, Fault> {
    let json = decode(part).ok_or(Fault::Form)?;
    serde_json::from_slice(&json).map_err(|_| Fault::Form)
}

fn decode(part: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const NOW: u64 = 1_800_000_000;

    fn team() -> Team {
        let value = |name: &str| (if name == "ACCESS_TEAM" { "acme" } else { "the-tag" }).to_owned();
        Team::read(|name| Some(value(name))).unwrap().unwrap()
    }

    fn encode(json: &str) -> String {
        Base64UrlUnpadded::encode_string(json.as_bytes())
    }

    fn compact(head: &str, claims: &str) -> String {
        format!("{}.{}.c2lnbmF0dXJl", encode(head), encode(claims))
    }

    /// The header and the claims as Access writes them.
    fn good() -> (Value, Value) {
        let head = json!({"alg": "RS256", "kid": "a-key", "typ": "JWT"});
        let claims = json!({
            "aud": ["the-tag"], "email": "ada@example.com", "exp": NOW + 300, "iat": NOW - 5, "nbf": NOW - 5,
            "iss": "https://acme.cloudflareaccess.com", "type": "app", "sub": "7335d417", "country": "US",
            "custom": {"groups": ["a", "b"]}
        });
        (head, claims)
    }

    /// The name in a good JWT with other members; `null` leaves a member out.
    fn name(head: Value, claims: Value) -> Result<String, Fault> {
        let (mut good_head, mut good_claims) = good();
        for (all, changes) in [(&mut good_head, head), (&mut good_claims, claims)] {
            for (name, value) in changes.as_object().unwrap() {
                all[name] = value.clone();
            }
            all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
        let raw = compact(&good_head.to_string(), &good_claims.to_string());
        Jwt::parse(&raw)?.claimed_name(&team(), NOW)
    }

    #[test]
    fn the_parts_of_a_jwt_are_read() {
        let (head, claims) = good();
        let raw = compact(&head.to_string(), &claims.to_string());
        let jwt = Jwt::parse(&raw).ok().unwrap();
        assert_eq!(jwt.key_id(), "a-key");
        assert_eq!(jwt.signature(), b"signature");
        assert_eq!(jwt.signed(), raw.strip_suffix(".c2lnbmF0dXJl").unwrap().as_bytes());
        assert_eq!(jwt.claimed_name(&team(), NOW), Ok("ada@example.com".to_owned()));
    }

    #[test]
    fn only_rs256_with_a_key_id_is_taken() {
        for alg in
            [json!("none"), json!("HS256"), json!("rs256"), json!("RS512"), json!("ES256"), json!(null)]
        {
            assert_eq!(name(json!({"alg": alg}), json!({})), Err(Fault::Algorithm), "{alg}");
        }
        for kid in [json!(null), json!("")] {
            assert_eq!(name(json!({"kid": kid}), json!({})), Err(Fault::KeyId));
        }
        for head in [json!({"kid": 1}), json!({"alg": ["RS256"]})] {
            assert_eq!(name(head, json!({})), Err(Fault::Form));
        }
        assert_eq!(name(json!({"crit": ["b64"], "b64": false}), json!({})), Err(Fault::Critical));
    }

    #[test]
    fn the_issuer_is_the_team() {
        for iss in ["https://other.cloudflareaccess.com", "https://acme.cloudflareaccess.com/", "acme", ""] {
            assert_eq!(name(json!({}), json!({"iss": iss})), Err(Fault::Issuer), "{iss}");
        }
    }

    #[test]
    fn the_audience_holds_the_tag() {
        for aud in [json!("the-tag"), json!(["the-tag"]), json!(["other", "the-tag"])] {
            assert!(name(json!({}), json!({"aud": aud})).is_ok(), "{aud}");
        }
        for aud in [json!("other"), json!(["other"]), json!([]), json!(""), json!("the-tag,other")] {
            assert_eq!(name(json!({}), json!({"aud": aud})), Err(Fault::Audience), "{aud}");
        }
    }

    #[test]
    fn the_time_is_right_within_a_minute() {
        let at = |claim: &str, time: u64| name(json!({}), json!({claim: time})).map(|_| ());
        assert_eq!(at("exp", NOW - 59), Ok(()));
        assert_eq!(at("exp", NOW - 60), Err(Fault::Expired));
        assert_eq!(at("exp", 0), Err(Fault::Expired));
        assert_eq!(at("exp", u64::MAX), Ok(()));
        for claim in ["nbf", "iat"] {
            assert_eq!(at(claim, NOW + 60), Ok(()));
            assert_eq!(at(claim, NOW + 61), Err(Fault::NotYet));
            assert_eq!(at(claim, u64::MAX), Err(Fault::NotYet));
        }
        assert!(name(json!({}), json!({"nbf": null, "iat": null})).is_ok());
    }

    #[test]
    fn a_claim_that_is_missing_or_of_another_kind_is_refused() {
        for claims in [
            json!({"iss": null}),
            json!({"aud": null}),
            json!({"exp": null}),
            json!({"exp": "1900000000"}),
            json!({"exp": -1}),
            json!({"nbf": true}),
            json!({"aud": [1]}),
            json!({"aud": {"the-tag": 1}}),
            json!({"email": 1}),
        ] {
            assert_eq!(name(json!({}), claims.clone()), Err(Fault::Form), "{claims}");
        }
    }

    #[test]
    fn the_name_is_the_e_mail_address_or_the_common_name() {
        let named = |email: Value, common_name: Value| {
            name(json!({}), json!({"email": email, "common_name": common_name}))
        };
        let (ada, bot) = ("ada@example.com", "e367.access");
        assert_eq!(named(json!(ada), json!(bot)), Ok(ada.to_owned()));
        assert_eq!(named(json!(null), json!(bot)), Ok(bot.to_owned()));
        assert_eq!(named(json!(""), json!(bot)), Ok(bot.to_owned()));
        assert!(named(json!("x".repeat(254)), json!(null)).is_ok());
        for bad in ["", "admin-token", "read-token", "service", "a\nb", &"x".repeat(255)] {
            assert_eq!(named(json!(null), json!(bad)), Err(Fault::Nameless), "{bad:?}");
            assert_eq!(named(json!(bad), json!(null)), Err(Fault::Nameless), "{bad:?}");
        }
        assert_eq!(named(json!(null), json!(null)), Err(Fault::Nameless));
    }

    #[test]
    fn a_damaged_jwt_is_refused() {
        let (head, claims) = good();
        let raw = compact(&head.to_string(), &claims.to_string());
        let parts: Vec<&str> = raw.split('.').collect();
        for damaged in [
            String::new(),
            "..".to_owned(),
            "a.b.c".to_owned(),
            parts[..2].join("."),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{raw}.{}", parts[2]),
            format!(".{raw}"),
            format!("{raw}="),
            format!("{raw} "),
            format!("{}.{}+/.{}", parts[0], parts[1], parts[2]),
            compact("[]", &claims.to_string()),
            compact(&head.to_string(), "null"),
            compact(r#"{"alg":"RS256","kid":"a","kid":"b"}"#, &claims.to_string()),
            compact(&head.to_string(), r#"{"iss":"a","iss":"b","aud":"c","exp":1}"#),
            compact(&head.to_string(), &format!("{claims}{claims}")),
        ] {
            assert_eq!(Jwt::parse(&damaged).err(), Some(Fault::Form), "{damaged}");
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let (head, claims) = good();
        let raw = compact(&head.to_string(), &claims.to_string());
        let without_signature = raw.len() - "c2lnbmF0dXJl".len();
        for length in 0..without_signature {
            assert!(raw.get(..length).is_some_and(|part| Jwt::parse(part).is_err()), "{length}");
        }
    }

    #[test]
    fn a_jwt_has_at_most_8_kilobytes() {
        let (head, mut claims) = good();
        let mut raw = String::new();
        for padding in 5000.. {
            claims["custom"] = "x".repeat(padding).into();
            raw = compact(&head.to_string(), &claims.to_string());
            if raw.len() >= 8191 {
                break;
            }
        }
        let padded = |length: usize| format!("{raw}{}", "A".repeat(length - raw.len()));
        assert_ne!(Jwt::parse(&padded(8192)).err(), Some(Fault::TooLong));
        assert_eq!(Jwt::parse(&padded(8193)).err(), Some(Fault::TooLong));
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let (head, _) = good();
        let nested = format!(r#"{{"custom":{}"#, "[".repeat(4000));
        assert_eq!(Jwt::parse(&compact(&head.to_string(), &nested)).err(), Some(Fault::Form));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(raw in "\\PC{0,60}|[A-Za-z0-9_.-]{0,200}") {
            let _ = Jwt::parse(&raw);
        }

        #[test]
        fn any_json_is_read_or_refused(head in "[{}\\[\\]:,\"a-z0-9]{0,30}", claims in "[{}\\[\\]:,\"a-z0-9]{0,60}") {
            let _ = Jwt::parse(&compact(&head, &claims)).and_then(|jwt| jwt.claimed_name(&team(), NOW));
        }

        #[test]
        fn a_damaged_jwt_keeps_its_text_or_is_refused(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.=-]{0,2}") {
            let (head, claims) = good();
            let raw = compact(&head.to_string(), &claims.to_string());
            let mut damaged = raw.clone();
            let at = at.index(damaged.len());
            damaged.replace_range(at..=at, &with);
            if let Ok(jwt) = Jwt::parse(&damaged) {
                // The signature covers every byte before it, and is itself the rest.
                let signature = Base64UrlUnpadded::encode_string(jwt.signature());
                prop_assert_eq!(format!("{}.{}", jwt.signed, signature), damaged);
            }
        }

        #[test]
        fn the_claims_are_right_only_within_their_time(exp in NOW - 200..NOW + 200, from in NOW - 200..NOW + 200) {
            let expected = (NOW - 59..).contains(&exp) && (..=NOW + 60).contains(&from);
            prop_assert_eq!(name(json!({}), json!({"exp": exp, "nbf": from})).is_ok(), expected);
        }
    }
}
