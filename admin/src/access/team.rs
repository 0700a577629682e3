//! `ACCESS_TEAM` and `ACCESS_AUD`: the team of Cloudflare Access that stands before this Worker, and the audience tag
//! that Access gave to the Worker.
//!
//! It owns the form of both settings. It must not know a JWT.

use edge_signup::fields::visible_ascii::VisibleAscii;
use edge_signup::setting::ConfigError;

use crate::safe_url::SafeUrl;

const ACCESS_TEAM: &str = "ACCESS_TEAM";
const ACCESS_AUD: &str = "ACCESS_AUD";

const DOMAIN: &str = ".cloudflareaccess.com";

/// The team and the audience.
pub(super) struct Team {
    url: String,
    audience: VisibleAscii<255>,
}

impl Team {
    /// Reads both settings through `lookup`. Returns `None` where neither is set.
    ///
    /// # Errors
    /// [`ConfigError`]: a setting is not of its form, or is set without the other one.
    pub(super) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let (team, audience) = match (lookup(ACCESS_TEAM), lookup(ACCESS_AUD)) {
            (None, None) => return Ok(None),
            (Some(team), Some(audience)) => (team, audience),
            (Some(_), None) => return Err(missing(ACCESS_AUD, ACCESS_TEAM)),
            (None, Some(_)) => return Err(missing(ACCESS_TEAM, ACCESS_AUD)),
        };
        let url = url(&team).ok_or_else(|| {
            ConfigError::new(format!(
                "{ACCESS_TEAM} must be the name of a team, such as acme, or its URL, such as https://acme{DOMAIN}"
            ))
        })?;
        let audience = VisibleAscii::parse(audience)
            .map_err(|error| ConfigError::new(format!("{ACCESS_AUD} {error}")))?;
        Ok(Some(Self { url, audience }))
    }

    /// The team's URL, without a slash at its end: the issuer of its JWTs.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The audience tag of this Worker.
    pub(super) fn audience(&self) -> &str {
        self.audience.as_str()
    }

    /// The URL of the team's public keys.
    pub(super) fn keys_url(&self) -> String {
        format!("{}/cdn-cgi/access/certs", self.url)
    }
}

fn missing(name: &str, other: &str) -> ConfigError {
    ConfigError::new(format!("{name} is missing, but {other} is there"))
}

/// The URL of a team from its name, its host, or a URL. Plain HTTP is taken only for this machine, where an issuer for
/// tests can be.
fn url(team: &str) -> Option<String> {
    let team = team.to_ascii_lowercase();
    let team = team.strip_suffix('/').unwrap_or(&team);
    // The standard takes an empty port and an empty path, which are typing errors here.
    if team.ends_with([':', '/']) {
        return None;
    }
    let url = match team {
        team if team.contains("://") => SafeUrl::parse(team)?,
        team if team.ends_with(DOMAIN) => SafeUrl::parse(&format!("https://{team}"))?,
        team => SafeUrl::parse(&format!("https://{team}{DOMAIN}")).filter(|_| is_label(team))?,
    };
    let is_origin = url.path() == "/" && url.query().is_none() && url.port() != Some(0);
    let host = url.host_str()?;
    let is_host = host.len() <= 253 && host.split('.').all(is_label);
    (is_origin && is_host).then(|| url.origin().ascii_serialization())
}

/// Whether `label` is a part of a host's name.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(team: Option<&str>, audience: Option<&str>) -> Result<Option<Team>, ConfigError> {
        let value = |name: &str| if name == ACCESS_TEAM { team } else { audience };
        Team::read(|name| value(name).map(str::to_owned))
    }

    #[test]
    fn a_team_is_a_name_or_a_host_or_a_url() {
        for (team, url) in [
            ("acme", "https://acme.cloudflareaccess.com"),
            ("Acme", "https://acme.cloudflareaccess.com"),
            ("acme.cloudflareaccess.com", "https://acme.cloudflareaccess.com"),
            ("https://acme.cloudflareaccess.com", "https://acme.cloudflareaccess.com"),
            ("acme/", "https://acme.cloudflareaccess.com"),
            ("https://acme.cloudflareaccess.com/", "https://acme.cloudflareaccess.com"),
            ("https://issuer.example:8443", "https://issuer.example:8443"),
            ("http://127.0.0.1:8788", "http://127.0.0.1:8788"),
            ("http://localhost:8788", "http://localhost:8788"),
        ] {
            let read = read(Some(team), Some("tag")).unwrap().unwrap();
            assert_eq!(read.url(), url);
            assert_eq!(read.keys_url(), format!("{url}/cdn-cgi/access/certs"));
            assert_eq!(read.audience(), "tag");
        }
    }

    #[test]
    fn every_other_team_is_refused_without_being_repeated() {
        for team in [
            "",
            "/",
            "acme.example",
            ".cloudflareaccess.com",
            "acme cloud",
            "-acme",
            "acme-",
            "acme.cloudflareaccess.com/path",
            "https://",
            "https://acme..com",
            "https://acme.cloudflareaccess.com/path",
            "https://acme.cloudflareaccess.com?",
            "https://user@acme.cloudflareaccess.com",
            "https://acme.cloudflareaccess.com:0",
            "https://acme.cloudflareaccess.com:+443",
            "https://acme.cloudflareaccess.com:",
            "https://acme.cloudflareaccess.com:/",
            "https://acme.cloudflareaccess.com//",
            "https://acme.cloudflareaccess.com:port",
            "https://acme.cloudflareaccess.com:65536",
            "https://acme cloud.cloudflareaccess.com",
            "http://acme.cloudflareaccess.com",
            "http://127.0.0.1.example",
            "ftp://localhost",
            &"a".repeat(64),
            &format!("https://{}a", "a.".repeat(127)),
        ] {
            let error = read(Some(team), Some("tag")).err().unwrap().to_string();
            assert_eq!(
                error,
                "ACCESS_TEAM must be the name of a team, such as acme, or its URL, such as https://acme.cloudflareaccess.com",
                "{team}"
            );
        }
    }

    #[test]
    fn both_settings_are_set_or_neither() {
        let text = |team, audience| read(team, audience).err().unwrap().to_string();
        assert!(read(None, None).unwrap().is_none());
        assert_eq!(text(Some("acme"), None), "ACCESS_AUD is missing, but ACCESS_TEAM is there");
        assert_eq!(text(None, Some("tag")), "ACCESS_TEAM is missing, but ACCESS_AUD is there");
    }

    #[test]
    fn an_audience_is_visible_ascii() {
        for audience in ["", "a tag", "täg", &"x".repeat(256)] {
            let error = read(Some("acme"), Some(audience)).err().unwrap().to_string();
            assert_eq!(error, "ACCESS_AUD must be 1 to 255 visible ASCII characters");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_team_or_refused(team in "\\PC{0,20}|(https?://)?[a-z0-9.:/@-]{0,20}") {
            if let Some(url) = url(&team) {
                prop_assert!(url.starts_with("https://") || url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost"), "{}", url);
                prop_assert!(!url.ends_with('/'), "{}", url);
            }
        }
    }
}
