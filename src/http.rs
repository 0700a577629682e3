//! The formats of HTTP messages. Must not know what a message is about.

pub mod header_value;
pub mod json;
pub mod response;
