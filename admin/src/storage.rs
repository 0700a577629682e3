//! The data that the admin stores and reads.
//!
//! It owns all SQL of the admin, in a module for each subject, its calls of the block list's namespace, and the
//! question to the API that counts outcomes. A statement of D1 runs in a batch, which is one transaction; a batch in a
//! database that has another place than the settings give it fails as a whole. This room must not know the requests and
//! answers of the admin.

pub mod accounts;
pub mod audit;
pub mod batch;
pub mod blocks;
pub mod clients;
pub mod deliveries;
pub mod exports;
pub mod imports;
pub mod outcomes;
pub mod page;
pub mod shards;
pub mod statistics;
pub mod users;
pub mod webhooks;
