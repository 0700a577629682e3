//! `SHARDS`: the databases of the service, by generation, and the home of a name among them.
//!
//! It owns the setting's form, the hash that places a name, and the text by which a database knows its place. It must
//! not know SQL, nor what a name is.
//!
//! A row never moves, so the home of a name depends only on values that never change: on the name itself, and on the
//! size and the placing of the generation.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::setting::ConfigError;

/// The setting that lists the bindings of the databases.
const SHARDS: &str = "SHARDS";

/// The setting that names the service, so that a database of another service is noticed. `make grow` writes it.
const SERVICE_ID: &str = "SERVICE_ID";

/// The binding of the one database of a service without the setting.
const DEFAULT: &str = "DB";

/// The most databases: the ids of database number n begin at n × 2^40, and every id is below 2^52, which
/// JavaScript's numbers still count one by one.
const MAX_DATABASES: usize = 4096;

/// How names are placed in a generation of several databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// By their keys.
    Name,
    /// By the outlines of their skeletons, because look-alike names must meet in one database.
    Skeleton,
}

/// The databases of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shards {
    /// All databases. The number of a database is its index.
    pub all: Vec<Shard>,
    /// The number after the last database of each generation.
    ends: Vec<usize>,
}

/// A database of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The name of the binding.
    pub binding: String,
    /// The text by which the database knows its place: its number, the generation, the position in the generation, the
    /// size of the generation, and, where that size makes a difference, how names are placed. If the setting names the
    /// service, the text ends with that name.
    pub place: String,
}

impl Shards {
    /// Reads the settings through `lookup`, which gives a variable's value, or `None` where it is not set.
    ///
    /// `SHARDS` has the bindings of each generation, separated by spaces, and the generations separated by semicolons,
    /// such as `DB; DB_1 DB_2`. Without it, the one database is `DB`.
    ///
    /// # Errors
    /// [`ConfigError`]: a generation has no database, a database is named twice, or there are more than 4,096; or
    /// `SERVICE_ID` is not of its form.
    pub fn read(lookup: impl Fn(&str) -> Option<String>, placing: Placing) -> Result<Self, ConfigError> {
        let setting = lookup(SHARDS).unwrap_or_else(|| DEFAULT.to_owned());
        let service = match lookup(SERVICE_ID) {
            None => String::new(),
            Some(id) if is_service(&id) => format!(" {id}"),
            Some(id) => return Err(ConfigError::must_be(SERVICE_ID, &id, SERVICE_FORM)),
        };
        let mut all: Vec<Shard> = Vec::new();
        let mut ends = Vec::new();
        for (generation, names) in setting.split(';').enumerate() {
            let names: Vec<&str> = names.split_ascii_whitespace().collect();
            if names.is_empty() {
                return Err(ConfigError::must_be(
                    SHARDS,
                    &setting,
                    "generations of at least one database each",
                ));
            }
            let size = names.len();
            let placing = if size > 1 { placing.word() } else { "" };
            for (position, binding) in names.into_iter().enumerate() {
                if all.iter().any(|known| known.binding == binding) {
                    return Err(ConfigError::new(format!("{SHARDS} names {binding} twice")));
                }
                let place = format!("{} {generation} {position} {size}{placing}{service}", all.len());
                all.push(Shard { binding: binding.to_owned(), place });
            }
            ends.push(all.len());
        }
        if all.len() > MAX_DATABASES {
            return Err(ConfigError::new(format!("{SHARDS} names more than {MAX_DATABASES} databases")));
        }
        Ok(Self { all, ends })
    }

