// SHA-256 (FIPS 180-4) for a million short texts. `crypto.subtle` is asynchronous for each text, and is missing if
// a page came over plain HTTP. `@noble/hashes` takes ten times as long for such texts in Chromium.

// biome-ignore format: eight numbers on each line, as in the standard
const CONSTANTS = Uint32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);
// biome-ignore format: eight numbers on one line, as in the standard
const START = Uint32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);

/** The longest text after any prefix: with the 63 bytes at most of an unfinished block, it ends in the second block. */
const LONGEST = 56;

/**
 * Gives a function that takes an ASCII text of at most 56 characters, and gives the first 32 bits of the SHA-256 of
 * `prefix` and that text. It throws a `RangeError` for a longer text. The blocks that contain only the prefix are
 * hashed once.
 */
export function firstBitsAfter(prefix: string): (text: string) => number {
  const bytes = new TextEncoder().encode(prefix);
  const whole = bytes.length - (bytes.length % 64);
  const middle = START.slice();
  for (let at = 0; at < whole; at += 64) compress(middle, bytes, at);
  const state = new Uint32Array(8);
  const last = new Uint8Array(128);
  const view = new DataView(last.buffer);
  return (text) => {
    if (text.length > LONGEST) throw new RangeError("text must have at most 56 characters");
    last.fill(0);
    last.set(bytes.subarray(whole));
    let end = bytes.length - whole;
    for (let at = 0; at < text.length; at++) last[end++] = text.charCodeAt(at);
    last[end] = 0x80;
    const length = end < 56 ? 64 : 128;
    view.setUint32(length - 4, (whole + end) * 8);
    state.set(middle);
    for (let at = 0; at < length; at += 64) compress(state, last, at);
    return state[0];
  };
}

const words = new Uint32Array(64);
const turned = (word: number, bits: number) => (word >>> bits) | (word << (32 - bits));

/** Hashes the 64 bytes from `at` on into `state`. */
function compress(state: Uint32Array, bytes: Uint8Array, at: number) {
  for (let t = 0; t < 16; t++, at += 4) {
    words[t] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let t = 16; t < 64; t++) {
    const [early, late] = [words[t - 15], words[t - 2]];
    words[t] =
      words[t - 16] +
      (turned(early, 7) ^ turned(early, 18) ^ (early >>> 3)) +
      words[t - 7] +
      (turned(late, 17) ^ turned(late, 19) ^ (late >>> 10));
  }
  // Destructuring uses an iterator, which would double the time of this function.
  let a = state[0],
    b = state[1],
    c = state[2],
    d = state[3];
  let e = state[4],
    f = state[5],
    g = state[6],
    h = state[7];
  for (let t = 0; t < 64; t++) {
    const mixed = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const one = (h + mixed + ((e & f) ^ (~e & g)) + CONSTANTS[t] + words[t]) | 0;
    const two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, at) => {
    state[at] += word;
  });
}
