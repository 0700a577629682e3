// The search for a nonce, in parts, so that a thread can report and a page can stay responsive.

import { firstBitsAfter } from "./sha256.js";

/** Gives a function that tries `count` nonces from `start` on, and gives the solution if one of them solves it. */
export function search(challenge: string, bits: number): (start: number, count: number) => string | undefined {
  const firstBits = firstBitsAfter(`${challenge}:`);
  return (start, count) => {
    for (let tries = start; tries < start + count; tries++) {
      // In base 36 every nonce is short enough to end in the block where the challenge ends.
      const nonce = tries.toString(36);
      if (Math.clz32(firstBits(nonce)) >= bits) return `${challenge}:${nonce}`;
    }
    return undefined;
  };
}
