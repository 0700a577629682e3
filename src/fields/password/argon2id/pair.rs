//! Operations on two 64-bit words at a time.
//!
//! It owns the type of a pair: a WebAssembly vector in the Worker, and an array on the host. It must not know what is
//! computed.

#[cfg(not(target_arch = "wasm32"))]
pub use host::*;
#[cfg(target_arch = "wasm32")]
pub use simd::*;

#[cfg(target_arch = "wasm32")]
mod simd {
    use core::arch::wasm32::{
        i8x16_relaxed_swizzle, u8x16, u32x4_shuffle, u64x2, u64x2_add, u64x2_extmul_high_u32x4,
        u64x2_extmul_low_u32x4, u64x2_extract_lane, u64x2_shl, u64x2_shr, u64x2_shuffle, v128, v128_or,
        v128_xor,
    };
    use std::hint::black_box;

    pub type Pair = v128;

    pub const ZERO: Pair = u64x2(0, 0);

    #[inline(always)]
    pub const fn new([first, second]: [u64; 2]) -> Pair {
        u64x2(first, second)
    }

    #[inline(always)]
    pub fn words(x: Pair) -> [u64; 2] {
        [u64x2_extract_lane::<0>(x), u64x2_extract_lane::<1>(x)]
    }

    #[inline(always)]
    pub fn xor(x: Pair, y: Pair) -> Pair {
        v128_xor(x, y)
    }

    #[inline(always)]
    pub fn add(x: Pair, y: Pair) -> Pair {
        u64x2_add(x, y)
    }

    /// Exchanges the two words.
    #[inline(always)]
    pub fn swap(x: Pair) -> Pair {
        u64x2_shuffle::<1, 0>(x, x)
    }

    /// Multiplies the low halves of the words. The halves of two pairs are first brought together in one vector, so
    /// that LLVM multiplies them as halves. In a vector for each pair LLVM would see whole words with a mask, whose
    /// product takes eight instructions.
    #[inline(always)]
    pub fn products(x: [Pair; 2], y: [Pair; 2]) -> [Pair; 2] {
        let x = u32x4_shuffle::<0, 2, 4, 6>(x[0], x[1]);
        let y = u32x4_shuffle::<0, 2, 4, 6>(y[0], y[1]);
        [u64x2_extmul_low_u32x4(x, y), u64x2_extmul_high_u32x4(x, y)]
    }

    /// The orders of bytes for rotations by whole bytes: one instruction rotates, and takes the order from a vector. If
    /// the compiler knew the order, V8 would build the vector each time, with five instructions.
    pub struct Rotator {
        by_24: v128,
        by_16: v128,
    }

    impl Rotator {
        #[inline(always)]
        pub fn new() -> Self {
            Self {
                by_24: black_box(u8x16(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10)),
                by_16: black_box(u8x16(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9)),
            }
        }
    }

    /// Rotates each word to the right, by 32, 24, 16 or 63 bits.
    #[inline(always)]
    pub fn rotate_right<const BITS: u32>(x: Pair, rotator: &Rotator) -> Pair {
        match BITS {
            32 => u32x4_shuffle::<1, 0, 3, 2>(x, x),
            24 => i8x16_relaxed_swizzle(x, rotator.by_24),
            16 => i8x16_relaxed_swizzle(x, rotator.by_16),
            _ => v128_or(u64x2_shr(x, BITS), u64x2_shl(x, 64_u32.wrapping_sub(BITS))),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    pub type Pair = [u64; 2];

    pub const ZERO: Pair = [0; 2];

    pub const fn new(words: [u64; 2]) -> Pair {
        words
    }

    pub fn words(x: Pair) -> [u64; 2] {
        x
    }

    pub fn xor(x: Pair, y: Pair) -> Pair {
        [x[0] ^ y[0], x[1] ^ y[1]]
    }

    pub fn add(x: Pair, y: Pair) -> Pair {
        [x[0].wrapping_add(y[0]), x[1].wrapping_add(y[1])]
    }

    pub fn swap(x: Pair) -> Pair {
        [x[1], x[0]]
    }

    pub fn products(x: [Pair; 2], y: [Pair; 2]) -> [Pair; 2] {
        let product = |x: u64, y: u64| (x & 0xffff_ffff).wrapping_mul(y & 0xffff_ffff);
        [
            [product(x[0][0], y[0][0]), product(x[0][1], y[0][1])],
            [product(x[1][0], y[1][0]), product(x[1][1], y[1][1])],
        ]
    }

    pub struct Rotator;

    impl Rotator {
        pub fn new() -> Self {
            Self
        }
    }

    pub fn rotate_right<const BITS: u32>(x: Pair, _: &Rotator) -> Pair {
        x.map(|word| word.rotate_right(BITS))
    }
}
