// A thread that solves one challenge. `make` builds this file as a script of its own.

import { search } from "./search.js";

/** The number of tries between two messages about the progress, of which the page gets some ten a second. */
const STEP = 2 ** 16;
/** The number of tries between two waits. A wait takes 4 ms in a browser. */
const WAIT = 8 * STEP;

self.onmessage = ({ data: { challenge, bits } }) => {
  const find = search(challenge, bits);
  let tries = 0;
  const run = () => {
    do {
      const solution = find(tries, STEP);
      if (solution) return postMessage({ solution });
      tries += STEP;
      postMessage({ tries });
    } while (tries % WAIT);
    // Deno cannot end a thread that never waits for a timer.
    setTimeout(run);
  };
  run();
};
