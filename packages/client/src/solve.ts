// Solves a challenge of proof of work: in a thread where the platform has one, and else in short slices of time.

import SOLVER from "solver-script";
import { search } from "./search.js";

/** A challenge of `GET /challenge`. */
export interface Challenge {
  /** The text to solve, as the service gave it. */
  challenge: string;
  /** The number of zero bits with which the SHA-256 of the solution must begin. Each further bit doubles the work. */
  bits: number;
}

export interface SolveOptions {
  /** Stops the work: the promise is then rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Is called with the probability, from 0 to 1, that a solution would be found by now. */
  onProgress?: ((progress: number) => void) | undefined;
  /**
   * Starts the script `solver.js`, for a page whose Content-Security-Policy forbids workers of `blob:` addresses:
   * `() => new Worker("/solver.js")`, with a copy of the file on the page's own origin.
   */
  worker?: (() => Worker) | undefined;
}

/** A slice ends after so many milliseconds, or after so many tries: the clock of Cloudflare Workers stands still. */
const SLICE_MS = 6;
const SLICE_TRIES = 4096;
/** The number of tries between two looks at the clock. */
const STEP = 32;

type Message = { solution?: string; tries?: number };

/** A thread of any platform. */
interface Thread {
  terminate(): unknown;
  /** Sends the challenge to the thread, and gives its messages. `fail` is called if the thread cannot run. */
  run(challenge: Challenge, hear: (message: Message) => void, fail: () => void): void;
}

/**
 * Solves a challenge. Gives the text for the header `Proof-Of-Work`. Is rejected only with the reason of
 * `options.signal`.
 */
export async function solve({ challenge, bits }: Challenge, options: SolveOptions = {}): Promise<string> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const report = (tries: number) => onProgress?.(1 - Math.exp(-tries / 2 ** bits));

  const thread = startThread(options.worker);
  if (thread) {
    let onAbort = () => {};
    const solution = await new Promise<string | undefined>((resolve) => {
      onAbort = () => resolve(undefined);
      signal?.addEventListener("abort", onAbort);
      const hear = ({ solution, tries }: Message) => (solution ? resolve(solution) : report(tries as number));
      thread.run({ challenge, bits }, hear, onAbort);
    });
    signal?.removeEventListener("abort", onAbort);
    thread.terminate();
    if (solution) return solution;
  }

  const find = search(challenge, bits);
  for (let tries = 0; ; ) {
    signal?.throwIfAborted();
    const [pause, end] = [performance.now() + SLICE_MS, tries + SLICE_TRIES];
    while (tries < end && performance.now() < pause) {
      const solution = find(tries, STEP);
      if (solution) return solution;
      tries += STEP;
    }
    report(tries);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Starts a thread, if the platform has threads and allows them. */
function startThread(worker: (() => Worker) | undefined): Thread | undefined {
  try {
    if (worker || typeof Worker === "function") return webThread(worker);
    return nodeThread();
  } catch {
    return undefined;
  }
}

/** A Web Worker. A page cannot start one from the address of another origin, but from its own text. */
function webThread(start: (() => Worker) | undefined): Thread {
  const url = start ? "" : URL.createObjectURL(new Blob([SOLVER], { type: "text/javascript" }));
  // Deno has only workers of this type.
  const worker = start ? start() : new Worker(url, { type: "module" });
  return {
    terminate() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
    run(challenge, hear, fail) {
      worker.onmessage = ({ data }) => hear(data);
      worker.onerror = (event) => {
        // Deno would end the program, because of an error that nobody has handled.
        event.preventDefault();
        fail();
      };
      worker.postMessage(challenge);
    },
  };
}

/** The part of Node's module `worker_threads` that the client uses. */
interface NodeThreads {
  Worker: new (
    code: string,
    options: { eval: true },
  ) => {
    on(event: string, listener: (message: Message) => void): void;
    postMessage(message: unknown): void;
    terminate(): unknown;
  };
}

/** Gives a thread of Node the two functions of a Web Worker that the script uses. */
const LIKE_WEB = `const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on("message", (data) => self.onmessage({ data }));
`;

function nodeThread(): Thread | undefined {
  // A bundler for browsers cannot resolve an import of this module.
  type Process = { getBuiltinModule?(name: string): NodeThreads | undefined };
  const { process } = globalThis as { process?: Process };
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  if (!threads) return undefined;
  const worker = new threads.Worker(LIKE_WEB + SOLVER, { eval: true });
  return {
    terminate: () => worker.terminate(),
    run(challenge, hear, fail) {
      worker.on("message", hear);
      worker.on("error", fail);
      worker.postMessage(challenge);
    },
  };
}
