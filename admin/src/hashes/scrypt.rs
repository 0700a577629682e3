//! scrypt ([RFC 7914](https://www.rfc-editor.org/rfc/rfc7914)) as a PHC string, which is also passlib's form
//! (`$scrypt$ln=16,r=8,p=1$salt$hash`), or as Django's (`scrypt$N$salt$r$p$hash`, whose salt is a text).

use edge_signup::fields::password::release_memory;

use super::text::{Salted, any_base64, number, numbers};
use super::{HashError, VerifyError};

const FORM: HashError = HashError::Malformed(
    "$scrypt$ln=LOG2N,r=R,p=P$SALT$HASH with salt and hash in Base64, or scrypt$N$SALT$R$P$HASH",
);

/// N × r, in blocks of 128 bytes: 64 MiB, because a Worker has 128 MB of memory in all.
const MAX_BLOCKS: u64 = 1 << 19;
/// N × r × p: the work.
const MAX_WORK: u64 = 1 << 20;
const MAX_R: u32 = 32;
const MAX_P: u32 = 16;
const TOO_COSTLY: HashError = HashError::TooCostly(
    "scrypt may use at most 64 MiB (N × r × 128 bytes), N × r × p may be at most 1048576, r at most 32 and p at most 16",
);

/// The cost of scrypt.
#[derive(Clone, Copy)]
pub struct Cost {
    params: ::scrypt::Params,
    /// The bytes of memory.
    memory: usize,
}

impl Cost {
    /// The cost of N = 2^`log_n`, r and p; `None` if one of them is zero.
    ///
    /// # Errors
    /// [`HashError::TooCostly`]: the cost is over one of the limits, which are those of the error's text.
    pub fn new(log_n: u32, r: u32, p: u32) -> Result<Option<Self>, HashError> {
        if [log_n, r, p].contains(&0) {
            return Ok(None);
        }
        let n = 1_u64.checked_shl(log_n).ok_or(TOO_COSTLY)?;
        let [wide_r, wide_p] = [r, p].map(u64::from);
        let blocks = n.saturating_mul(wide_r);
        if blocks > MAX_BLOCKS || blocks.saturating_mul(wide_p) > MAX_WORK || r > MAX_R || p > MAX_P {
            return Err(TOO_COSTLY);
        }
        // N blocks of r, and one for each of the p and for the step between two of them.
        let memory = n.saturating_add(wide_p).saturating_add(1).saturating_mul(wide_r).saturating_mul(128);
        let log_n = u8::try_from(log_n).map_err(|_| TOO_COSTLY)?;
        let params = ::scrypt::Params::new(log_n, r, p).map_err(|_| TOO_COSTLY)?;
        Ok(Some(Self { params, memory: usize::try_from(memory).map_err(|_| TOO_COSTLY)? }))
    }

    /// Writes the hash of `password` with `salt` into `hash`.
    ///
    /// # Errors
    /// [`VerifyError::Failed`]: there is too little memory, or `hash` has a length that scrypt does not take.
    pub fn derive(self, password: &[u8], salt: &[u8], hash: &mut [u8]) -> Result<(), VerifyError> {
        release_memory();
        // scrypt panics where it cannot allocate its memory, so that is tried before.
        Vec::<u8>::new().try_reserve_exact(self.memory).map_err(|error| VerifyError::failed(&error))?;
        ::scrypt::scrypt(password, salt, &self.params, hash).map_err(|error| VerifyError::failed(&error))
    }
}

/// A hash of scrypt.
pub struct ScryptHash {
    cost: Cost,
    salted: Salted,
}

impl ScryptHash {
    pub(super) fn parse(fields: &[&str]) -> Result<Self, HashError> {
        let ([log_n, r, p], salt, hash) = match *fields {
            ["", _, params, salt, hash] => {
                (numbers(params, ["ln", "r", "p"]).ok_or(FORM)?, any_base64(salt).ok_or(FORM)?, hash)
            }
            [_, n, salt, r, p, hash] => {
                let [n, r, p] = [n, r, p].map(number);
                let n = n.filter(|n| n.is_power_of_two()).ok_or(FORM)?;
                ([n.ilog2(), r.ok_or(FORM)?, p.ok_or(FORM)?], salt.into(), hash)
            }
            _ => return Err(FORM),
        };
        let cost = Cost::new(log_n, r, p)?.ok_or(FORM)?;
        Ok(Self { cost, salted: Salted::new(salt, any_base64(hash).ok_or(FORM)?)? })
    }

