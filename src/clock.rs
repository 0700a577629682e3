//! The runtime's clock.
//!
//! It owns the two readings of the clock as numbers. It must not know what is timed.

use wasm_bindgen::prelude::*;
use worker::js_sys::Date;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// Microseconds on the runtime's clock. In production the clock advances only at I/O.
/// <https://developers.cloudflare.com/workers/runtime-apis/performance/>
#[must_use]
pub fn now() -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it counts up from 0")]
    let microseconds = (performance_now() * 1000.0) as u64;
    microseconds
}

/// Seconds since 1970, UTC, on the same clock.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole seconds, and no date before 1970"
)]
pub fn unix_time() -> u64 {
    (Date::now() / 1000.0) as u64
}
