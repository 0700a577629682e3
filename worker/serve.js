// Runs each request as a task of the wasm module. A task waits for one promise at a time (src/task.rs).

let tasks = 0;

/**
 * Runs the task that `begin` starts under a number, and gives its output: `undefined` if it was lost. `signal` says that
 * the client went away.
 */
export async function run({ resume, abandon }, signal, begin) {
  const task = ++tasks;
  // When a client goes away, the runtime cancels its request: from then on, none of its promises settles.
  signal?.addEventListener("abort", () => abandon(task));
  try {
    let step = begin(task);
    while (step instanceof Promise) {
      const [value, isRejected] = await step.then(fulfilled, rejected);
      step = resume(task, value, isRejected);
    }
    return step;
  } catch {
    // The wasm trapped. The next call makes a new instance; all tasks that waited in the old instance are lost.
    return undefined;
  }
}

/** The public Worker's request handler. Its tasks run in the wasm module that exports these functions. */
export const serve = (wasm) => ({
  async fetch(request, env, ctx) {
    const { signal } = request;
    const response = await run(wasm, signal, (task) => wasm.begin(task, request, env));
    // The admin delivers the event of a sign-up. It also looks for events by itself, so a lost nudge is no loss.
    if (env.EVENTS && request.method === "POST" && response?.ok) ctx.waitUntil(env.EVENTS.nudge().catch(() => {}));
    if (env.OUTCOMES && response) count(env.OUTCOMES, request, response);
    return response ?? (signal.aborted ? Response.error() : wasm.lost());
  },
});

/** The routes whose requests are counted by name, without a slash at the end; the others share an empty name. */
const ROUTES = ["/sign-up", "/users", "/challenge", "/.well-known/edge-signup"];

/** Counts a request in Workers Analytics Engine: https://developers.cloudflare.com/analytics/analytics-engine/ */
function count(outcomes, request, { status, headers }) {
  const path = new URL(request.url).pathname.replace(/^\/connectmypairs/, "").replace(/\/$/, "");
  const route = ROUTES.includes(path) ? path : "";
  outcomes.writeDataPoint({ indexes: [route], blobs: [route, `${status}`, headers.get("X-Error-Reason") ?? ""] });
}

const fulfilled = (value) => [value, false];
const rejected = (error) => [error, true];