    /// The numbers of the databases of each generation.
    pub fn generations(&self) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied()).collect::<Vec<_>>();
        starts.into_iter().zip(self.ends.clone()).map(|(start, end)| start..end)
    }

    /// The home of a name in each generation, as the number of a database. The text `placed_by` is the name's namespace
    /// and its form that the [`Placing`] needs.
    #[must_use]
    pub fn homes(&self, placed_by: &str) -> Vec<usize> {
        // With one database a generation, the hash decides nothing.
        let hash = if self.ends.len() < self.all.len() { hash(placed_by) as usize } else { 0 };
        let mut start = 0_usize;
        let home = |end: &usize| {
            let size = end.saturating_sub(start);
            let home = start.saturating_add(hash.checked_rem(size).unwrap_or(0));
            start = *end;
            home
        };
        self.ends.iter().map(home).collect()
    }
}

impl Placing {
    fn word(self) -> &'static str {
        match self {
            Self::Name => " name",
            Self::Skeleton => " skeleton",
        }
    }
}

/// The form of `SERVICE_ID`. scripts/settings.js has the same rule.
const SERVICE_FORM: &str = "1 to 64 digits and small letters, as make grow writes it";

fn is_service(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

/// The first four bytes of the SHA-256 of `text`, as a number.
fn hash(text: &str) -> u32 {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(text).into();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(shards: &str) -> Result<Shards, String> {
        place_by(Placing::Name, shards)
    }

    fn place_by(placing: Placing, shards: &str) -> Result<Shards, String> {
        let lookup = |name: &str| (name == SHARDS).then(|| shards.to_owned());
        Shards::read(lookup, placing).map_err(|error| error.to_string())
    }

    fn places(shards: &Shards) -> Vec<(&str, &str)> {
        shards.all.iter().map(|shard| (&*shard.binding, &*shard.place)).collect()
    }

    #[test]
    fn without_the_setting_there_is_one_database() {
        for placing in [Placing::Name, Placing::Skeleton] {
            let shards = Shards::read(|_| None, placing).unwrap();
            assert_eq!(places(&shards), [("DB", "0 0 0 1")]);
            assert_eq!(shards.homes("an-app\nada"), [0]);
        }
    }

    #[test]
    fn a_generation_is_a_list_of_bindings() {
        for setting in ["DB; DB_1 DB_2", " DB ;DB_1\n\tDB_2 "] {
            let by_name = [("DB", "0 0 0 1"), ("DB_1", "1 1 0 2 name"), ("DB_2", "2 1 1 2 name")];
            assert_eq!(places(&read(setting).unwrap()), by_name);
            let by_skeleton = [("DB", "0 0 0 1"), ("DB_1", "1 1 0 2 skeleton"), ("DB_2", "2 1 1 2 skeleton")];
            assert_eq!(places(&place_by(Placing::Skeleton, setting).unwrap()), by_skeleton);
        }
    }

    #[test]
    fn a_service_with_a_name_has_it_in_every_place() {
        let lookup = |name: &str| match name {
            SHARDS => Some("DB; DB_1 DB_2".to_owned()),
            SERVICE_ID => Some("k3".to_owned()),
            _ => None,
        };
        let shards = Shards::read(lookup, Placing::Name).unwrap();
        assert_eq!(
            places(&shards),
            [("DB", "0 0 0 1 k3"), ("DB_1", "1 1 0 2 name k3"), ("DB_2", "2 1 1 2 name k3")]
        );
    }

    #[test]
    fn the_name_of_a_service_has_digits_and_small_letters() {
        let read = |id: &str| {
            let lookup = |name: &str| (name == SERVICE_ID).then(|| id.to_owned());
            Shards::read(lookup, Placing::Name).map_err(|error| error.to_string())
        };
        for id in ["0", "z", &"a9".repeat(32)] {
            assert_eq!(places(&read(id).unwrap()), [("DB", &*format!("0 0 0 1 {id}"))]);
        }
        for id in ["", " ", "K3", "k-3", "k3 ", "é", &"a".repeat(65)] {
            assert_eq!(
                read(id),
                Err(format!(
                    "SERVICE_ID is \"{id}\": it must be 1 to 64 digits and small letters, as make grow writes it"
                ))
            );
        }
    }

    #[test]
    fn a_list_without_sense_is_refused() {
        let empty = |setting: &str| {
            Err(format!("SHARDS is \"{setting}\": it must be generations of at least one database each"))
        };
        for setting in ["", " ", ";", "DB;", "DB; ; DB_1", "; DB"] {
            assert_eq!(read(setting), empty(setting));
        }
        assert_eq!(read("DB DB"), Err("SHARDS names DB twice".to_owned()));
        assert_eq!(read("DB; DB_1 DB_2; DB_1"), Err("SHARDS names DB_1 twice".to_owned()));
    }

    #[test]
    fn there_are_at_most_4096_databases() {
        let names = |count| (0..count).map(|n| format!("DB_{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(read(&names(4096)).unwrap().all.len(), 4096);
        assert_eq!(read(&names(4097)), Err("SHARDS names more than 4096 databases".to_owned()));
    }

    #[test]
    fn the_home_is_the_hash_modulo_the_size_of_the_generation() {
        // printf 'an-app\nada' | sha256sum
        assert_eq!(hash("an-app\nada"), 0x7d7e_9cc5);
        let shards = read("A; B C; D E F G").unwrap();
        assert_eq!(shards.homes("an-app\nada"), [0, 2, 4]);
    }

    /// Names and ids with their databases, for authors of such a function in another language.
    const LIST: &str = include_str!("../../docs/homes.json");

    #[test]
    fn the_list_of_homes_is_right() {
        let list: serde_json::Value = serde_json::from_str(LIST).unwrap();
        for entry in list["names"].as_array().unwrap() {
            let mut numbers = 0_u64..;
            let sizes = entry["sizes"].as_array().unwrap().iter();
            let generations: Vec<String> = sizes
                .map(|size| usize::try_from(size.as_u64().unwrap()).unwrap())
                .map(|size| {
                    numbers.by_ref().take(size).map(|n| format!("DB_{n}")).collect::<Vec<_>>().join(" ")
                })
                .collect();
            let shards = read(&generations.join(";")).unwrap();
            let homes = shards.homes(entry["name"].as_str().unwrap());
            assert_eq!(serde_json::json!(homes), entry["homes"], "{entry}");
        }
        for entry in list["ids"].as_array().unwrap() {
            let database = entry["id"].as_u64().unwrap() >> 40;
            assert_eq!(Some(database), entry["database"].as_u64(), "{entry}");
            assert!(database < MAX_DATABASES as u64, "{entry}");
        }
    }

    #[test]
    fn names_spread_evenly() {
        let shards = read("A B C D").unwrap();
        let mut counts = [0_u32; 4];
        for n in 0..20_000 {
            counts[shards.homes(&format!("an-app\nuser-{n}"))[0]] += 1;
        }
        assert!(counts.iter().all(|count| (4750..=5250).contains(count)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn any_setting_is_taken_or_refused_by_name(setting in any::<String>()) {
            match read(&setting) {
                Ok(shards) => prop_assert!(!shards.all.is_empty()),
                Err(error) => prop_assert!(error.starts_with("SHARDS ")),
            }
        }

        #[test]
        fn a_name_has_one_home_in_each_generation(name in any::<String>(), sizes in proptest::collection::vec(1_usize..9, 1..5)) {
            let mut number = 0..;
            let generations: Vec<String> = sizes
                .iter()
                .map(|size| number.by_ref().take(*size).map(|n| format!("DB_{n}")).collect::<Vec<_>>().join(" "))
                .collect();
            let shards = read(&generations.join(";")).unwrap();
            let homes = shards.homes(&name);
            prop_assert_eq!(homes.len(), sizes.len());
            for (generation, home) in homes.into_iter().enumerate() {
                let place = &shards.all[home].place;
                prop_assert!(place.starts_with(&format!("{home} {generation} ")), "{}", place);
            }
        }
    }
}
