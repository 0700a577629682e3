//! The challenges of proof of work, and whether a solution solves one.
//!
//! It owns the form of challenges and solutions. It must not know what a solution is asked for, nor SQL, nor HTTP.
//!
//! A challenge is `<signature>.<id>.<expiry>`: the HMAC-SHA-256 ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104))
//! of the rest of the challenge, in hexadecimal digits, a UUID, and seconds since 1970. Because of the signature, an
//! issued challenge need not be stored. A solution is a challenge, a colon and a nonce, and the SHA-256 of this whole
//! text begins with zero bits, as in [Hashcash](http://www.hashcash.org/hashcash.pdf).
//!
//! A challenge is not bound to an address. A phone changes networks while it works, and a browser may ask over IPv6
//! and sign up over IPv4. Besides, an address would not stop a client that has the work done elsewhere, because the
//! solution can be sent back to it.

use base16ct::lower;
use ctutils::CtEq;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::setting::ConfigError;

const BITS: &str = "PROOF_OF_WORK";
const SECRET: &str = "CHALLENGE_SECRET";

/// The most zero bits. At a million hashes a second, 2^26 hashes take a minute, and with bad luck five minutes: half of
/// [`VALID_SECONDS`].
const MAX_BITS: u32 = 26;

/// The fewest bytes of the secret: as many as the signature has, because a shorter key would weaken the signature
/// ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104#section-3)).
const SECRET_MIN_BYTES: usize = 32;

/// How long a challenge is valid: long enough for a slow phone, or to solve it while the user fills in the form; short
/// enough that a client cannot hoard many.
pub const VALID_SECONDS: u64 = 600;

/// The longest solution, in bytes. A challenge has about 112 bytes; the rest is more than any nonce needs.
const SOLUTION_MAX_BYTES: usize = 256;

/// Issues challenges and judges their solutions.
pub struct Challenges {
    bits: u32,
    signer: Hmac<Sha256>,
}

/// A challenge whose solution was found good.
#[derive(Debug, PartialEq, Eq)]
pub struct Solved<'a> {
    /// The challenge as it was issued. Only its client has it.
    pub challenge: &'a str,
    /// A UUID that no other challenge has.
    pub id: &'a str,
    /// When the challenge expires, in seconds since 1970.
    pub expires_at: u64,
}

/// Why a solution is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolutionError {
    /// The solution is not of its form, or its challenge was not signed here.
    Invalid,
    /// The solution's challenge is no longer valid.
    Expired,
    /// The solution's SHA-256 begins with too few zero bits.
    Unsolved,
}

impl Challenges {
    /// Reads `PROOF_OF_WORK`, the zero bits to ask for, and `CHALLENGE_SECRET`, the key of the signatures. Returns
    /// `None` if `PROOF_OF_WORK` is not set.
    ///
    /// # Errors
    /// [`ConfigError`], which never shows the secret.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let Some(bits) = lookup(BITS) else { return Ok(None) };
        let Ok(bits @ 1..=MAX_BITS) = bits.parse() else {
            let expected = format!("a whole number of bits, 1 to {MAX_BITS}");
            return Err(ConfigError::must_be(BITS, &bits, &expected));
        };
        let secret = lookup(SECRET).filter(|secret| secret.len() >= SECRET_MIN_BYTES);
        let signer = secret.and_then(|secret| Hmac::new_from_slice(secret.as_bytes()).ok());
        match signer {
            Some(signer) => Ok(Some(Self { bits, signer })),
            None => Err(ConfigError::new(format!(
                "{SECRET} must be set, to at least {SECRET_MIN_BYTES} bytes: {BITS} needs it"
            ))),
        }
    }

    /// The zero bits that a challenge asks for.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// A new challenge with the UUID `id`, valid from `now` on, in seconds since 1970.
    #[must_use]
    pub fn issue(&self, id: &str, now: u64) -> String {
        let signed = format!("{id}.{}", now.saturating_add(VALID_SECONDS));
        format!("{}.{signed}", self.sign(&signed))
    }

    /// The signature of `text`: 64 hexadecimal digits, which cannot be made without the secret.
    fn sign(&self, text: &str) -> String {
        lower::encode_string(&self.signer.clone().chain_update(text).finalize().into_bytes())
    }

    /// Takes `<challenge>:<nonce>`, of at most 256 bytes, if it is a valid solution at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// [`SolutionError`]: the form and the signature are judged first, then the time, then the work.
    pub fn judge<'a>(&self, solution: &'a str, now: u64) -> Result<Solved<'a>, SolutionError> {
        // The length is checked before any hash, because a header can be hundreds of times as long.
        if solution.len() > SOLUTION_MAX_BYTES {
            return Err(SolutionError::Invalid);
        }
        let solved = self.signed(solution).ok_or(SolutionError::Invalid)?;
        if solved.expires_at < now {
            return Err(SolutionError::Expired);
        }
        if leading_zeros(solution) < self.bits {
            return Err(SolutionError::Unsolved);
        }
        Ok(solved)
    }

    /// The challenge of a solution, if it was signed here.
    fn signed<'a>(&self, solution: &'a str) -> Option<Solved<'a>> {
        let (challenge, _nonce) = solution.split_once(':')?;
        let (signature, signed) = challenge.split_once('.')?;
        let (id, expires_at) = signed.split_once('.')?;
        let solved = Solved { challenge, id, expires_at: expires_at.parse().ok()? };
        // The comparison takes constant time, so its duration tells nothing about the right signature.
        self.sign(signed).as_bytes().ct_eq(signature.as_bytes()).to_bool().then_some(solved)
    }
}

