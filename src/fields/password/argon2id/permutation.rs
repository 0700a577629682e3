//! P, the permutation inside Argon2id's G ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106#section-3.6)), on two
//! rows or two columns of a block at a time.
//!
//! It owns the order of P's steps. It must not know what a block is for.
//!
//! A single P would spend most of its time waiting for its own results: each step needs the result of the previous
//! step, and the processor does not look far enough ahead to find the steps of the next P. So two Ps are computed in
//! turn, step by step. LLVM would put them one after the other again. A fence after each step prevents this, because a
//! step begins with a read from memory and ends with a write; V8 keeps the order that LLVM chose. The result does not
//! depend on the fences, but the speed does.
//!
//! A vector holds words 0 and 2, or words 1 and 3, of four consecutive words. In this layout, P on a row brings the
//! diagonals into columns by exchanging the two words of four vectors. In P on two columns, each vector has a word of
//! one P and a word of the other, so the diagonals are the same vectors under other names.

#![expect(clippy::many_single_char_names, reason = "the standard gives these names")]

use std::sync::atomic::{Ordering, compiler_fence};

use super::pair::{self, Pair, Rotator, swap, xor};

/// Two rows of a block.
pub type Rows = [Pair; 16];

/// The part of a block from the first to the last pair of two columns. The columns are every eighth pair of it, and the
/// pair after each.
pub type Columns = [Pair; 58];

/// Four words: a row of the 4 × 4 words of one P, or half such a row for each of two Ps.
type Half = [Pair; 2];

/// The compiler moves no access to memory across this point.
#[inline(always)]
fn fence() {
    compiler_fence(Ordering::SeqCst);
}

/// A quarter of GB: x becomes x + y + 2xy, where xy is the product of the low halves. Then x is mixed into z, and z is
/// rotated. Returns x and z.
#[inline(always)]
fn quarter<const BITS: u32>(x: Half, y: Half, z: Half, rotator: &Rotator) -> (Half, Half) {
    let [first, second] = pair::products(x, y);
    let add = |x, y, product| pair::add(pair::add(x, y), pair::add(product, product));
    let x = [add(x[0], y[0], first), add(x[1], y[1], second)];
    let mix = |x, z| pair::rotate_right::<BITS>(xor(z, x), rotator);
    (x, [mix(x[0], z[0]), mix(x[1], z[1])])
}

/// One step: a quarter of GB that writes x to memory and keeps z in its variable.
macro_rules! step {
    ($x:expr => $to:expr, $y:ident, $z:ident, $bits:literal, $rotator:ident) => {
        let (x, $z) = quarter::<$bits>($x, $y, $z, $rotator);
        $to = x;
        fence();
    };
}

/// P on two rows. The input is `previous` XOR `reference`. It is stored in `next`, or mixed into `next` by XOR if
/// `MIXED_IN`. The output is stored in `m`.
///
/// This and [`permute_columns`] are functions of their own: with addresses as parameters, each access has a constant
/// offset.
#[inline(never)]
pub fn permute_rows<const MIXED_IN: bool>(
    previous: &Rows,
    reference: &Rows,
    next: &mut Rows,
    m: &mut Rows,
    rotator: &Rotator,
) {
    macro_rules! input {
        ($n:literal) => {{
            let x = xor(previous[$n], reference[$n]);
            next[$n] = if MIXED_IN { xor(next[$n], x) } else { x };
            x
        }};
    }
    fence();
    // The parts of one row are a, b, c and d, those of the other e, f, g and h. Of these, a, c, e and g are in memory.
    let (b, d) = ([input!(2), input!(3)], [input!(6), input!(7)]);
    step!([input!(0), input!(1)] => [m[0], m[1]], b, d, 32, rotator);
    let (f, h) = ([input!(10), input!(11)], [input!(14), input!(15)]);
    step!([input!(8), input!(9)] => [m[8], m[9]], f, h, 32, rotator);
    step!([input!(4), input!(5)] => [m[4], m[5]], d, b, 24, rotator);
    step!([input!(12), input!(13)] => [m[12], m[13]], h, f, 24, rotator);
    step!([m[0], m[1]] => [m[0], m[1]], b, d, 16, rotator);
    step!([m[8], m[9]] => [m[8], m[9]], f, h, 16, rotator);
    step!([m[4], m[5]] => [m[4], m[5]], d, b, 63, rotator);
    let d = d.map(swap);
    step!([m[12], m[13]] => [m[12], m[13]], h, f, 63, rotator);
    let h = h.map(swap);
    // The diagonals: b stays, a moves by one to the right, c by one to the left and d by two. Then a is
    // [swap(m[1]), m[0]], and c is [m[5], swap(m[4])]. The vectors stay in these places until the last steps put them
    // back.
    step!([swap(m[1]), m[0]] => [m[1], m[0]], b, d, 32, rotator);
    step!([swap(m[9]), m[8]] => [m[9], m[8]], f, h, 32, rotator);
    step!([m[5], swap(m[4])] => [m[5], m[4]], d, b, 24, rotator);
    step!([m[13], swap(m[12])] => [m[13], m[12]], h, f, 24, rotator);
    let (a, d) = quarter::<16>([m[1], m[0]], b, d, rotator);
    [m[1], m[0]] = [swap(a[0]), a[1]];
    fence();
    let (e, h) = quarter::<16>([m[9], m[8]], f, h, rotator);
    [m[9], m[8]] = [swap(e[0]), e[1]];
    fence();
    let (c, b) = quarter::<63>([m[5], m[4]], d, b, rotator);
    [m[5], m[4]] = [c[0], swap(c[1])];
    fence();
    [m[2], m[3], m[6], m[7]] = [b[0], b[1], swap(d[0]), swap(d[1])];
    fence();
    let (g, f) = quarter::<63>([m[13], m[12]], h, f, rotator);
    [m[13], m[12]] = [g[0], swap(g[1])];
    fence();
    [m[10], m[11], m[14], m[15]] = [f[0], f[1], swap(h[0]), swap(h[1])];
}

