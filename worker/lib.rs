//! The service as a Worker's WebAssembly module.
//!
//! It owns the memory allocator, and exports the functions that `worker/serve.js` calls; [`edge_signup::task`] exports
//! two more. It must not know what they do.
//!
//! It is a crate of its own, because cargo optimises across crates only for a crate that is a `cdylib` alone. The
//! tests and the tools need an `rlib`, and a crate that is both gives a module that is an eighth larger.

use std::alloc::System;

use wasm_bindgen::prelude::*;
use worker::web_sys::Request;
use zeroizing_alloc::ZeroAlloc;

/// Wipes each block of memory when it is freed. Bodies and passwords pass through many blocks, and the memory of
/// an isolate is never given back to the system.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// Begins to answer `request`: [`edge_signup::begin`].
#[wasm_bindgen]
#[must_use]
pub fn begin(task: u32, request: Request, env: JsValue) -> JsValue {
    edge_signup::begin(task, request, env)
}

/// The response to a request whose task was lost: [`edge_signup::lost`].
#[wasm_bindgen]
#[must_use]
pub fn lost() -> JsValue {
    edge_signup::lost()
}
