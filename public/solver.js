// A Web Worker that solves one challenge, so that the page stays live.

import { firstBitsAfter } from "./sha256.js";

/** After so many tries it says that it is still at work: some ten times a second. */
const STEP = 2 ** 16;

self.onmessage = ({ data: { challenge, bits } }) => {
  const firstBits = firstBitsAfter(`${challenge}:`);
  for (let tries = 0; ; tries++) {
    // In base 36 all nonces fit into the block where the challenge ends.
    const nonce = tries.toString(36);
    if (Math.clz32(firstBits(nonce)) >= bits) return postMessage({ solution: `${challenge}:${nonce}` });
    if (tries % STEP === STEP - 1) postMessage({ tries });
  }
};