/// P on two columns of `m`. The output is mixed into `next` by XOR. Afterwards the contents of `m` are of no use.
#[inline(never)]
pub fn permute_columns(m: &mut Columns, next: &mut Columns, rotator: &Rotator) {
    macro_rules! output {
        ($($n:literal: $x:expr),*) => { $(next[$n] = xor(next[$n], $x);)* };
    }
    fence();
    // The rows of the 4 × 4 words are a at 0, 1, 8 and 9; b at 16, 17, 24 and 25; c at 32, 33, 40 and 41; d at
    // 48, 49, 56 and 57. The second half of b is f, and that of d is h.
    let (b, d) = ([m[16], m[17]], [m[48], m[49]]);
    step!([m[0], m[1]] => [m[0], m[1]], b, d, 32, rotator);
    let (f, h) = ([m[24], m[25]], [m[56], m[57]]);
    step!([m[8], m[9]] => [m[8], m[9]], f, h, 32, rotator);
    step!([m[32], m[33]] => [m[32], m[33]], d, b, 24, rotator);
    step!([m[40], m[41]] => [m[40], m[41]], h, f, 24, rotator);
    step!([m[0], m[1]] => [m[0], m[1]], b, d, 16, rotator);
    step!([m[8], m[9]] => [m[8], m[9]], f, h, 16, rotator);
    step!([m[32], m[33]] => [m[32], m[33]], d, b, 63, rotator);
    step!([m[40], m[41]] => [m[40], m[41]], h, f, 63, rotator);
    // The diagonals: b moves by one and d by three; the halves of c change places.
    let (b, f) = ([b[1], f[0]], [f[1], b[0]]);
    let (d, h) = ([h[1], d[0]], [d[1], h[0]]);
    step!([m[0], m[1]] => [m[0], m[1]], b, d, 32, rotator);
    step!([m[8], m[9]] => [m[8], m[9]], f, h, 32, rotator);
    step!([m[40], m[41]] => [m[40], m[41]], d, b, 24, rotator);
    step!([m[32], m[33]] => [m[32], m[33]], h, f, 24, rotator);
    let (a, d) = quarter::<16>([m[0], m[1]], b, d, rotator);
    output!(0: a[0], 1: a[1]);
    fence();
    let (a, h) = quarter::<16>([m[8], m[9]], f, h, rotator);
    output!(8: a[0], 9: a[1]);
    fence();
    let (c, b) = quarter::<63>([m[40], m[41]], d, b, rotator);
    output!(40: c[0], 41: c[1]);
    fence();
    output!(17: b[0], 24: b[1], 57: d[0], 48: d[1]);
    fence();
    let (c, f) = quarter::<63>([m[32], m[33]], h, f, rotator);
    output!(32: c[0], 33: c[1]);
    fence();
    output!(25: f[0], 16: f[1], 49: h[0], 56: h[1]);
}
