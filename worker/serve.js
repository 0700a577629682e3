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
    if (!response && signal.aborted) return Response.error();
    const answer = response ?? wasm.lost();
    // The user may be stored by now, so neither binding changes the answer, even if it is of another kind.
    if (env.OUTCOMES) quietly(() => count(env.OUTCOMES, request, answer));
    // The admin delivers the event of a sign-up. It also looks for events by itself, so a lost nudge only delays the
    // event.
    if (env.EVENTS && request.method === "POST" && answer.ok) ctx.waitUntil(quietly(() => env.EVENTS.nudge()));
    return answer;
  },
});

/** Does `work`, and ignores its failure. */
async function quietly(work) {
  try {
    await work();
  } catch {}
}

/** The paths of the routes, as `src/routes.rs` has them. */
const PATHS = [
  "/sign-up",
  "/sign-up/",
  "/users/",
  "/users",
  "/connectmypairs/users/",
  "/connectmypairs/users",
  "/challenge",
  "/.well-known/edge-signup",
];

/**
 * Counts a request in Workers Analytics Engine: https://developers.cloudflare.com/analytics/analytics-engine/. All
 * paths of a route have one name, without a slash at the end. Every other path has an empty name.
 */
function count(outcomes, request, { status, headers }) {
  const path = new URL(request.url).pathname;
  const route = PATHS.includes(path) ? path.replace(/^\/connectmypairs|\/$/g, "") : "";
  outcomes.writeDataPoint({ indexes: [route], blobs: [route, `${status}`, headers.get("X-Error-Reason") ?? ""] });
}

const fulfilled = (value) => [value, false];
const rejected = (error) => [error, true];
