//! The public keys of a team.
//!
//! An isolate keeps the keys for an hour. It asks for them again when a JWT names a key that it does not have, since the
//! team changes its keys from time to time; it does so at most once a minute, because anyone can name a key. While one
//! request asks, the others wait: the runtime does not let requests share an answer.
//!
//! It owns the keys, and the decision when to ask for them. It must not know a JWT.

use std::cell::RefCell;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use edge_signup::clock;
use edge_signup::guards::remote::{self, RemoteRequest};
use edge_signup::http::json;
use edge_signup::platform;
use serde::{Deserialize, Serialize};

/// How long the keys are kept, in seconds.
const KEPT: u64 = 60 * 60;

/// How long a key that is still unknown after an answer stays unknown, in seconds.
const PAUSE: u64 = 60;

/// How soon the keys are asked for again after a failure, in seconds, where there are none to go on with.
const PAUSE_WITHOUT_KEYS: u64 = 5;

/// How long the answer with the keys may take.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// How long other requests wait for that answer, in seconds: longer than it may take, since this clock has whole
/// seconds. A request that was cancelled while it asked leaves no answer.
const PATIENCE: u64 = 7;

/// How often a request that waits looks again.
const PACE: Duration = Duration::from_millis(50);

/// The largest answer, in bytes. One with two keys and their certificates has a few kilobytes.
const SIZE_LIMIT: usize = 65_536;

/// The length of a modulus, in bytes. A shorter one is too weak, and a longer one costs too much time.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// The longest exponent, in bytes. The usual one, 65537, has three.
const MAX_EXPONENT_BYTES: usize = 4;

/// A public key for RS256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    id: String,
    modulus: String,
    exponent: String,
}

/// A JSON Web Key of RSA ([RFC 7518](https://www.rfc-editor.org/rfc/rfc7518#section-6.3)), as the runtime takes it.
#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    alg: &'static str,
    n: &'a str,
    e: &'a str,
}

/// A JWK Set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517#section-5)).
#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Candidate>,
}

/// A key of any kind.
#[derive(Deserialize)]
struct Candidate {
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// The keys that are kept, and the last attempt to get them. Times are in seconds since 1970.
#[derive(Default)]
struct Keyring {
    keys: Vec<PublicKey>,
    fetched_at: Option<u64>,
    attempt: Option<Attempt>,
}

/// An attempt to get the keys.
struct Attempt {
    /// When it ended, or when it began if it has not ended.
    at: u64,
    state: State,
}

enum State {
    Pending,
    Done,
    /// The text is the cause.
    Failed(String),
}

/// The next step of a request that needs a key.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Found(PublicKey),
    /// The team does not have the key.
    Unknown,
    /// Ask for the keys.
    Ask,
    /// Another request asks for them: wait for its answer.
    Wait,
    /// The keys could not be had. The text is the cause.
    Fail(String),
}

/// The keys of one team.
pub(super) struct Keys {
    url: String,
    ring: RefCell<Keyring>,
}

impl Keys {
    /// The keys at `url`. They are first asked for when one of them is needed.
    pub(super) fn new(url: String) -> Self {
        Self { url, ring: RefCell::default() }
    }

    /// The key `id`, or `None` if the team does not have it.
    ///
    /// # Errors
    /// The keys could not be had. The text is the cause.
    pub(super) async fn find(&self, id: &str) -> Result<Option<PublicKey>, String> {
        loop {
            let step = self.ring.borrow_mut().step(id, clock::unix_time());
            match step {
                Step::Found(key) => return Ok(Some(key)),
                Step::Unknown => return Ok(None),
                Step::Fail(cause) => return Err(cause),
                Step::Wait => platform::pause(PACE).await,
                Step::Ask => {
                    let answer = self.ask().await;
                    self.ring.borrow_mut().settle(answer, clock::unix_time());
                }
            }
        }
    }

