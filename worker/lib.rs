//! The service as a Worker's WebAssembly module: the entry point of [`edge_signup`] and what it needs.
//!
//! A crate of its own, because cargo optimises across crates for a `cdylib` only, and not for one that is an
//! `rlib` too, as the tests and the tools need it: that module is an eighth larger.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

pub use edge_signup::*;

/// Wipes each block of memory when it is given back: bodies and passwords pass through many of them, and the
/// memory of an isolate is never returned.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);
