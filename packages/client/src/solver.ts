// A thread that solves one challenge. `make` builds this file as a script of its own.

import { search } from "./search.js";

/** The number of tries between two messages about the progress, of which the page gets some ten a second. */
const STEP = 2 ** 16;

self.onmessage = ({ data: { challenge, bits } }) => {
  const find = search(challenge, bits);
  for (let tries = 0; ; ) {
    const solution = find(tries, STEP);
    if (solution) return postMessage({ solution });
    tries += STEP;
    postMessage({ tries });
  }
};
