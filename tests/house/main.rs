//! Tests that only read the project's files: the laws of the house that the compiler does not check. They need neither
//! the Worker nor a server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod limits;
mod reasons;
mod rooms;
mod settings;
mod threats;
