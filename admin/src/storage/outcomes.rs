//! The outcomes of the public Worker's requests, where its binding `OUTCOMES` counts them in Workers Analytics Engine.
//!
//! It owns the question to the SQL API and the reading of its answer
//! (<https://developers.cloudflare.com/analytics/analytics-engine/sql-api/>). It must not know HTTP answers.

use std::time::Duration;

use edge_signup::guards::remote::{self, RemoteRequest};
use edge_signup::js_error::JsError;
use edge_signup::setting::ConfigError;
use serde::{Deserialize, Serialize};

use crate::safe_url::SafeUrl;

/// The account whose data set is asked, and the secret token that may read it. Both are set, or neither.
const ACCOUNT: &str = "OUTCOMES_ACCOUNT";
const TOKEN: &str = "OUTCOMES_TOKEN";
/// The data set that the binding `OUTCOMES` writes to.
const DATASET: &str = "OUTCOMES_DATASET";
/// The API of Cloudflare, or another server for tests.
const URL: &str = "OUTCOMES_URL";

const API: &str = "https://api.cloudflare.com/client/v4/accounts/";
const TIME_LIMIT: Duration = Duration::from_secs(10);
const SIZE_LIMIT: usize = 256 * 1024;

/// The source of the outcomes.
pub struct Outcomes {
    url: String,
    dataset: String,
    token: String,
}

/// How many requests of a route ended with a status.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    route: String,
    status: u16,
    count: u64,
}

/// The answer of the SQL API in its format JSON. Sums are texts or numbers there.
#[derive(Deserialize)]
struct Rows {
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    route: String,
    status: String,
    count: serde_json::Value,
}

impl Outcomes {
    /// Reads the settings; `None` where they are not set.
    ///
    /// # Errors
    /// [`ConfigError`]: only one of the account and the token is set, or a value is not of its form. The error does not
    /// repeat a value, because it may be the token in a wrong place.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let must_be = |name: &str, form: &str| ConfigError::new(format!("{name} must be {form}"));
        let (account, token) = match (lookup(ACCOUNT), lookup(TOKEN)) {
            (None, None) => return Ok(None),
            (Some(account), Some(token)) => (account, token),
            _ => return Err(ConfigError::new(format!("{ACCOUNT} and {TOKEN} must both be set, or neither"))),
        };
        let dataset = lookup(DATASET).unwrap_or_else(|| "edge_signup".to_owned());
        if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(must_be(ACCOUNT, "the id of a Cloudflare account"));
        }
        if !is_name(&dataset) {
            return Err(must_be(DATASET, "letters, digits and underscores"));
        }
        let api = lookup(URL).unwrap_or_else(|| API.to_owned());
        let form = "an https:// URL without a user name; http:// is for 127.0.0.1 and localhost only";
        let api = SafeUrl::parse(&api).ok_or_else(|| must_be(URL, form))?;
        let url = format!("{}{account}/analytics_engine/sql", api.as_str());
        Ok(Some(Self { url, dataset, token }))
    }

    /// The outcomes from `from` to `to`, in seconds since 1970, those with the most requests first.
    ///
    /// # Errors
    /// The API could not be reached, or answered with something else.
    pub async fn count(&self, from: i64, to: i64) -> Result<Vec<Outcome>, JsError> {
        let request = RemoteRequest {
            method: "POST",
            headers: vec![("Authorization", format!("Bearer {}", self.token).into())],
            body: Some(query(&self.dataset, from, to)),
        };
        let answer = remote::ask(&self.url, &request, TIME_LIMIT, SIZE_LIMIT).await?;
        read(answer.status, &answer.body).ok_or_else(|| JsError {
            name: "Error".to_owned(),
            message: format!("an answer of status {} that has no outcomes", answer.status),
        })
    }
}

/// Each row stands for `_sample_interval` requests.
fn query(dataset: &str, from: i64, to: i64) -> String {
    format!(
        "SELECT blob1 AS route, blob2 AS status, sum(_sample_interval) AS count FROM {dataset} \
         WHERE timestamp >= toDateTime({from}) AND timestamp < toDateTime({to}) \
         GROUP BY route, status ORDER BY count DESC LIMIT 100 FORMAT JSON"
    )
}

fn read(status: u16, body: &[u8]) -> Option<Vec<Outcome>> {
    let rows: Rows = serde_json::from_slice(body).ok().filter(|_| status == 200)?;
    let outcome = |Row { route, status, count }| {
        let count = match count {
            serde_json::Value::String(count) => count.parse().ok()?,
            count => count.as_u64()?,
        };
        Some(Outcome { route, status: status.parse().ok()?, count })
    };
    rows.data.into_iter().map(outcome).collect()
}

/// Whether a text can stand in a statement as the name of a data set.
fn is_name(text: &str) -> bool {
    (1..=96).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_an_answer_are_outcomes() {
        let body = br#"{"meta":[],"data":[{"route":"/sign-up","status":"200","count":"12"},{"route":"","status":"404","count":3}],"rows":2}"#;
        let outcome = |route: &str, status, count| Outcome { route: route.to_owned(), status, count };
        assert_eq!(read(200, body), Some(vec![outcome("/sign-up", 200, 12), outcome("", 404, 3)]));
        assert_eq!(read(403, body), None);
        for other in ["", "[]", r#"{"data":[{"route":"/","status":"ok","count":1}]}"#] {
            assert_eq!(read(200, other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_token_goes_to_a_safe_place_and_never_to_the_log() {
        const SECRET: &str = "a-token:of.an/operator";
        let read = |changes: &[(&str, &str)]| {
            let settings = [(ACCOUNT, "0123abc"), (TOKEN, SECRET)];
            let lookup = |name: &str| {
                let mut all = changes.iter().chain(&settings);
                all.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            Outcomes::read(lookup).map(|outcomes| outcomes.unwrap().url)
        };
        assert_eq!(read(&[]).unwrap(), format!("{API}0123abc/analytics_engine/sql"));
        let local = read(&[(URL, "http://127.0.0.1:9000/")]).unwrap();
        assert_eq!(local, "http://127.0.0.1:9000/0123abc/analytics_engine/sql");
        for (name, value) in [
            (URL, "http://api.example/"),
            (URL, "https://user:password@api.example/"),
            (URL, SECRET),
            (ACCOUNT, SECRET),
            (ACCOUNT, ""),
            (DATASET, SECRET),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name} must be ")), "{error}");
            assert!(value.is_empty() || !error.contains(value), "{error}");
        }
        assert!(Outcomes::read(|_| None).unwrap().is_none());
        assert!(Outcomes::read(|name| (name == TOKEN).then(|| SECRET.to_owned())).is_err());
    }

    #[test]
    fn a_name_cannot_be_more_than_a_name() {
        assert!(is_name("edge_signup"));
        for other in ["", "a b", "a;b", "a'b"] {
            assert!(!is_name(other), "{other}");
        }
        assert!(query("edge_signup", 1, 2).contains("FROM edge_signup WHERE timestamp >= toDateTime(1) AND"));
    }
}