    async fn ask(&self) -> Result<Vec<PublicKey>, String> {
        let request = RemoteRequest { method: "GET", headers: Vec::new(), body: None };
        let answer = remote::ask(&self.url, &request, TIME_LIMIT, SIZE_LIMIT).await;
        let answer = answer.map_err(|error| format!("the keys of ACCESS_TEAM: {error}"))?;
        read(answer.status, &answer.body)
    }
}

impl Keyring {
    /// The next step of a request that needs the key `id`. A request that is told to ask must do so, and then
    /// [settle](Self::settle) its answer.
    fn step(&mut self, id: &str, now: u64) -> Step {
        let is_fresh = self.fetched_at.is_some_and(|at| now.saturating_sub(at) < KEPT);
        if is_fresh && let Some(key) = self.keys.iter().find(|key| key.id == id) {
            return Step::Found(key.clone());
        }
        if let Some(Attempt { at, state }) = &self.attempt {
            let age = now.saturating_sub(*at);
            let is_recent = age < if is_fresh { PAUSE } else { PAUSE_WITHOUT_KEYS };
            match state {
                State::Pending if age < PATIENCE => return Step::Wait,
                State::Pending if is_recent => {
                    return Step::Fail(
                        "the keys of ACCESS_TEAM: the request for them was cancelled".to_owned(),
                    );
                }
                State::Failed(cause) if is_recent => return Step::Fail(cause.clone()),
                State::Done if is_recent => return Step::Unknown,
                _ => {}
            }
        }
        self.attempt = Some(Attempt { at: now, state: State::Pending });
        Step::Ask
    }

    /// Takes the answer of an attempt. A failure leaves the keys as they are.
    fn settle(&mut self, answer: Result<Vec<PublicKey>, String>, now: u64) {
        let state = match answer {
            Ok(keys) => {
                self.keys = keys;
                self.fetched_at = Some(now);
                State::Done
            }
            Err(cause) => State::Failed(cause),
        };
        self.attempt = Some(Attempt { at: now, state });
    }
}

impl PublicKey {
    /// The key as JSON.
    pub(super) fn jwk(&self) -> String {
        json::write(&Jwk { kty: "RSA", alg: "RS256", n: &self.modulus, e: &self.exponent })
    }
}

/// The keys for RS256 in an answer, which may also have keys of other kinds.
///
/// # Errors
/// The answer is not a JWK Set, or has no such key. The text says so.
fn read(status: u16, body: &[u8]) -> Result<Vec<PublicKey>, String> {
    if status != 200 {
        return Err(format!("the keys of ACCESS_TEAM: the answer has the status {status}"));
    }
    let set: JwkSet = serde_json::from_slice(body)
        .map_err(|_| "the keys of ACCESS_TEAM: the answer is not a JWK Set".to_owned())?;
    let keys: Vec<PublicKey> = set.keys.into_iter().filter_map(public_key).collect();
    if keys.is_empty() {
        return Err("the keys of ACCESS_TEAM: the answer has no key for RS256".to_owned());
    }
    Ok(keys)
}

fn public_key(candidate: Candidate) -> Option<PublicKey> {
    let Candidate { kty, alg, usage, kid, n, e } = candidate;
    let is_for_rs256 =
        kty == "RSA" && alg.is_none_or(|alg| alg == "RS256") && usage.is_none_or(|usage| usage == "sig");
    let key = PublicKey { id: kid?, modulus: n?, exponent: e? };
    let is_good = is_for_rs256
        && MODULUS_BYTES.contains(&decoded_length(&key.modulus)?)
        && (1..=MAX_EXPONENT_BYTES).contains(&decoded_length(&key.exponent)?);
    is_good.then_some(key)
}

