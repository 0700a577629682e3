//! The operators' side of the service: a Worker of its own on the databases and the block list of the public one.

pub mod hashes;
