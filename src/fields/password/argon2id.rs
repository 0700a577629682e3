//! Argon2id, version 0x13 ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)), in WebAssembly's vectors.
//!
//! The hash is nearly all of a sign-up's time. In V8 it takes 0.72 of the time of the C reference built with SIMD; the
//! `argon2` crate takes 1.25 of that time.
//!
//! This module owns the hash's inputs, the order in which blocks are filled, and how a block is computed from two
//! others. It must not know PHC strings, settings or where the memory comes from.

#![expect(
    clippy::inline_always,
    reason = "the Worker is compiled for size, and a call would cost more than the work of such a function"
)]

mod pair;
mod permutation;

use std::num::Wrapping;

use argon2::{Error, Params};
use blake2::{Blake2b256, Blake2b512, Digest};

use pair::{Pair, Rotator};
use permutation::{permute_columns, permute_rows};

/// The hash, in bytes.
pub const TAG_BYTES: usize = LENGTH as usize;

/// The constants that are hashed with the inputs: the tag's length, the version's number and Argon2id's number.
const LENGTH: u32 = 32;
const VERSION: u32 = 0x13;
const TYPE: u32 = 2;

/// 1,024 bytes of the memory: an 8 × 8 matrix of pairs of words. Of each four consecutive words, the first pair holds
/// the first and the third word, and the second pair holds the second and the fourth ([`permutation`] says why).
#[derive(Clone, Copy)]
#[repr(align(64))] // a line of the processor's cache
pub struct Block([Pair; 64]);

impl Block {
    /// A block of zeros, which the memory is filled with before and after a hash.
    pub const ZERO: Self = Self([pair::ZERO; 64]);

    #[cfg(test)]
    pub(crate) fn is_zero(&self) -> bool {
        self.words().all(|word| word == 0)
    }

    fn first_word(&self) -> u64 {
        let [word, _] = pair::words(self.0[0]);
        word
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        self.0.as_chunks().0.iter().flat_map(|[even, odd]: &[Pair; 2]| {
            let ([a, c], [b, d]) = (pair::words(*even), pair::words(*odd));
            [a, b, c, d]
        })
    }

    /// A block that begins with `words` and has zeros after them.
    fn new(words: impl IntoIterator<Item = [u64; 4]>) -> Self {
        let mut block = Self::ZERO;
        for ([even, odd], [a, b, c, d]) in block.0.as_chunks_mut().0.iter_mut().zip(words) {
            *even = pair::new([a, c]);
            *odd = pair::new([b, d]);
        }
        block
    }
}

/// Hashes `password` with `salt` and with `secret`, which may be empty, and returns the tag. `params` has the memory,
/// the passes, the lanes and the associated data; its output length is ignored. The lanes are filled one after the
/// other.
///
/// `memory` may hold any blocks before, and holds the filled ones afterwards. The caller has to wipe it.
///
/// # Errors
/// [`Error::MemoryTooLittle`]: `memory` has fewer blocks than [`Params::block_count`]. The other errors: an input has
/// 4 GiB or more.
pub fn hash(
    password: &[u8],
    salt: &[u8],
    secret: &[u8],
    params: &Params,
    memory: &mut [Block],
) -> Result<[u8; TAG_BYTES], Error> {
    let seed = seed(password, salt, secret, params)?;
    let blocks = memory.get_mut(..params.block_count()).ok_or(Error::MemoryTooLittle)?;
    let (passes, lanes) = (params.t_cost() as usize, params.p_cost() as usize);
    // A lane has at least eight blocks, because `Params` takes no less.
    let lane = blocks.len().checked_div(lanes).ok_or(Error::ThreadsTooFew)?;
    let filling = Filling { blocks, passes, lanes, lane, segment: lane / 4, work: Work::new() };
    filling.run(&seed).ok_or(Error::MemoryTooLittle)
}

/// H0, the hash of all inputs (section 3.2).
fn seed(password: &[u8], salt: &[u8], secret: &[u8], params: &Params) -> Result<[u8; 64], Error> {
    let mut digest = Blake2b512::new();
    for number in [params.p_cost(), LENGTH, params.m_cost(), params.t_cost(), VERSION, TYPE] {
        digest.update(number.to_le_bytes());
    }
    for (input, too_long) in [
        (password, Error::PwdTooLong),
        (salt, Error::SaltTooLong),
        (secret, Error::SecretTooLong),
        (params.data(), Error::AdTooLong),
    ] {
        digest.update(u32::try_from(input.len()).map_err(|_| too_long)?.to_le_bytes());
        digest.update(input);
    }
    Ok(digest.finalize().into())
}

/// One of a lane's first two blocks: 1,024 bytes of H' (section 3.3). They are the first halves of a chain of hashes,
/// each the hash of the previous one, and the whole of the last hash.
fn first_block(seed: &[u8; 64], column: u32, lane: u32) -> Block {
    let mut bytes = [0; 1024];
    let mut hash = Blake2b512::new()
        .chain_update(1024_u32.to_le_bytes())
        .chain_update(seed)
        .chain_update(column.to_le_bytes())
        .chain_update(lane.to_le_bytes())
        .finalize();
    for start in (0..=960).step_by(32) {
        for (to, from) in bytes.iter_mut().skip(start).zip(&hash) {
            *to = *from;
        }
        hash = Blake2b512::digest(hash);
    }
    let words = bytes.as_chunks().0.as_chunks().0;
    Block::new(words.iter().map(|four| four.map(u64::from_le_bytes)))
}

