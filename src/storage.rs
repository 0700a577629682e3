//! The storage of users, accounts and the block list.
//!
//! It owns all SQL of the Worker, and every key in KV. It must not know HTTP.

pub mod block_list;
pub mod d1;
pub mod database;
pub mod shards;
pub mod sql;
pub mod walk;
