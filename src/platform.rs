//! The JavaScript side of the runtime: requests, responses, bindings, errors, digests and timers.
//!
//! It owns the crossings between wasm and JavaScript that many rooms need. A room that alone needs an interface calls
//! it by itself: [`crate::storage`], the guards, [`crate::clock`], [`crate::task`], V8's Unicode in [`crate::unicode`],
//! and the crate itself for the log line of an abandoned request. Random bytes come through the crate `getrandom`. This
//! room uses raw types where those of `worker` would copy every header, parse the URL again, or panic on unexpected
//! values. Work that would take many crossings is a function of `platform.js`. It must not know what a request is
//! about, except for the names of the headers that most requests are asked for.

use std::time::Duration;

use wasm_bindgen::prelude::*;
use worker::js_sys::{JSON, Promise, Reflect};
use worker::web_sys;

use crate::http::response::{COMMON, Reply};
use crate::js_error::JsError;
use crate::setting::ConfigError;
use crate::task::settled;

#[wasm_bindgen]
extern "C" {
    /// A version 4 UUID from the platform's generator.
    /// <https://developers.cloudflare.com/workers/runtime-apis/web-crypto/>
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub fn random_uuid() -> String;

    /// <https://developers.cloudflare.com/workers/runtime-apis/scheduler/>
    #[wasm_bindgen(js_namespace = scheduler, js_name = wait)]
    fn settle_after(milliseconds: f64) -> Promise;

    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = digest)]
    fn subtle_digest(algorithm: &str, data: &[u8]) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = headers)]
    fn new_headers(lines: &str) -> web_sys::Headers;

    #[wasm_bindgen(catch, js_name = respond)]
    fn new_response(
        log_line: &str,
        status: u16,
        body: Option<&str>,
        headers: &web_sys::Headers,
        changes: &str,
    ) -> Result<JsValue, JsValue>;

    fn head(request: &web_sys::Request, names: &str) -> String;

    #[wasm_bindgen(js_name = readBody)]
    fn read_body(request: &web_sys::Request, has_length: bool, limit: usize, milliseconds: f64) -> Promise;

    /// The bytes of an `ArrayBuffer` or a `Uint8Array`, or `None` for `undefined` and `null`.
    pub fn bytes(value: &JsValue) -> Option<Vec<u8>>;

    #[wasm_bindgen(js_name = withTimeout)]
    fn settle_in_time(promise: Promise, milliseconds: f64) -> Promise;
}

thread_local! {
    /// The [`COMMON`] headers, made once: to copy them is less work than to make them for each answer.
    static COMMON_HEADERS: web_sys::Headers = new_headers(&lines(&COMMON));
}

impl From<JsValue> for JsError {
    fn from(error: JsValue) -> Self {
        let text = |property: &str| Reflect::get(&error, &property.into()).ok()?.as_string();
        Self {
            name: text("name").unwrap_or_else(|| "Error".to_owned()),
            message: text("message")
                .or_else(|| error.as_string())
                .unwrap_or_else(|| "an error without a message".to_owned()),
        }
    }
}

/// A promise that settles as `promise` does, or is rejected with a `TimeoutError` after `limit`.
pub fn in_time(promise: Promise, limit: Duration) -> Promise {
    settle_in_time(promise, milliseconds(limit))
}

/// Waits for `promise`, at most for `limit`. The work behind the promise can go on until the request ends.
///
/// # Errors
/// The reason of the promise's rejection, or a `TimeoutError` after `limit`.
pub async fn with_timeout(promise: Promise, limit: Duration) -> Result<JsValue, JsError> {
    Ok(settled(in_time(promise, limit)).await?)
}

/// Waits for `time`.
pub async fn pause(time: Duration) {
    // This promise is never rejected.
    let _ = settled(settle_after(milliseconds(time))).await;
}

/// `time` as JavaScript's timers take it.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The digest of `data`. `algorithm` is a name of Web Cryptography, such as `SHA-1` or `SHA-256`.
/// <https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#supported-algorithms>
///
/// # Errors
/// The runtime does not have `algorithm`.
pub async fn digest(algorithm: &str, data: &[u8]) -> Result<Vec<u8>, JsError> {
    let digest = settled(subtle_digest(algorithm, data)?).await?;
    Ok(bytes(&digest).unwrap_or_default())
}

/// The Worker's variables, secrets and bindings.
#[derive(Clone, PartialEq)]
pub struct Environment(JsValue);

