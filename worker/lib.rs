//! The service as a Worker's WebAssembly module: the entry point of [`edge_signup`] and what it needs.
//!
//! A crate of its own, because cargo optimises across crates for a `cdylib` only, and not for one that is an
//! `rlib` too, as the tests and the tools need it: that module is an eighth larger.

pub use edge_signup::*;
