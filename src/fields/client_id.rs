//! The `client_id`: the application that a user signs up for, and so the namespace of the username.
//!
//! It owns the form of the id. It must not know which clients are registered.

use crate::fields::visible_ascii::VisibleAscii;

/// A client's id: 1 to 128 visible ASCII characters.
pub type ClientId = VisibleAscii<128>;
