//! The fields of a request, parsed into types that can only hold valid values.
//!
//! It owns the rules for each field. It must not know where a field stands in a request, nor what is done with it.

pub mod client;
pub mod client_id;
pub mod client_ip;
pub mod confusables;
pub mod origin;
pub mod password;
pub mod request_key;
pub mod username;
pub mod visible_ascii;
