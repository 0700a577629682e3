//! The `client_id`: which application a user signs up for, and so the namespace of the username.
//!
//! Must not know which clients there are.

use crate::fields::visible_ascii::VisibleAscii;

/// 1 to 128 visible ASCII characters.
pub type ClientId = VisibleAscii<128>;