/// How many zero bits the SHA-256 of `text` begins with, counted up to 32.
fn leading_zeros(text: &str) -> u32 {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text));
    u32::from_be_bytes([a, b, c, d]).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "695a5522-b30e-4108-a5a2-60d0985c1ad6";
    const NOW: u64 = 1_795_300_000;
    const KEY: &str = "a secret of exactly 32 bytes, ok";

    /// Enough nonces for any work that these tests do, and few enough that a search without a find soon ends.
    const TRIES: u32 = 100_000;

    fn read(bits: Option<&str>, secret: Option<&str>) -> Result<Option<Challenges>, ConfigError> {
        Challenges::read(|name| if name == BITS { bits } else { secret }.map(ToOwned::to_owned))
    }

    fn challenges(bits: &str) -> Challenges {
        read(Some(bits), Some(KEY)).unwrap().unwrap()
    }

    /// A solution of `challenge` with exactly `bits` zero bits.
    fn solve(challenge: &str, bits: u32) -> String {
        let mut solutions = (0..TRIES).map(|nonce| format!("{challenge}:{nonce}"));
        solutions.find(|solution| leading_zeros(solution) == bits).unwrap()
    }

    #[test]
    fn a_challenge_and_a_solution_made_in_python_are_accepted() {
        // By hmac.new(secret, signed, "sha256").hexdigest(), and hashlib.sha256 for 12 bits.
        let challenge = "c61e989beaaf2dd6b0c3b84de210324ebcb520890bc8338d34dbb09604abd286.695a5522-b30e-4108-a5a2-60d0985c1ad6.1795300600";
        assert_eq!(challenges("12").issue(ID, NOW), challenge);
        let solution = format!("{challenge}:850");
        assert_eq!(leading_zeros(&solution), 12);
        let solved = Solved { challenge, id: ID, expires_at: 1_795_300_600 };
        assert_eq!(challenges("12").judge(&solution, NOW), Ok(solved));
    }

    #[test]
    fn a_challenge_is_good_for_its_time() {
        let challenges = challenges("1");
        let solution = solve(&challenges.issue(ID, NOW), 1);
        for (seconds, expected) in [(0, true), (600, true), (601, false), (1_000_000, false)] {
            let judged = challenges.judge(&solution, NOW + seconds);
            assert_eq!(judged.is_ok(), expected, "{seconds}");
            assert!(judged.is_ok() || judged == Err(SolutionError::Expired));
        }
    }

    #[test]
    fn the_work_is_at_least_what_is_asked_for_now() {
        let challenge = challenges("1").issue(ID, NOW);
        for (done, asked, expected) in [(7, "8", false), (8, "8", true), (9, "8", true), (0, "1", false)] {
            let judged = challenges(asked).judge(&solve(&challenge, done), NOW).map(|_| ());
            assert_eq!(
                judged,
                if expected { Ok(()) } else { Err(SolutionError::Unsolved) },
                "{done} of {asked}"
            );
        }
    }

    #[test]
    fn what_was_not_signed_here_is_invalid() {
        let challenge = challenges("1").issue(ID, NOW);
        let (signature, signed) = challenge.split_once('.').unwrap();
        for text in [
            "",
            ":",
            ".",
            "..:",
            &challenge,
            &format!("{signed}:1"),
            &format!(".{signed}:1"),
            &format!("{signature}:1"),
            &format!("{signature}.{ID}:1"),
            &format!("{signature}.:1"),
            &format!("{}.{signed}:1", signature.to_uppercase()),
            &format!("{}.{signed}:1", "0".repeat(64)),
            &format!("{signature}0.{signed}:1"),
            &format!("{signature}.{signed}0:1"),
            &format!("{signature}.{signed}.:1"),
            &format!(" {challenge}:1"),
        ] {
            assert_eq!(challenges("1").judge(text, NOW), Err(SolutionError::Invalid), "{text}");
        }
        let other = read(Some("1"), Some(&KEY.replace('a', "b"))).unwrap().unwrap();
        assert_eq!(other.judge(&solve(&challenge, 1), NOW), Err(SolutionError::Invalid));
    }

    #[test]
    fn a_solution_has_at_most_256_bytes() {
        let challenges = challenges("1");
        let challenge = challenges.issue(ID, NOW);
        let judged = |bytes: usize| {
            let nonces = (0..TRIES).map(|n| format!("{n:0>width$}", width = bytes - challenge.len() - 1));
            let mut solutions = nonces.map(|nonce| format!("{challenge}:{nonce}"));
            let solution = solutions.find(|solution| leading_zeros(solution) > 0).unwrap();
            assert_eq!(solution.len(), bytes);
            challenges.judge(&solution, NOW).map(|solved| solved.id.to_owned())
        };
        assert_eq!(judged(256), Ok(ID.to_owned()));
        for bytes in [257, 10_000] {
            assert_eq!(judged(bytes), Err(SolutionError::Invalid), "{bytes}");
        }
    }

    #[test]
    fn the_settings_make_sense_or_are_refused_by_name() {
        assert!(read(None, None).unwrap().is_none());
        assert!(read(None, Some("short")).unwrap().is_none());
        for bits in ["1", "20", "26"] {
            assert!(read(Some(bits), Some(KEY)).unwrap().is_some());
        }
        for bits in ["", "0", "27", "-1", "20.5", " 20", "twenty", "99999999999"] {
            let error = read(Some(bits), Some(KEY)).err().unwrap().to_string();
            assert!(error.starts_with("PROOF_OF_WORK is ") && error.contains("1 to 26"), "{error}");
        }
        let short = KEY.trim_end_matches('k');
        for secret in [None, Some(""), Some(short)] {
            let error = read(Some("20"), secret).err().unwrap().to_string();
            assert!(error.starts_with("CHALLENGE_SECRET must ") && !error.contains(short), "{error}");
        }
    }

    #[test]
    fn the_bits_of_the_setting_are_told() {
        for (setting, bits) in [("1", 1), ("20", 20), ("26", 26)] {
            assert_eq!(challenges(setting).bits(), bits);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in any::<String>(), now in any::<u64>(), bits in 1..=MAX_BITS) {
            let challenges = challenges(&bits.to_string());
            for solution in [&text, &format!("{}:{text}", challenges.issue(&text, now))] {
                let _ = challenges.judge(solution, now);
            }
        }

        #[test]
        fn a_challenge_that_was_changed_anywhere_is_invalid(at in any::<prop::sample::Index>(), byte in 0_u8..128) {
            let challenges = challenges("1");
            let challenge = challenges.issue(ID, NOW);
            let mut changed = challenge.clone().into_bytes();
            let at = at.index(changed.len());
            prop_assume!(changed[at] != byte);
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            let solution = format!("{changed}:1");
            prop_assert_eq!(challenges.judge(&solution, NOW), Err(SolutionError::Invalid));
        }
    }
}
