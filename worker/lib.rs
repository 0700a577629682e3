//! The service as a Worker's WebAssembly module.
//!
//! It owns the memory allocator, and exports the functions of [`edge_signup`]. It must not know what they do.
//!
//! It is a crate of its own, because cargo optimises across crates only for a crate that is a `cdylib` alone. The
//! tests and the tools need an `rlib`, and a crate that is both gives a module that is an eighth larger.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

pub use edge_signup::*;

/// Wipes each block of memory when it is freed. Bodies and passwords pass through many blocks, and the memory of
/// an isolate is never given back to the system.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);
