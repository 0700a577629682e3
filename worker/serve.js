// Runs each request as a task of the wasm module. A task waits for one promise at a time (src/task.rs).

let tasks = 0;

/** The Worker's request handler. Its tasks run in the wasm module that exports these four functions. */
export const serve = ({ begin, resume, abandon, lost }) => ({
  async fetch(request, env) {
    const task = ++tasks;
    const { signal } = request;
    // When a client goes away, the runtime cancels its request: from then on, none of its promises settles.
    signal.addEventListener("abort", () => abandon(task));
    let step;
    try {
      step = begin(task, request, env);
      while (step instanceof Promise) {
        const [value, isRejected] = await step.then(fulfilled, rejected);
        step = resume(task, value, isRejected);
      }
    } catch {
      // The wasm trapped. The next call makes a new instance; all tasks that waited in the old instance are lost.
      step = undefined;
    }
    return step ?? (signal.aborted ? Response.error() : lost());
  },
});

const fulfilled = (value) => [value, false];
const rejected = (error) => [error, true];
