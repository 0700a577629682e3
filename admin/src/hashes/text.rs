//! The parts of a hash's text: numbers, Base64, and the pair of a salt and a hash.

use base64ct::{Base64Unpadded, Encoding};
use ctutils::CtEq;

use super::{HashError, VerifyError};

/// A salt, and the hash that was made with it.
pub struct Salted {
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Salted {
    /// Takes a salt of 1 to 64 bytes and a hash of 16 to 64 bytes.
    ///
    /// # Errors
    /// [`HashError::Lengths`]: one of them has another length.
    pub fn new(salt: Vec<u8>, hash: Vec<u8>) -> Result<Self, HashError> {
        if (1..=64).contains(&salt.len()) && (16..=64).contains(&hash.len()) {
            Ok(Self { salt, hash })
        } else {
            Err(HashError::Lengths)
        }
    }

    /// The salt's length.
    pub fn salt_len(&self) -> usize {
        self.salt.len()
    }

    /// The hash's length.
    pub fn hash_len(&self) -> usize {
        self.hash.len()
    }

    /// Whether `derive`, which is given the salt and writes a hash, makes the same hash. The comparison takes the same
    /// time for every hash.
    ///
    /// # Errors
    /// [`VerifyError`], that of `derive`.
    pub fn verify(
        &self,
        derive: impl FnOnce(&[u8], &mut [u8]) -> Result<(), VerifyError>,
    ) -> Result<bool, VerifyError> {
        let mut hash = vec![0; self.hash.len()];
        derive(&self.salt, &mut hash)?;
        Ok(hash.ct_eq(&self.hash).to_bool())
    }
}

/// Reads a whole number of at most 32 bits in its shortest decimal form.
pub fn number(text: &str) -> Option<u32> {
    let shortest = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| shortest)
}

/// Reads the numbers of a text such as `ln=14,r=8`, which has these `names` in this order. Each is as [`number`] reads
/// it.
pub fn numbers<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut parts = text.split(',');
    let mut numbers = [0; N];
    for (to, name) in numbers.iter_mut().zip(names) {
        *to = number(parts.next()?.strip_prefix(name)?.strip_prefix('=')?)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Reads the Base64 of PHC strings: that of [RFC 4648](https://www.rfc-editor.org/rfc/rfc4648#section-4) without
/// padding.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    Base64Unpadded::decode_vec(text).ok()
}

/// Reads the Base64 of any system ([RFC 4648](https://www.rfc-editor.org/rfc/rfc4648)): with padding or without, with
/// `-` or `.` for `+`, and with `_` for `/`.
pub fn any_base64(text: &str) -> Option<Vec<u8>> {
    base64(&text.trim_end_matches('=').replace(['-', '.'], "+").replace('_', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_shortest_form() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("4294967295"), Some(u32::MAX));
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "4294967296", "99999999999999999999", "١"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_have_their_names_and_their_order() {
        let read = |text| numbers(text, ["ln", "r"]);
        assert_eq!(read("ln=14,r=8"), Some([14, 8]));
        for text in [
            "",
            "ln=14",
            "ln=14,",
            "r=8,ln=14",
            "ln=14,r=8,p=1",
            "ln=14,r=8,",
            "ln14,r8",
            "ln=14, r=8",
            "ln=,r=8",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_base64_of_each_system() {
        let bytes = vec![0xfb, 0xef, 0xff, 0xfe];
        for text in ["++///g", "++///g==", "--___g==", "..///g", "-.+__g"] {
            let expected = (text != "-.+__g").then(|| bytes.clone());
            assert_eq!(any_base64(text).filter(|read| read == &bytes), expected, "{text}");
        }
        assert_eq!(base64("++///g"), Some(bytes));
        for text in ["++///g==", "--___g", "..///g", "++///h", "+", "é"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn a_salt_and_a_hash_have_their_lengths() {
        let new = |salt, hash| Salted::new(vec![1; salt], vec![2; hash]).err();
        for (salt, hash) in [(1, 16), (64, 64)] {
            assert_eq!(new(salt, hash), None);
        }
        for (salt, hash) in [(0, 16), (65, 16), (1, 15), (1, 65)] {
            assert_eq!(new(salt, hash), Some(HashError::Lengths));
        }
    }

    #[test]
    fn the_whole_hash_is_compared() {
        let salted = Salted::new(vec![1; 8], vec![2; 16]).unwrap();
        for n in 0..=16 {
            let verified = salted.verify(|salt, hash| {
                assert_eq!(salt, [1; 8]);
                hash.fill(2);
                hash.iter_mut().skip(n).take(1).for_each(|byte| *byte = 3);
                Ok(())
            });
            assert_eq!(verified, Ok(n == 16));
        }
    }
}
