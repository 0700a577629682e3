//! Where users, accounts and the block list are kept. All SQL of the Worker is here, and every key in KV.
//!
//! Must not know HTTP.

pub mod block_list;
pub mod d1;
pub mod sql;
