//! The databases of the service, as the setting `SHARDS` lists them.

use edge_signup::storage::shards::{Placing, Shards};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// A database and its place.
#[derive(Serialize)]
struct Database<'a> {
    binding: &'a str,
    number: usize,
    generation: usize,
    position: usize,
    size: usize,
    placing: &'static str,
    /// The place as one text, by which the Worker asks for it.
    place: &'a str,
}

/// The databases of `SHARDS`, in the order of their numbers, as a JSON array. `service` is `SERVICE_ID`, and
/// `by_skeleton` says that look-alike names are denied.
///
/// # Errors
/// A sentence that says what is wrong with the setting.
#[wasm_bindgen]
#[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen passes an optional text by value only")]
pub fn shards(setting: &str, service: Option<String>, by_skeleton: bool) -> Result<String, String> {
    let (placing, word) = if by_skeleton { (Placing::Skeleton, "skeleton") } else { (Placing::Name, "name") };
    let lookup = |name: &str| if name == "SHARDS" { Some(setting.to_owned()) } else { service.clone() };
    let shards = Shards::read(lookup, placing).map_err(|error| error.to_string())?;
    let databases: Option<Vec<_>> = shards
        .all
        .iter()
        .map(|shard| {
            let mut numbers = shard.place.split(' ').map(|word| word.parse().ok());
            Some(Database {
                binding: &shard.binding,
                number: numbers.next()??,
                generation: numbers.next()??,
                position: numbers.next()??,
                size: numbers.next()??,
                placing: word,
                place: &shard.place,
            })
        })
        .collect();
    serde_json::to_string(&databases).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_its_place_in_numbers_and_as_a_text() {
        let read = |setting, service: Option<&str>, by_skeleton| {
            shards(setting, service.map(str::to_owned), by_skeleton)
        };
        assert_eq!(
            read("DB; DB_1 DB_2", Some("7"), true).unwrap(),
            r#"[{"binding":"DB","number":0,"generation":0,"position":0,"size":1,"placing":"skeleton","place":"0 0 0 1 7"},"#
                .to_owned()
                + r#"{"binding":"DB_1","number":1,"generation":1,"position":0,"size":2,"placing":"skeleton","place":"1 1 0 2 skeleton 7"},"#
                + r#"{"binding":"DB_2","number":2,"generation":1,"position":1,"size":2,"placing":"skeleton","place":"2 1 1 2 skeleton 7"}]"#
        );
        assert!(read("A B", None, false).unwrap().ends_with(r#""placing":"name","place":"1 0 1 2 name"}]"#));
        assert_eq!(read("DB DB", None, false), Err("SHARDS names DB twice".to_owned()));
    }
}
