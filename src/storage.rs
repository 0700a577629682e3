//! The storage of users, accounts, clients, spent proofs and the block list.
//!
//! It owns all SQL of the Worker, and every read of D1 and of KV. It must not know HTTP.

pub mod block_list;
pub mod d1;
pub mod database;
pub mod shards;
pub mod walk;
