//! Another server, asked over HTTP: one request, one answer, within a time and a size.
//!
//! Must not know what it is asked.

use std::time::Duration;

use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::js_sys::{Promise, Uint8Array};

use crate::http::json;
use crate::http::response::Header;
use crate::js_error::JsError;
use crate::platform::{self, Environment};
use crate::setting::ConfigError;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = URL, js_name = canParse)]
    fn can_parse(url: &str) -> bool;
}

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = fetchAll)]
    fn fetch_all(url: &str, request: &str, size: usize) -> Promise;

    /// The response, and its body if it is within `size`.
    type Fetched;

    #[wasm_bindgen(method, getter)]
    fn status(this: &Fetched) -> u16;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Fetched) -> Option<Uint8Array>;
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

/// The response, of whatever status.
pub struct RemoteResponse {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Asks the server at `url`, and waits at most `time` for at most `size` bytes. A redirect is not
/// followed: the request would go where nobody meant it to.
///
/// # Errors
/// The server was not reached, broke off, was too slow or said too much.
pub async fn ask(
    url: &str,
    request: &RemoteRequest<'_>,
    time: Duration,
    size: usize,
) -> Result<RemoteResponse, JsError> {
    let request = json::write(request);
    let response: Fetched =
        platform::with_timeout(fetch_all(url, &request, size), time).await?.unchecked_into();
    match response.body() {
        Some(body) => Ok(RemoteResponse { status: response.status(), body: body.to_vec() }),
        None => Err(JsError {
            name: "RangeError".to_owned(),
            message: format!("the answer has more than {size} bytes"),
        }),
    }
}

/// The URL in the variable `name`, or else `default`.
///
/// # Errors
/// [`ConfigError`]: it is no URL of HTTP.
pub fn url(env: &Environment, name: &str, default: &str) -> Result<String, ConfigError> {
    let url = env.variable(name).unwrap_or_else(|| default.to_owned());
    let is_http = ["https:", "http:"].iter().any(|scheme| url.starts_with(scheme)) && can_parse(&url);
    is_http
        .then_some(url)
        .ok_or_else(|| ConfigError::new(format!("{name} must be a URL that begins with https:// or http://")))
}
