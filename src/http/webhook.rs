//! Signed messages to other servers, as [Standard Webhooks](https://www.standardwebhooks.com) describes them.
//!
//! It owns the forms of secrets, of ids and of signatures. A secret cannot be shown by accident: the types have no
//! `Display`, their `Debug` prints only their names, and a text that is refused is not repeated. This module must not
//! know what a message is about, nor who gets it.

use std::fmt;
use std::ops::RangeInclusive;

use base16ct::lower;
use base64ct::{Base64Unpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::http::response::Header;

/// The beginning of every secret.
const PREFIX: &str = "whsec_";

/// A secret's length in bytes
/// ([the specification](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)).
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;

/// The most secrets that sign a message: an old and a new one are enough, and each costs two hashes.
const MAX_SECRETS: usize = 4;

/// The secrets of one receiver. Each signs every message, so that a receiver can change from one secret to another.
pub struct Secrets(Vec<Hmac<Sha256>>);

/// The id of a message, the same for each try to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(String);

impl Secrets {
    /// The form that [`Secrets::parse`] takes, in words that complete a sentence.
    pub const FORM: &str =
        "1 to 4 secrets separated by spaces, each of them whsec_ and the Base64 of 24 to 64 bytes";

    /// Takes secrets separated by spaces; returns `None` if `raw` is not of this [form](Secrets::FORM).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let mut secrets = Vec::new();
        for part in raw.split(' ').filter(|part| !part.is_empty()) {
            secrets.push(secret(part)?);
        }
        (1..=MAX_SECRETS).contains(&secrets.len()).then_some(Self(secrets))
    }

    /// The headers of the message `body`, which is JSON and is sent at `time`, in seconds since 1970.
    #[must_use]
    pub fn headers(&self, id: MessageId, time: u64, body: &str) -> Vec<Header<'static>> {
        let signatures = self.sign(&id, time, body);
        id.headers(time, signatures)
    }

    /// The signatures of a message, one for each secret, separated by spaces. A signature is `v1,` and the Base64 of
    /// the HMAC-SHA-256 of `id.time.body` ([`MessageId::signed_text`]).
    #[must_use]
    pub fn sign(&self, id: &MessageId, time: u64, body: &str) -> String {
        let signatures = self.0.iter().map(|signer| {
            let signed = signer.clone().chain_update(id.signed_text(time, body)).finalize().into_bytes();
            // 32 bytes have one `=` as padding. The Worker has the code of the unpadded form anyway.
            format!("v1,{}=", Base64Unpadded::encode_string(&signed))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// The signer of one secret.
fn secret(raw: &str) -> Option<Hmac<Sha256>> {
    let padded = raw.strip_prefix(PREFIX)?;
    let unpadded = padded.strip_suffix("==").or_else(|| padded.strip_suffix("=")).unwrap_or(padded);
    let bytes = Base64Unpadded::decode_vec(unpadded).ok()?;
    // The padding makes the length a multiple of 4.
    let is_padded = padded.len() == bytes.len().div_ceil(3).checked_mul(4)?;
    (is_padded && SECRET_BYTES.contains(&bytes.len())).then(|| Hmac::new_from_slice(&bytes).ok())?
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl MessageId {
    /// The id of the message that `identity` identifies. `kind` is a word of small letters, for people who read the id.
    /// Such an id has no full stop, which separates the parts of a signed text.
    #[must_use]
    pub fn new(kind: &'static str, identity: &[u8]) -> Self {
        Self(format!("{kind}_{}", lower::encode_string(identity)))
    }

    /// The headers of a message in JSON with this id, its time, and its signatures, which are separated by spaces.
    #[must_use]
    pub fn headers(self, time: u64, signatures: String) -> Vec<Header<'static>> {
        vec![
            ("Content-Type", "application/json".into()),
            ("webhook-id", self.0.into()),
            ("webhook-timestamp", format!("{time}").into()),
            ("webhook-signature", signatures.into()),
        ]
    }

    /// The text that is signed with a message's id, time and body.
    #[must_use]
    pub fn signed_text(&self, time: u64, body: &str) -> String {
        format!("{}.{time}.{body}", self.0)
    }

    /// Takes the text of an id; returns `None` if it could not be the id of a message.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        ((1..=128).contains(&text.len()) && text.bytes().all(is_id)).then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::Base64;
    use proptest::prelude::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn sign(secrets: &str, body: &str) -> String {
        let id = MessageId("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".to_owned());
        Secrets::parse(secrets).unwrap().sign(&id, 1_649_367_553, body)
    }

    #[test]
    fn the_example_of_the_reference_libraries() {
        assert_eq!(sign(SECRET, BODY), SIGNATURE);
        assert_ne!(sign(OTHER, BODY), SIGNATURE);
        assert_ne!(sign(SECRET, "{}"), SIGNATURE);
    }

    #[test]
    fn each_secret_signs() {
        let other = sign(OTHER, BODY);
        assert_eq!(sign(&format!("{SECRET} {OTHER}"), BODY), format!("{SIGNATURE} {other}"));
        assert_eq!(sign(&format!("  {OTHER}   {SECRET} "), BODY), format!("{other} {SIGNATURE}"));
    }

    #[test]
    fn the_headers_identify_and_sign_a_message() {
        let id = MessageId::new("attempt", &[0x0f, 0xa0]);
        let secrets = Secrets::parse(SECRET).unwrap();
        let signature = secrets.sign(&id, 1, BODY);
        assert_eq!(
            secrets.headers(id, 1, BODY),
            [
                ("Content-Type", "application/json".into()),
                ("webhook-id", "attempt_0fa0".into()),
                ("webhook-timestamp", "1".into()),
                ("webhook-signature", signature.into())
            ]
        );
    }

    #[test]
    fn an_id_has_1_to_128_letters_digits_and_underscores() {
        let longest = "x".repeat(128);
        for text in ["msg_2Kf9", "_", "Z", "0", &longest] {
            assert_eq!(MessageId::parse(text).unwrap().0, text);
        }
        for text in ["", "msg.1", "msg-1", "msg 1", "ä", &format!("{longest}x")] {
            assert!(MessageId::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_the_prefix_and_24_to_64_bytes() {
        let of = |bytes: usize| format!("whsec_{}", Base64::encode_string(&vec![7; bytes]));
        for bytes in [24, 25, 64] {
            assert!(Secrets::parse(&of(bytes)).is_some(), "{bytes}");
        }
        for raw in [
            "",
            " ",
            "whsec_",
            &of(23),
            &of(65),
            &of(24).replace("whsec_", ""),
            &of(24).replace("whsec_", "WHSEC_"),
            &of(25).replace('=', ""),
            &of(25).replace("==", "="),
            &format!("{}=", of(25)),
            &format!("{}====", of(24)),
            &format!("{SECRET}\n"),
            &format!("{SECRET},{OTHER}"),
            &format!("{SECRET} short"),
            &[SECRET; 5].join(" "),
            "whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD",
        ] {
            assert!(Secrets::parse(raw).is_none(), "{raw:?}");
        }
        assert!(Secrets::parse(&[SECRET; 4].join(" ")).is_some());
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secrets::parse(SECRET)), "Some(Secrets(…))");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(raw in any::<String>()) {
            prop_assert!(Secrets::parse(&raw).is_none());
        }

        #[test]
        fn any_secrets_of_the_form_are_taken(
            secrets in prop::collection::vec(prop::collection::vec(any::<u8>(), 24..=64), 1..=4),
        ) {
            let raw: Vec<_> = secrets.iter().map(|bytes| format!("{PREFIX}{}", Base64::encode_string(bytes))).collect();
            let secrets = Secrets::parse(&raw.join(" ")).unwrap();
            let id = MessageId::new("attempt", &[1]);
            prop_assert_eq!(secrets.sign(&id, 1, "").split(' ').count(), raw.len());
        }
    }
}
