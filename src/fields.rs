//! What a request carries, parsed into types that can only hold good values.
//!
//! Must not know where a field stands in a request, nor what becomes of it.

pub mod client_id;
pub mod client_ip;
pub mod confusables;
pub mod origin;
pub mod password;
pub mod request_key;
pub mod username;
pub mod visible_ascii;
