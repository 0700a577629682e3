//! Another server, asked over HTTP: one request, one answer, within a time and a size.
//!
//! Must not know what it is asked.

use std::time::Duration;

use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::js_sys::{Promise, Uint8Array};

use crate::config::ConfigError;
use crate::platform::{self, Environment, JsError};
use crate::response::Header;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = URL, js_name = canParse)]
    fn can_parse(url: &str) -> bool;
}

#[wasm_bindgen(module = "/src/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = fetchAll)]
    fn fetch_all(url: &str, question: &str, size: usize) -> Promise;

    /// What it gives.
    type Asked;

    #[wasm_bindgen(method, getter)]
    fn status(this: &Asked) -> u16;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Asked) -> Option<Uint8Array>;
}

/// What is asked ([Fetch](https://fetch.spec.whatwg.org/#requestinit)).
#[derive(Serialize)]
pub struct Question<'a> {
    /// The method.
    pub method: &'static str,
    /// The headers.
    pub headers: Vec<Header<'a>>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What came back, of whatever status.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Asks the server at `url`, and waits at most `time` for at most `size` bytes. A redirect is not
/// followed: the question would go where nobody meant it to.
///
/// # Errors
/// The server was not reached, broke off, was too slow or said too much.
pub async fn ask(url: &str, question: &Question<'_>, time: Duration, size: usize) -> Result<Answer, JsError> {
    // It holds strings only: nothing that could fail to be JSON.
    let question = serde_json::to_string(question).unwrap_or_default();
    let answer: Asked = platform::with_timeout(fetch_all(url, &question, size), time).await?.unchecked_into();
    match answer.body() {
        Some(body) => Ok(Answer { status: answer.status(), body: body.to_vec() }),
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
