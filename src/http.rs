//! The formats of HTTP messages.
//!
//! It owns the form of responses, JSON and header values. It must not know what a message is about.

pub mod header_value;
pub mod json;
pub mod response;
