// A Web Worker that solves one challenge, while the page stays responsive.

import { firstBitsAfter } from "./sha256.js";

/** The number of tries between two messages about the progress, of which the page gets some ten a second. */
const STEP = 2 ** 16;

self.onmessage = ({ data: { challenge, bits } }) => {
  const firstBits = firstBitsAfter(`${challenge}:`);
  for (let tries = 0; ; tries++) {
    // In base 36 every nonce is short enough to end in the block where the challenge ends.
    const nonce = tries.toString(36);
    if (Math.clz32(firstBits(nonce)) >= bits) return postMessage({ solution: `${challenge}:${nonce}` });
    if (tries % STEP === STEP - 1) postMessage({ tries });
  }
};
