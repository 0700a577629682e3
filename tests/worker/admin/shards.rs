//! `/shards`: the databases. The tests of imports have a service of several.

use super::{NO_PARAMETERS, get, read, signed_up};

#[test]
fn the_only_database_is_listed() {
    let id = signed_up("sharded", "shards");
    let shards = read("/shards");
    let all = shards["databases"].as_array().unwrap();
    assert_eq!(all.len(), 1);
    let one = &all[0];
    for (member, value) in [("number", 0), ("generation", 0), ("position", 0), ("size", 1)] {
        assert_eq!(one[member], value, "{member}");
    }
    assert_eq!(one["binding"], "DB");
    assert!(one["users"].as_u64() >= Some(id) && one["bytes"].as_f64() > Some(10_000.0), "{one}");
    get("/shards?x").ask().is_refusal(400, "parameter_unknown", NO_PARAMETERS);
}
