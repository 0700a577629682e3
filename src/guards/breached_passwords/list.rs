//! A list of breached passwords, with about two bytes for each.
//!
//! It owns the form of a list: the number of distinct digests, then these digests of 26 bits, in ascending order, each
//! written as the distance from the previous one. It must not know where a list is kept.
//!
//! On a list of n digests, one in 2^26/n of all other passwords is found by mistake: one in 3,417 with the 19,639
//! digests of `data/breached-passwords`.

use md5::{Digest, Md5};

use crate::fields::password::Password;
use crate::unicode::{self, Bounded};

/// How many bits of a digest are kept. One more bit would halve the false positives, and lengthen the list by an eighth
/// of a byte for each password.
const BITS: u32 = 26;

/// A list of breached passwords.
#[derive(Debug, PartialEq, Eq)]
pub struct BreachedList(Vec<u8>);

impl BreachedList {
    /// Makes a list of `passwords`. A password that RFC 8265 refuses is left out, because users cannot choose it here.
    pub fn new<'a>(passwords: impl Iterator<Item = &'a str>) -> Self {
        let normal = passwords.filter_map(|password| Password::parse(password, 1).ok());
        let mut digests: Vec<u32> = normal.map(|password| digest(&password)).collect();
        digests.sort_unstable();
        digests.dedup();
        let mut bytes = Vec::new();
        write(u32::try_from(digests.len()).unwrap_or(u32::MAX), &mut bytes);
        let mut last = 0;
        for digest in digests {
            write(digest.wrapping_sub(last), &mut bytes);
            last = digest;
        }
        Self(bytes)
    }

    /// Takes the bytes of a list. Returns `None` if they are not a list, or not a whole one.
    #[must_use]
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        let list = Self(bytes);
        let count = numbers(&list.0).next()?;
        (count > 0 && list.digests().count() == usize::try_from(count).ok()?).then_some(list)
    }

    /// The bytes of the list.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `password` is on the list in any letter case or width. A password that is on it is always found.
    #[must_use]
    pub fn contains(&self, password: &Password) -> bool {
        let wanted = digest(password);
        self.digests().find(|&digest| digest >= wanted) == Some(wanted)
    }

    fn digests(&self) -> impl Iterator<Item = u32> {
        let distances = numbers(&self.0).skip(1);
        distances.scan(0_u32, |digest, distance| {
            *digest = digest.saturating_add(distance);
            Some(*digest)
        })
    }
}

/// The numbers that are encoded in `bytes`.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (mut number, mut shift) = (0_u32, 0_u32);
    bytes.iter().filter_map(move |byte| {
        number |= u32::from(byte & !MORE).checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(7);
        (byte & MORE == 0).then(|| {
            shift = 0;
            std::mem::take(&mut number)
        })
    })
}

/// The bit of a byte which says that the number continues in the next byte
/// ([LEB128](https://en.wikipedia.org/wiki/LEB128)).
const MORE: u8 = 0x80;

fn write(mut number: u32, bytes: &mut Vec<u8>) {
    loop {
        let [low, ..] = (number & 0x7F).to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | MORE);
    }
}

/// The kept bits of a password's digest, which are the same in any letter case or width. MD5 spreads passwords as
/// evenly as any other digest, and is in the Worker already. The list does not depend on the strength of MD5.
fn digest(password: &Password) -> u32 {
    let folded = Bounded::new(password.as_str(), Bounded::MAX).map(unicode::nfkc_casefold);
    let [a, b, c, d, ..]: [u8; 16] = Md5::digest(folded.unwrap_or_default()).into();
    u32::from_be_bytes([a, b, c, d]) >> (u32::BITS - BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The list that `make breached-list` puts into KV.
    fn shipped() -> BreachedList {
        BreachedList::parse(include_bytes!("../../../data/breached-passwords").to_vec()).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(text, 1).unwrap()
    }

    #[test]
    fn the_shipped_list_has_the_most_common_passwords_within_40_kb() {
        let list = shipped();
        for known in [
            "123456",
            "password",
            "PassWord",
            "ＱＷＥＲＴＹ",
            "654321",
            "aaaaaa",
            "qwerty123",
            "пароль",
            "pontiac1",
        ] {
            assert!(list.contains(&password(known)), "{known}");
        }
        for unknown in ["correct horse", "Tr0ub4dor&3", "пароль-x"] {
            assert!(!list.contains(&password(unknown)), "{unknown}");
        }
        assert!(
            list.digests().count() == 19_639 && list.as_bytes().len() <= 40_000,
            "{}",
            list.as_bytes().len()
        );
    }

    #[test]
    fn its_false_positives_are_as_rare_as_stated() {
        let list = shipped();
        let digests: std::collections::HashSet<u32> = list.digests().collect();
        let nobodys = |n: u32| password(&format!("{n}th password of nobody"));
        let found = (0..200_000).filter(|n| digests.contains(&digest(&nobodys(*n)))).count();
        // One in 3,417 is 59, with a standard deviation of 8. The bounds are three deviations away.
        assert!((35..=83).contains(&found), "{found}");
        // The set gives the same answers as the list, and is faster.
        for n in 0..100 {
            let password = nobodys(n);
            assert_eq!(list.contains(&password), digests.contains(&digest(&password)));
        }
    }

    #[test]
    fn bytes_that_are_not_a_list_are_refused() {
        let list = shipped().as_bytes().to_vec();
        let cut = list.split_last().unwrap().1;
        for bytes in
            [[].as_slice(), b"123456\npassword\n", &[0x80], &[0x00], &[0x02, 0x05], &[0x02, 0x05, 0x85], cut]
        {
            assert_eq!(BreachedList::parse(bytes.to_vec()), None);
        }
        assert!(BreachedList::parse(vec![0x02, 0x85, 0x01, 0x05]).is_some());
    }

    #[test]
    fn a_number_has_seven_bits_in_each_byte_the_lowest_first() {
        for (number, expected) in [
            (0, [0].as_slice()),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 0x01]),
            (300, &[0xac, 0x02]),
            (u32::MAX, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut bytes = Vec::new();
            write(number, &mut bytes);
            assert_eq!(bytes, expected, "{number}");
        }
    }

    #[test]
    fn a_list_is_given_as_the_bytes_that_it_was_read_from() {
        let bytes = [0x02, 0x85, 0x01, 0x05];
        assert_eq!(BreachedList::parse(bytes.to_vec()).unwrap().as_bytes(), bytes);
    }

    proptest! {
        #[test]
        fn what_is_put_on_a_list_is_found(passwords in proptest::collection::vec("[ -~]{1,12}", 1..60)) {
            let list = BreachedList::new(passwords.iter().map(String::as_str));
            let parsed = BreachedList::parse(list.as_bytes().to_vec());
            prop_assert_eq!(parsed.as_ref(), Some(&list));
            for text in &passwords {
                prop_assert!(list.contains(&password(text)) && list.contains(&password(&text.to_uppercase())));
            }
        }

        #[test]
        fn any_bytes_are_a_list_or_none(bytes in any::<Vec<u8>>()) {
            if let Some(list) = BreachedList::parse(bytes) {
                let _ = list.contains(&password("password"));
            }
        }
    }
}