fn decoded_length(text: &str) -> Option<usize> {
    Base64UrlUnpadded::decode_vec(text).ok().map(|bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const NOW: u64 = 1_800_000_000;

    fn key(id: &str) -> PublicKey {
        let modulus = Base64UrlUnpadded::encode_string(&[0xab; 256]);
        PublicKey { id: id.to_owned(), modulus, exponent: "AQAB".to_owned() }
    }

    fn candidate(id: &str) -> Value {
        json!({"kid": id, "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": key(id).modulus})
    }

    fn keys(candidates: &Value) -> Result<Vec<PublicKey>, String> {
        read(200, json!({"keys": candidates, "public_certs": []}).to_string().as_bytes())
    }

    /// A ring that got the key `a` at `NOW`.
    fn ring() -> Keyring {
        let mut ring = Keyring::default();
        assert_eq!(ring.step("a", NOW), Step::Ask);
        ring.settle(Ok(vec![key("a")]), NOW);
        ring
    }

    fn failed() -> Result<Vec<PublicKey>, String> {
        Err("down".to_owned())
    }

    #[test]
    fn the_keys_are_kept_for_an_hour() {
        let mut ring = ring();
        for now in [NOW, NOW + 1, NOW + 3599, NOW - 10] {
            assert_eq!(ring.step("a", now), Step::Found(key("a")));
        }
        assert_eq!(ring.step("a", NOW + 3600), Step::Ask);
        ring.settle(Ok(vec![key("a")]), NOW + 3601);
        assert_eq!(ring.step("a", NOW + 7200), Step::Found(key("a")));
        assert_eq!(ring.step("a", NOW + 7201), Step::Ask);
    }

    #[test]
    fn an_unknown_key_is_asked_for_once_a_minute() {
        let mut ring = ring();
        assert_eq!(ring.step("b", NOW), Step::Unknown);
        assert_eq!(ring.step("b", NOW + 59), Step::Unknown);
        assert_eq!(ring.step("b", NOW + 60), Step::Ask);
        ring.settle(Ok(vec![key("a"), key("b")]), NOW + 61);
        assert_eq!(ring.step("b", NOW + 61), Step::Found(key("b")));
        assert_eq!(ring.step("c", NOW + 120), Step::Unknown);
        assert_eq!(ring.step("c", NOW + 121), Step::Ask);
    }

    #[test]
    fn a_key_that_the_team_withdrew_is_forgotten() {
        let mut ring = ring();
        assert_eq!(ring.step("b", NOW + 60), Step::Ask);
        ring.settle(Ok(vec![key("b")]), NOW + 60);
        assert_eq!(ring.step("a", NOW + 60), Step::Unknown);
    }

    #[test]
    fn others_wait_while_one_request_asks() {
        let mut ring = Keyring::default();
        assert_eq!(ring.step("a", NOW), Step::Ask);
        for now in [NOW, NOW + 6] {
            assert_eq!(ring.step("a", now), Step::Wait);
        }
        // The request that asked was cancelled.
        assert_eq!(ring.step("a", NOW + 7), Step::Ask);
        assert_eq!(ring.step("a", NOW + 8), Step::Wait);
        ring.settle(Ok(vec![key("a")]), NOW + 9);
        assert_eq!(ring.step("a", NOW + 9), Step::Found(key("a")));
    }

    #[test]
    fn a_known_key_does_not_wait_for_an_unknown_one() {
        let mut ring = ring();
        assert_eq!(ring.step("b", NOW + 60), Step::Ask);
        assert_eq!(ring.step("a", NOW + 60), Step::Found(key("a")));
        assert_eq!(ring.step("c", NOW + 60), Step::Wait);
        // The request that asked was cancelled. An attacker cannot make the Worker ask more often by this.
        assert!(matches!(ring.step("c", NOW + 67), Step::Fail(_)));
        assert!(matches!(ring.step("c", NOW + 119), Step::Fail(_)));
        assert_eq!(ring.step("c", NOW + 120), Step::Ask);
    }

    #[test]
    fn a_failure_without_keys_is_repeated_after_five_seconds() {
        let mut ring = Keyring::default();
        assert_eq!(ring.step("a", NOW), Step::Ask);
        ring.settle(failed(), NOW + 5);
        for now in [NOW + 5, NOW + 9] {
            assert_eq!(ring.step("a", now), Step::Fail("down".to_owned()));
        }
        assert_eq!(ring.step("a", NOW + 10), Step::Ask);
    }

    #[test]
    fn a_failure_leaves_the_keys_for_the_rest_of_their_hour() {
        let mut ring = ring();
        assert_eq!(ring.step("b", NOW + 60), Step::Ask);
        ring.settle(failed(), NOW + 60);
        assert_eq!(ring.step("a", NOW + 60), Step::Found(key("a")));
        assert_eq!(ring.step("b", NOW + 119), Step::Fail("down".to_owned()));
        assert_eq!(ring.step("b", NOW + 120), Step::Ask);
        ring.settle(failed(), NOW + 3599);
        assert_eq!(ring.step("a", NOW + 3599), Step::Found(key("a")));
        assert_eq!(ring.step("a", NOW + 3600), Step::Fail("down".to_owned()));
        assert_eq!(ring.step("a", NOW + 3604), Step::Ask);
    }

    #[test]
    fn the_keys_for_rs256_are_read() {
        let with = |name: &str, value: Value| {
            let mut candidate = candidate("b");
            candidate[name] = value;
            candidate
        };
        let modulus = |bytes: usize| json!(Base64UrlUnpadded::encode_string(&vec![0xab; bytes]));
        assert_eq!(keys(&json!([candidate("a"), candidate("c")])), Ok(vec![key("a"), key("c")]));
        for bad in [
            json!({"kid": "b", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
            with("kty", json!("oct")),
            with("alg", json!("RS512")),
            with("use", json!("enc")),
            with("kid", json!(null)),
            with("n", json!(null)),
            with("e", json!(null)),
            with("n", modulus(255)),
            with("n", modulus(513)),
            with("n", json!("+/+/")),
            with("e", json!("")),
            with("e", json!("AAABAAE")),
        ] {
            assert_eq!(keys(&json!([bad, candidate("a")])), Ok(vec![key("a")]), "{bad}");
            assert!(keys(&json!([bad])).unwrap_err().ends_with("no key for RS256"));
        }
        for good in [
            with("alg", json!(null)),
            with("use", json!(null)),
            with("n", modulus(512)),
            with("e", json!("Aw")),
        ] {
            assert_eq!(keys(&json!([good])).map(|keys| keys.len()), Ok(1), "{good}");
        }
    }

    #[test]
    fn another_answer_is_a_failure() {
        let good = json!({"keys": [candidate("a")]}).to_string();
        assert!(read(200, good.as_bytes()).is_ok());
        assert!(read(302, good.as_bytes()).unwrap_err().ends_with("the status 302"));
        for bad in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#] {
            assert!(read(200, bad.as_bytes()).unwrap_err().ends_with("not a JWK Set"), "{bad}");
        }
        assert!(keys(&json!([])).is_err());
    }

    #[test]
    fn the_runtime_gets_only_the_parts_of_the_key() {
        let PublicKey { modulus, .. } = key("a");
        assert_eq!(key("a").jwk(), format!(r#"{{"kty":"RSA","alg":"RS256","n":"{modulus}","e":"AQAB"}}"#));
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(body in any::<Vec<u8>>(), json in "[{}\\[\\]:,\"a-z0-9]{0,60}") {
            let _ = (read(200, &body), read(200, json.as_bytes()));
        }

        /// Random ids come within two seconds of each other, and each attempt succeeds, fails or is cancelled.
        #[test]
        fn random_ids_cause_at_most_one_attempt_a_minute(events in prop::collection::vec((0_u64..3, 0..3), 1..400)) {
            let mut ring = ring();
            let (mut now, mut last) = (NOW, NOW);
            for (n, (wait, outcome)) in events.into_iter().enumerate() {
                now = now.saturating_add(wait);
                if ring.step(&format!("random-{n}"), now) == Step::Ask {
                    prop_assert!(now >= last.saturating_add(60));
                    last = now;
                    match outcome {
                        0 => ring.settle(Ok(vec![key("a")]), now),
                        1 => ring.settle(failed(), now),
                        _ => {}
                    }
                }
            }
        }
    }
}
