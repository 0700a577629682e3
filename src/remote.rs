//! Another server, asked over HTTP: one request, one answer, within a time and a size.
//!
//! Must not know what it is asked.

use std::time::Duration;

use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::js_sys::{JSON, Promise, Reflect};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys;

use crate::config::ConfigError;
use crate::platform::{self, BodyError, Environment, JsError};
use crate::response::Header;

#[wasm_bindgen]
extern "C" {
    /// <https://developers.cloudflare.com/workers/runtime-apis/fetch/>
    #[wasm_bindgen(catch, js_namespace = globalThis)]
    fn fetch(url: &str, init: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = URL, js_name = canParse)]
    fn can_parse(url: &str) -> bool;
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
    platform::within(time, async {
        // It holds strings only: nothing that could fail to be JSON.
        let init = JSON::parse(&serde_json::to_string(question).unwrap_or_default())?;
        Reflect::set(&init, &"redirect".into(), &"manual".into())?;
        let response: web_sys::Response = JsFuture::from(fetch(url, &init)?).await?.dyn_into()?;
        match platform::read(response.body(), size).await {
            Ok(body) => Ok(Answer { status: response.status(), body }),
            Err(BodyError::Broken(error)) => Err(error),
            Err(BodyError::TooLarge) => Err(JsError {
                name: "RangeError".to_owned(),
                message: format!("the answer has more than {size} bytes"),
            }),
        }
    })
    .await
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
