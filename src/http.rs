//! The formats of HTTP messages.
//!
//! It owns the form of responses, JSON, header values and signed messages. It must not know what a message is about.

pub mod header_value;
pub mod json;
pub mod response;
pub mod webhook;