    pub(super) fn verify(&self, password: &str) -> Result<bool, VerifyError> {
        self.salted.verify(|salt, hash| self.cost.derive(password.as_bytes(), salt, hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashes::{Secrets, StoredHash};
    use proptest::prelude::*;

    const REST: &str = "c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA";

    fn error(params: &str) -> Option<HashError> {
        StoredHash::parse(&format!("$scrypt${params}${REST}")).err()
    }

    #[test]
    fn the_cost_has_limits() {
        for params in ["ln=1,r=1,p=1", "ln=16,r=8,p=2", "ln=19,r=1,p=2", "ln=14,r=32,p=2", "ln=10,r=8,p=16"] {
            assert_eq!(error(params), None, "{params}");
        }
        for params in [
            "ln=17,r=8,p=1",
            "ln=20,r=1,p=1",
            "ln=16,r=8,p=3",
            "ln=15,r=8,p=5",
            "ln=1,r=33,p=1",
            "ln=1,r=1,p=17",
            "ln=63,r=1,p=1",
            "ln=64,r=1,p=1",
            "ln=4294967295,r=4294967295,p=4294967295",
        ] {
            assert_eq!(error(params), Some(TOO_COSTLY), "{params}");
        }
    }

    #[test]
    fn the_memory_is_that_of_the_cost() {
        assert_eq!(Cost::new(16, 8, 1).unwrap().unwrap().memory, 64 * 1024 * 1024 + 2 * 1024);
        assert_eq!(Cost::new(1, 2, 3).unwrap().unwrap().memory, 6 * 2 * 128);
    }

    #[test]
    fn another_form_is_refused() {
        for params in [
            "",
            "ln=14",
            "ln=14,r=8",
            "r=8,ln=14,p=1",
            "ln=0,r=8,p=1",
            "ln=1,r=0,p=1",
            "ln=1,r=1,p=0",
            "16384",
        ] {
            assert_eq!(error(params), Some(FORM), "{params}");
        }
        for text in [
            "$scrypt$",
            "scrypt$",
            "$scrypt$ln=1,r=1,p=1$c2FsdHNhbHQ",
            "$scrypt$ln=1,r=1,p=1$?$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=1,r=1,p=1$c2FsdHNhbHQ$?",
            "scrypt$3$salt$8$1$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$0$salt$8$1$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$1$salt$8$1$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$16$salt$8$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$16$salt$r$p$AAAAAAAAAAAAAAAAAAAAAA==",
        ] {
            assert_eq!(StoredHash::parse(text).err(), Some(FORM), "{text}");
        }
        for text in ["$scrypt$ln=1,r=1,p=1$$AAAAAAAAAAAAAAAAAAAAAA", "scrypt$16$salt$8$1$AAAA"] {
            assert_eq!(StoredHash::parse(text).err(), Some(HashError::Lengths), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_hash_that_is_taken_can_be_computed_at_a_bounded_cost(
            log_n in prop_oneof![0_u32..24, any::<u32>()],
            r in prop_oneof![0_u32..40, any::<u32>()],
            p in prop_oneof![0_u32..20, any::<u32>()],
        ) {
            if let Ok(hash) = StoredHash::parse(&format!("$scrypt$ln={log_n},r={r},p={p}${REST}")) {
                prop_assert!(log_n < 20 && (r << log_n) <= 1 << 19 && (r << log_n).saturating_mul(p) <= 1 << 20);
                if log_n < 8 {
                    prop_assert_eq!(hash.verify("secret", &Secrets::new(vec![], None)), Ok(false));
                }
            }
        }
    }
}