/// The memory while it is filled (section 3.4). A lane has `lane` blocks, in four segments of `segment` blocks.
struct Filling<'a> {
    blocks: &'a mut [Block],
    passes: usize,
    lanes: usize,
    lane: usize,
    segment: usize,
    work: Work,
}

/// A segment in one of the passes.
#[derive(Clone, Copy)]
struct Segment {
    pass: usize,
    slice: usize,
    lane: usize,
}

impl Segment {
    /// In the first half of the first pass, the choice of the blocks that are read must not depend on the password.
    fn is_independent_of_data(self) -> bool {
        self.pass == 0 && self.slice < 2
    }

    /// The first segments of the first pass read only their own lane. The first two blocks of the lane exist already.
    fn is_first(self) -> bool {
        self.pass == 0 && self.slice == 0
    }
}

/// Here and below, `None` means an index out of range, which would be a mistake in this module.
impl Filling<'_> {
    fn run(mut self, seed: &[u8; 64]) -> Option<[u8; TAG_BYTES]> {
        for (n, lane) in (0..).zip(self.blocks.chunks_mut(self.lane)) {
            let [first, second, ..] = lane else { return None };
            *first = first_block(seed, 0, n);
            *second = first_block(seed, 1, n);
        }
        for pass in 0..self.passes {
            for slice in 0..4 {
                for lane in 0..self.lanes {
                    self.fill(Segment { pass, slice, lane })?;
                }
            }
        }
        let mut sum = Block::ZERO;
        for lane in self.blocks.chunks(self.lane) {
            for (pair, other) in sum.0.iter_mut().zip(&lane.last()?.0) {
                *pair = pair::xor(*pair, *other);
            }
        }
        let digest = Blake2b256::new().chain_update(LENGTH.to_le_bytes());
        let digest = sum.words().fold(digest, |digest, word| digest.chain_update(word.to_le_bytes()));
        Some(digest.finalize().into())
    }

    /// Fills a segment. This is a function of its own, because V8 compiles a function that runs long a second time, as
    /// a whole: it must not be a part of a large one.
    #[inline(never)]
    fn fill(&mut self, at: Segment) -> Option<()> {
        for (n, start) in (1..).zip((0..self.segment).step_by(128)) {
            let addresses = if at.is_independent_of_data() { self.addresses(at, n)? } else { Block::ZERO };
            for (index, address) in (start..self.segment).zip(addresses.words()) {
                if at.is_first() && index < 2 {
                    continue;
                }
                let column = at.slice.wrapping_mul(self.segment).wrapping_add(index);
                let previous =
                    self.place(at.lane, column.checked_sub(1).unwrap_or(self.lane.wrapping_sub(1)));
                let random = if at.is_independent_of_data() {
                    address
                } else {
                    self.blocks.get(previous)?.first_word()
                };
                let reference = self.reference(at, index, random)?;
                let blocks = [previous, reference, self.place(at.lane, column)];
                let [previous, reference, next] = self.blocks.get_disjoint_mut(blocks).ok()?;
                self.work.compress(previous, reference, next, at.pass > 0)?;
            }
        }
        Some(())
    }

    /// The `n`th block of 128 random words for a segment, counted from 1 (section 3.4.1.2).
    fn addresses(&mut self, at: Segment, n: u64) -> Option<Block> {
        let [pass, lane, slice, blocks, passes] =
            [at.pass, at.lane, at.slice, self.blocks.len(), self.passes].map(|number| number as u64);
        let input = Block::new([[pass, lane, slice, blocks], [passes, TYPE.into(), n, 0]]);
        let (mut once, mut twice) = (Block::ZERO, Block::ZERO);
        self.work.compress(&Block::ZERO, &input, &mut once, false)?;
        self.work.compress(&Block::ZERO, &once, &mut twice, false)?;
        Some(twice)
    }

    /// The index of the block that is mixed with the previous block, chosen by the halves of `random` (section 3.4.2).
    /// The block before the previous one is the most likely choice, and the oldest block the least.
    fn reference(&self, at: Segment, index: usize, random: u64) -> Option<usize> {
        let lane = if at.is_first() { at.lane } else { ((random >> 32) as usize).checked_rem(self.lanes)? };
        let (segment, index) = (Wrapping(self.segment), Wrapping(index));
        let one = Wrapping(1);
        let finished = segment * Wrapping(if at.pass == 0 { at.slice } else { 3 });
        let seen = if lane == at.lane {
            finished + index - one
        } else if index.0 == 0 {
            finished - one
        } else {
            finished
        };
        let oldest = if at.pass == 0 { Wrapping(0) } else { segment * Wrapping(at.slice) + segment };
        let x = random & 0xffff_ffff;
        let y = (seen.0 as u64).wrapping_mul(x.wrapping_mul(x) >> 32) >> 32;
        let Wrapping(column) = oldest + seen - one - Wrapping(usize::try_from(y).ok()?);
        Some(self.place(lane, column.checked_rem(self.lane)?))
    }

    fn place(&self, lane: usize, column: usize) -> usize {
        lane.wrapping_mul(self.lane).wrapping_add(column)
    }
}

