//! Requests to other servers.
//!
//! It owns a request and its answer over HTTP, within limits of time and size. It must not know what a server is asked.

use std::time::Duration;

use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

use crate::http::json;
use crate::http::response::Header;
use crate::js_error::JsError;
use crate::platform::{self, Environment};
use crate::setting::ConfigError;

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = fetchAll)]
    fn fetch_all(service: &JsValue, url: &str, request: &str, size: usize) -> Promise;

    #[wasm_bindgen(js_name = isSafe)]
    fn is_safe(url: &str) -> bool;

    /// The response, with its body if the body is within `size`.
    type Fetched;

    #[wasm_bindgen(method, getter)]
    fn status(this: &Fetched) -> u16;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Fetched) -> JsValue;
}

/// A request ([Fetch](https://fetch.spec.whatwg.org/#requestinit)).
#[derive(Serialize)]
pub struct RemoteRequest<'a> {
    /// The method.
    pub method: &'static str,
    /// The headers.
    pub headers: Vec<Header<'a>>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A response, of any status.
pub struct RemoteResponse {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Sends `request` to `url`, and waits at most `time` for an answer of at most `size` bytes. A redirect is not
/// followed, because it would send the request to a server that the operator did not choose.
///
/// # Errors
/// The server could not be reached, broke off, was too slow or sent too much.
pub fn ask<'a>(
    url: &'a str,
    request: &'a RemoteRequest<'_>,
    time: Duration,
    size: usize,
) -> impl Future<Output = Result<RemoteResponse, JsError>> + use<'a> {
    ask_by(None, url, request, time, size)
}

/// The same, but the Worker with the binding `service`, where there is one, takes the place of the server.
///
/// # Errors
/// The errors of [`ask`], and the exceptions of the Worker.
pub async fn ask_by(
    service: Option<&JsValue>,
    url: &str,
    request: &RemoteRequest<'_>,
    time: Duration,
    size: usize,
) -> Result<RemoteResponse, JsError> {
    let network = JsValue::UNDEFINED;
    let service = service.unwrap_or(&network);
    let request = json::write(request);
    let response: Fetched =
        platform::with_timeout(fetch_all(service, url, &request, size), time).await?.unchecked_into();
    match platform::bytes(&response.body()) {
        Some(body) => Ok(RemoteResponse { status: response.status(), body }),
        None => Err(JsError {
            name: "RangeError".to_owned(),
            message: format!("the answer has more than {size} bytes"),
        }),
    }
}

/// The URL in the variable `name`, or `default` where it is not set.
///
/// # Errors
/// [`ConfigError`], as [`safe`] returns it.
pub fn url(env: &Environment, name: &str, default: &str) -> Result<String, ConfigError> {
    safe(name, env.variable(name).unwrap_or_else(|| default.to_owned()))
}

/// The value `url` of the setting `name`, if nobody but its server can read a secret that is sent there.
///
/// # Errors
/// [`ConfigError`]: the value is not a URL of HTTPS, nor of HTTP on this machine, or it has a user. The error does not
/// repeat the value, which may have a password.
pub fn safe(name: &str, url: String) -> Result<String, ConfigError> {
    if is_safe(&url) {
        return Ok(url);
    }
    Err(ConfigError::new(format!(
        "{name} must be a URL of HTTPS, or of HTTP on 127.0.0.1 or localhost, without a user"
    )))
}
