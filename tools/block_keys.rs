//! The keys of the block list.

use edge_signup::fields::client_ip::{BlockKey, BlockKeyError};
use wasm_bindgen::prelude::*;

/// The block list's key for an address or a range, in the form that the Worker looks up, and then the keys of the ranges
/// around it, the narrowest first.
///
/// # Errors
/// A sentence for the operator: the text is neither an address nor a range that is looked up.
#[wasm_bindgen(js_name = blockKeys)]
pub fn block_keys(raw: &str) -> Result<Vec<String>, String> {
    keys(raw).map_err(|error| error.to_string())
}

fn keys(raw: &str) -> Result<Vec<String>, BlockKeyError> {
    let key = BlockKey::parse(raw)?;
    Ok(std::iter::once(key.to_string()).chain(key.around()).collect())
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