/// The working memory for computing a block. It is kept, because to clear it for each block takes time.
struct Work {
    state: [Pair; 64],
    rotator: Rotator,
}

impl Work {
    fn new() -> Self {
        Self { state: Block::ZERO.0, rotator: Rotator::new() }
    }

    /// G (section 3.5): computes a block from `previous` and `reference`. With `mixed_in`, the block goes into `next`
    /// by XOR. Without it, the block replaces `next`. Between the rows and the columns, `next` holds the input, which
    /// G adds to its output.
    ///
    /// This is a function of its own, because V8 replaces its first, slow code by the fast code at a call.
    #[inline(never)]
    fn compress(
        &mut self,
        previous: &Block,
        reference: &Block,
        next: &mut Block,
        mixed_in: bool,
    ) -> Option<()> {
        let Self { state, rotator } = self;
        let inputs = previous.0.as_chunks().0.iter().zip(reference.0.as_chunks().0);
        let outputs = next.0.as_chunks_mut().0.iter_mut().zip(state.as_chunks_mut().0);
        for ((previous, reference), (next, state)) in inputs.zip(outputs) {
            if mixed_in {
                permute_rows::<true>(previous, reference, next, state, rotator);
            } else {
                permute_rows::<false>(previous, reference, next, state, rotator);
            }
        }
        for n in [0, 2, 4, 6] {
            let next = next.0.get_mut(n..)?.first_chunk_mut()?;
            permute_columns(state.get_mut(n..)?.first_chunk_mut()?, next, rotator);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn params(memory: u32, passes: u32, lanes: u32, data: &[u8]) -> Params {
        let mut builder = ParamsBuilder::new();
        builder.m_cost(memory).t_cost(passes).p_cost(lanes).data(AssociatedData::new(data).unwrap());
        builder.build().unwrap()
    }

    /// [Section 5.3](https://www.rfc-editor.org/rfc/rfc9106#section-5.3).
    #[test]
    fn the_example_of_rfc_9106() {
        let tag = hash(&[1; 32], &[2; 16], &[3; 8], &params(32, 3, 4, &[4; 12]), &mut vec![Block::ZERO; 32]);
        assert_eq!(
            tag.unwrap(),
            [
                0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53,
                0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01,
                0xe6, 0x59,
            ]
        );
    }

    #[test]
    fn memory_is_what_the_parameters_say_and_no_less() {
        let hash_in =
            |blocks| hash(b"", &[0; 8], b"", &params(35, 1, 4, &[]), &mut vec![Block::ZERO; blocks]);
        assert_eq!(hash_in(31), Err(Error::MemoryTooLittle));
        assert!(hash_in(32).is_ok());
        assert_eq!(hash_in(64), hash_in(32));
    }

    /// The example of the RFC has two blocks in a segment. Here a segment has more than one block of addresses gives,
    /// the memory is not a multiple of the lanes, and it holds something before.
    #[test]
    fn the_tag_of_many_blocks_in_used_memory() {
        for (lanes, passes) in [(1, 1), (4, 2)] {
            let params = params(2083, passes, lanes, b"data");
            let mut expected = [0; TAG_BYTES];
            Argon2::new_with_secret(b"secret", Algorithm::Argon2id, Version::V0x13, params.clone())
                .unwrap()
                .hash_password_into(b"password", b"some salt", &mut expected)
                .unwrap();
            let mut memory = vec![Block([pair::new([u64::MAX, 1]); 64]); params.block_count()];
            assert_eq!(hash(b"password", b"some salt", b"secret", &params, &mut memory), Ok(expected));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn the_tag_is_that_of_the_argon2_crate(
            bytes in any::<[u8; 5]>(),
            lengths in (0_usize..300, 8_usize..64, 0_usize..64, 0_usize..=32),
            (lanes, passes) in (1_u32..=4, 1_u32..=3),
            more_memory in prop_oneof![99 => 0_u32..30, 1 => 0_u32..2000],
        ) {
            let [password, salt, secret, data, _] = bytes.map(|byte| vec![byte; 300]);
            let [password, salt] = [&password[..lengths.0], &salt[..lengths.1]];
            let [secret, data] = [&secret[..lengths.2], &data[..lengths.3]];
            let params = params(lanes.wrapping_mul(8).wrapping_add(more_memory), passes, lanes, data);
            let mut expected = [0; TAG_BYTES];
            Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params.clone())
                .unwrap()
                .hash_password_into(password, salt, &mut expected)
                .unwrap();
            let mut memory = vec![Block([pair::new([bytes[4].into(); 2]); 64]); params.block_count()];
            prop_assert_eq!(hash(password, salt, secret, &params, &mut memory), Ok(expected));
        }
    }
}
