// Proof of work: sees whether the service asks for a proof, and makes one.

import { reason, send } from "./exchange.js";

/** Whether `answer` refuses a request because it has no proof. */
export const lacksProof = (answer) => reason(answer) === "proof_missing";

/**
 * Gets a challenge and solves it in a Web Worker. Gives the `solution`. If the service gave no challenge, it gives
 * the service's `answer`; if `signal` stopped the work, it gives neither. `onProgress` is called with the
 * probability that a solution would be found by now.
 */
export async function solve(signal, onProgress) {
  const answer = await send({ method: "GET", path: "/challenge", headers: [] });
  if (signal.aborted) return {};
  if (answer.status !== 200) return { answer };
  const { challenge, bits } = JSON.parse(answer.body);
  const worker = new Worker("/solver.js", { type: "module" });
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve({}));
    // The script of the Web Worker could not be loaded.
    worker.addEventListener("error", () => resolve({ answer: { status: 0, headers: [], body: "", ms: 0 } }));
    worker.addEventListener("message", ({ data: { tries, solution } }) => {
      if (solution) resolve({ solution });
      else onProgress(1 - Math.exp(-tries / 2 ** bits));
    });
    worker.postMessage({ challenge, bits });
  }).finally(() => worker.terminate());
}
