//! Prints the block list's key for an address or a range, in the very form that the Worker looks up.
//!
//! `make block` and `make unblock` call it, so that the form is made in one place.

use std::process::ExitCode;

use edge_signup::client_ip::BlockKey;

fn main() -> ExitCode {
    let raw = std::env::args().nth(1).unwrap_or_default();
    match BlockKey::parse(&raw) {
        Ok(key) => {
            println!("{key}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
