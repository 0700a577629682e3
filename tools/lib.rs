//! The rules that the operators' program `edge-signup` shares with the Worker, as a WebAssembly module for Node.
//!
//! It owns the functions that the program's JavaScript calls. It must not know where a database or a block list is.

mod block_keys;
mod breached_list;
mod clients;
mod shards;
mod skeletons;
mod sql;
