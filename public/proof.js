// Proof of work: whether the service asks for it, and how a sign-up gets one.

import { reason, send } from "./exchange.js";

/** Whether `answer` refuses a request for the want of a proof. */
export const lacksProof = (answer) => reason(answer) === "proof_missing";

/**
 * Gets a challenge and solves it in a worker. Gives the `solution`; or the `answer` that was no
 * challenge; or nothing once `signal` ended it. `onProgress` hears how likely it was to be done by now.
 */
export async function solve(signal, onProgress) {
  const answer = await send({ method: "GET", path: "/challenge", headers: [] });
  if (signal.aborted) return {};
  if (answer.status !== 200) return { answer };
  const { challenge, bits } = JSON.parse(answer.body);
  const worker = new Worker("/solver.js", { type: "module" });
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve({}));
    // Its script did not arrive.
    worker.addEventListener("error", () => resolve({ answer: { status: 0, headers: [], body: "", ms: 0 } }));
    worker.addEventListener("message", ({ data: { tries, solution } }) => {
      if (solution) resolve({ solution });
      else onProgress(1 - Math.exp(-tries / 2 ** bits));
    });
    worker.postMessage({ challenge, bits });
  }).finally(() => worker.terminate());
}
