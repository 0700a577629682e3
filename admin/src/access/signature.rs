//! The signature of a JWT.
//!
//! It owns the two calls of Web Cryptography that verify it. It must not know a JWT.
//! <https://developers.cloudflare.com/workers/runtime-apis/web-crypto/>

use edge_signup::js_error::JsError;
use edge_signup::task::settled;
use wasm_bindgen::prelude::*;
use worker::js_sys::{JSON, Promise};

use super::keys::PublicKey;

const ALGORITHM: &str = r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#;
const USAGES: &str = r#"["verify"]"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = importKey)]
    fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        is_extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = verify)]
    fn verify(algorithm: &JsValue, key: &JsValue, signature: &[u8], data: &[u8]) -> Result<Promise, JsValue>;
}

/// Whether `signature` is the RS256 signature of `signed` by `key`.
///
/// # Errors
/// The runtime does not take the key.
pub(super) async fn holds(key: &PublicKey, signature: &[u8], signed: &[u8]) -> Result<bool, JsError> {
    let algorithm = JSON::parse(ALGORITHM)?;
    let imported = import_key("jwk", &JSON::parse(&key.jwk())?, &algorithm, false, &JSON::parse(USAGES)?)?;
    let imported = settled(imported).await?;
    let verified = settled(verify(&algorithm, &imported, signature, signed)?).await?;
    Ok(verified.as_bool() == Some(true))
}
