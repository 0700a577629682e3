//! The tokens of the operators: `ADMIN_TOKEN`, and `ADMIN_READ_TOKEN`, which is good only for reading.
//!
//! It owns the tokens' form, the place of a token in a request, and the comparison. Only digests of the tokens are kept,
//! so nothing can show a token. It must not know the rights that a token gives.

use ctutils::{Choice, CtEq};
use edge_signup::fields::visible_ascii::VisibleAscii;
use edge_signup::setting::ConfigError;
use sha2::{Digest, Sha256};

const ADMIN_TOKEN: &str = "ADMIN_TOKEN";
const ADMIN_READ_TOKEN: &str = "ADMIN_READ_TOKEN";

/// The fewest characters of a token. Even 32 hexadecimal digits have 128 bits: too many to guess.
const MIN_LENGTH: usize = 32;

/// A token within the greatest length.
type Text = VisibleAscii<256>;

/// The digests of the tokens that are set.
pub(super) struct Tokens {
    admin: Option<[u8; 32]>,
    read: Option<[u8; 32]>,
}

/// One of the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Admin,
    Read,
}

impl Tokens {
    /// Reads both tokens through `lookup`.
    ///
    /// # Errors
    /// [`ConfigError`]: a token is not of its form, or both are the same.
    pub(super) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let admin = read(&lookup, ADMIN_TOKEN)?;
        let read = read(&lookup, ADMIN_READ_TOKEN)?;
        if admin.is_some() && admin == read {
            return Err(ConfigError::new(format!(
                "{ADMIN_TOKEN} and {ADMIN_READ_TOKEN} are the same: they must differ"
            )));
        }
        Ok(Self { admin, read })
    }

    /// Whether no token is set.
    pub(super) fn is_empty(&self) -> bool {
        self.admin.is_none() && self.read.is_none()
    }

    /// The token that is equal to `presented`. The time that this takes depends only on the length of `presented`:
    /// digests are compared, in constant time, and both of them always are.
    pub(super) fn find(&self, presented: &str) -> Option<Token> {
        if presented.len() > Text::MAX {
            return None;
        }
        let presented = digest(presented);
        let is = |token: Option<[u8; 32]>| token.map_or(Choice::FALSE, |token| token.ct_eq(&presented));
        let (is_admin, is_read) = (is(self.admin), is(self.read));
        if is_admin.to_bool() { Some(Token::Admin) } else { is_read.to_bool().then_some(Token::Read) }
    }
}

/// The digest of the token in the secret `name`. The error does not repeat the value.
fn read(lookup: impl Fn(&str) -> Option<String>, name: &str) -> Result<Option<[u8; 32]>, ConfigError> {
    let Some(value) = lookup(name) else { return Ok(None) };
    let token = Text::parse(value).ok().filter(|token| token.as_str().len() >= MIN_LENGTH);
    let token = token.ok_or_else(|| {
        ConfigError::new(format!("{name} must be {MIN_LENGTH} to {} visible ASCII characters", Text::MAX))
    })?;
    Ok(Some(digest(token.as_str())))
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token in the value of `Authorization` ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)), which may
/// be empty; `None` if the value is of another scheme. The name of a scheme has no case.
pub(super) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ').unwrap_or((authorization, ""));
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADMIN: &str = "an-admin-token-of-32-characters!";
    const READ: &str = "a-reading-token-of-32-characters";

    fn read(settings: &[(&str, &str)]) -> Result<Tokens, ConfigError> {
        Tokens::read(|name| settings.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn each_token_is_found_and_every_other_text_is_not() {
        let both = read(&[("ADMIN_TOKEN", ADMIN), ("ADMIN_READ_TOKEN", READ)]).unwrap();
        assert_eq!(both.find(ADMIN), Some(Token::Admin));
        assert_eq!(both.find(READ), Some(Token::Read));
        for wrong in ["", "an-admin-token-of-32-characters", &format!("{ADMIN}!"), &ADMIN.to_uppercase(), "é"]
        {
            assert_eq!(both.find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_token_may_be_set_alone() {
        let (none, admin, reading) = (
            read(&[]).unwrap(),
            read(&[("ADMIN_TOKEN", ADMIN)]).unwrap(),
            read(&[("ADMIN_READ_TOKEN", READ)]).unwrap(),
        );
        assert_eq!([&none, &admin, &reading].map(Tokens::is_empty), [true, false, false]);
        assert_eq!([&none, &admin, &reading].map(|t| t.find(ADMIN)), [None, Some(Token::Admin), None]);
        assert_eq!([&none, &admin, &reading].map(|t| t.find(READ)), [None, None, Some(Token::Read)]);
        assert_eq!(none.find(""), None);
    }

    #[test]
    fn a_token_has_32_to_256_characters() {
        for (length, is_good) in [(0, false), (31, false), (32, true), (256, true), (257, false)] {
            let token = "x".repeat(length);
            let tokens = read(&[("ADMIN_READ_TOKEN", &token)]);
            assert_eq!(tokens.is_ok(), is_good, "{length}");
            if let Ok(tokens) = tokens {
                assert_eq!(tokens.find(&token), Some(Token::Read), "{length}");
            }
        }
    }

    #[test]
    fn an_error_says_what_would_be_right_and_not_the_value() {
        for name in ["ADMIN_TOKEN", "ADMIN_READ_TOKEN"] {
            for bad in ["short", "a token of more than 32 characters", "a-tökén-of-more-than-32-characters"]
            {
                let error = read(&[(name, bad)]).err().unwrap().to_string();
                assert_eq!(error, format!("{name} must be 32 to 256 visible ASCII characters"));
            }
        }
        let error = read(&[("ADMIN_TOKEN", ADMIN), ("ADMIN_READ_TOKEN", ADMIN)]).err().unwrap();
        assert_eq!(error.to_string(), "ADMIN_TOKEN and ADMIN_READ_TOKEN are the same: they must differ");
    }

    #[test]
    fn the_scheme_has_no_case_and_only_spaces_are_left_out() {
        for (header, token) in [
            ("Bearer abc", Some("abc")),
            ("BEARER abc", Some("abc")),
            ("bearer   abc ", Some("abc")),
            ("Bearer abc, Bearer def", Some("abc, Bearer def")),
            ("Bearer", Some("")),
            ("Bearer\tabc", None),
            ("Bearerabc", None),
            ("Basic abc", None),
            (" Bearer abc", None),
            ("", None),
        ] {
            assert_eq!(bearer(header), token, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header in any::<String>()) {
            prop_assert!(bearer(&header).is_none_or(|token| header.trim_end_matches(' ').ends_with(token)));
        }

        #[test]
        fn a_token_is_read_after_any_spelling_of_the_scheme(token in "[!-~]{1,300}", scheme in "[bB][eE][aA][rR][eE][rR]", gap in " {1,4}") {
            let header = format!("{scheme}{gap}{token}");
            prop_assert_eq!(bearer(&header), Some(token.as_str()));
        }

        #[test]
        fn only_an_equal_text_is_the_token(token in "[ab]{32,34}", other in "[ab]{32,34}") {
            let tokens = read(&[("ADMIN_TOKEN", &token)]).unwrap();
            prop_assert_eq!(tokens.find(&token), Some(Token::Admin));
            prop_assert_eq!(tokens.find(&other).is_some(), token == other);
        }
    }
}
