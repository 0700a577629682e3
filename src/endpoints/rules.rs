//! `GET /.well-known/edge-signup`: the rules of this service, which a client cannot know otherwise.
//!
//! It owns the JSON that goes out, which holds nothing secret and is the same for everybody. It reads neither D1 nor
//! KV, so the block list does not apply to it. The path is that of a well-known URI
//! ([RFC 8615](https://www.rfc-editor.org/rfc/rfc8615)).

use serde::Serialize;

use crate::fields::{password, username};
use crate::guards::Widget;
use crate::http::response::Reply;
use crate::isolate::Isolate;

/// A page or a cache may keep the rules for a minute.
const CACHE_CONTROL: &str = "public, max-age=60";

// All numbers are `u64`, because the code that formats any other type would be in the wasm for them alone.
#[derive(Serialize)]
struct Rules<'a> {
    version: &'static str,
    username: Username,
    password: Password,
    registered_client: bool,
    proof_of_work: Option<ProofOfWork>,
    turnstile: Option<Turnstile<'a>>,
}

#[derive(Serialize)]
struct Username {
    max_characters: u64,
}

#[derive(Serialize)]
struct Password {
    min_characters: u64,
    max_bytes: u64,
}

#[derive(Serialize)]
struct ProofOfWork {
    bits: u64,
}

#[derive(Serialize)]
struct Turnstile<'a> {
    site_key: Option<&'a str>,
    action: Option<&'a str>,
}

/// The rules: 200, always.
#[must_use]
pub fn handle(isolate: &Isolate) -> Reply {
    let demands = isolate.guards.demands();
    let rules = Rules {
        version: env!("CARGO_PKG_VERSION"),
        username: Username { max_characters: username::MAX_CHARACTERS as u64 },
        password: Password {
            min_characters: isolate.config.password_min_length as u64,
            max_bytes: password::MAX_BYTES as u64,
        },
        registered_client: demands.registered_client,
        proof_of_work: demands.work_bits.map(|bits| ProofOfWork { bits: bits.into() }),
        turnstile: demands.widget.map(|Widget { site_key, action }| Turnstile { site_key, action }),
    };
    Reply::json(200, &rules).with("Cache-Control", CACHE_CONTROL)
}
