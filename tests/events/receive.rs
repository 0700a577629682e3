use http::HeaderMap;
use serde_json::Value;
use standardwebhooks::Webhook;

/// The event of a request, or `None` if it is not from the service.
pub fn receive(secret: &str, headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    Webhook::new(secret).ok()?.verify(body, headers).ok()?;
    serde_json::from_slice(body).ok()
}
