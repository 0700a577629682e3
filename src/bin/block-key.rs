//! Prints the block list's key for an address or a range, in the form that the Worker looks up. Below it, prints the
//! keys of the ranges around it, the narrowest first.
//!
//! `make block` and `make unblock` call this tool, so that only the library makes keys.

use std::process::ExitCode;

use edge_signup::fields::client_ip::{BlockKey, BlockKeyError, ClientIp};

fn main() -> ExitCode {
    let raw = std::env::args().nth(1).unwrap_or_default();
    match keys(&raw) {
        Ok(keys) => {
            println!("{}", keys.join("\n"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn keys(raw: &str) -> Result<Vec<String>, BlockKeyError> {
    let key = BlockKey::parse(raw)?.to_string();
    // The part before the slash is the address, or the first address of the range.
    let address = key.split('/').next().and_then(ClientIp::parse);
    let keys = address.map(ClientIp::block_keys).unwrap_or_default();
    Ok(keys.into_iter().skip_while(|other| *other != key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_followed_by_the_ranges_around_it() {
        for (raw, expected) in [
            ("203.0.113.7", ["203.0.113.7", "203.0.113.0/24", "203.0.0.0/16"].as_slice()),
            ("203.0.113.7/24", &["203.0.113.0/24", "203.0.0.0/16"]),
            ("203.0.113.7/16", &["203.0.0.0/16"]),
            ("2001:DB8:1:2::3/56", &["2001:db8:1::/56", "2001:db8:1::/48", "2001:db8::/32"]),
        ] {
            assert_eq!(keys(raw).unwrap(), expected);
        }
    }
}