impl Environment {
    /// Wraps the runtime's object. Two environments are equal if they wrap the same object.
    #[must_use]
    pub fn new(env: JsValue) -> Self {
        Self(env)
    }

    /// The binding, variable or secret `name`, or `None` where it is not set.
    #[must_use]
    pub fn binding(&self, name: &str) -> Option<JsValue> {
        let value = Reflect::get(&self.0, &name.into()).ok()?;
        (!value.is_null_or_undefined()).then_some(value)
    }

    /// The binding `name`.
    ///
    /// # Errors
    /// [`ConfigError`] where it is not set.
    pub fn required(&self, name: &str) -> Result<JsValue, ConfigError> {
        self.binding(name).ok_or_else(|| ConfigError::new(format!("the binding {name} is missing")))
    }

    /// The variable or secret `name` as text, or `None` where it is not set. A value that is a number or an object in
    /// the configuration is given as JSON.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        let value = self.binding(name)?;
        let json = || JSON::stringify(&value).ok()?.as_string();
        Some(value.as_string().or_else(json).unwrap_or_default())
    }
}

/// A request as it came in.
pub struct Incoming {
    request: web_sys::Request,
    /// The method, the URL and the values of the [`FREQUENT_HEADERS`], one a line: all of them come in one crossing.
    head: String,
}

/// The headers that most requests are asked for.
const FREQUENT_HEADERS: &str =
    "CF-Connecting-IP\nContent-Type\nContent-Length\nIdempotency-Key\nUsername\nPrivacy";

/// How long a client may take to send a body. It needs this long for 16 KB only if it delays on purpose.
const BODY_TIME_LIMIT: Duration = Duration::from_mins(1);

/// Why a body was not read to its end.
#[derive(Debug)]
pub enum BodyError {
    /// The body is over the limit, by its `Content-Length` or by its bytes.
    TooLarge,
    /// The body broke off, or took too long.
    Broken(JsError),
}

impl Incoming {
    /// Wraps the runtime's request.
    #[must_use]
    pub fn new(request: web_sys::Request) -> Self {
        let head = head(&request, FREQUENT_HEADERS);
        Self { request, head }
    }

    /// The method; a method that HTTP defines is in upper case.
    #[must_use]
    pub fn method(&self) -> &str {
        self.lines().next().unwrap_or_default()
    }

    /// The absolute URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.lines().nth(1).unwrap_or_default()
    }

    /// The value of the header `name`, without white space around it. Repeated headers are joined with `, `.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        match FREQUENT_HEADERS.split('\n').position(|frequent| frequent == name) {
            Some(at) => self.lines().skip(2).nth(at)?.strip_prefix('=').map(str::to_owned),
            // This fails only for a text that cannot be the name of a header.
            None => self.request.headers().get(name).ok().flatten(),
        }
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.head.split('\n')
    }

    /// The body, if it has at most `limit` bytes.
    ///
    /// # Errors
    /// [`BodyError`]. Reading stops at the limit, and does not begin if `Content-Length` is over it.
    pub async fn body(&self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let announced = self.header("Content-Length").and_then(|length| length.parse().ok());
        if announced.is_some_and(|length: u64| length > limit as u64) {
            return Err(BodyError::TooLarge);
        }
        // The runtime reads no more than the announced length, and all of it at once.
        let reading = read_body(&self.request, announced.is_some(), limit, milliseconds(BODY_TIME_LIMIT));
        let body = settled(reading).await.map_err(|error| BodyError::Broken(error.into()))?;
        bytes(&body).ok_or(BodyError::TooLarge)
    }
}

/// Writes the request's log line, and turns `reply` into the runtime's response. `runtime` is the time since the
/// request's arrival, in microseconds.
/// Returns `undefined` for a header value that the runtime does not take; [`Reply`] never has such a value.
#[must_use]
pub fn respond(reply: &Reply, request_id: &str, runtime: u64, log_line: &str) -> JsValue {
    let changes = lines(&reply.headers(request_id, runtime));
    let body = reply.body.as_deref();
    let response = COMMON_HEADERS.with(|common| new_response(log_line, reply.status, body, common, &changes));
    response.unwrap_or(JsValue::UNDEFINED)
}

/// Headers as text for `platform.js`: a line for each name and for each value. A name or a value never contains a line
/// feed.
fn lines(headers: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    let mut lines = String::new();
    for (name, value) in headers {
        for part in [name.as_ref(), value.as_ref()] {
            lines.push_str(part);
            lines.push('\n');
        }
    }
    lines
}
