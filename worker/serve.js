// Runs each request as a task of the wasm, which waits for one promise at a time (src/task.rs).

let tasks = 0;

/** The handler of requests whose tasks run in the wasm behind these functions. */
export const serve = ({ begin, resume, abandon, lost }) => ({
  async fetch(request, env) {
    const task = ++tasks;
    const { signal } = request;
    // The runtime cancels a request whose client went away: no promise of it settles from then on.
    signal.addEventListener("abort", () => abandon(task));
    let step;
    try {
      step = begin(task, request, env);
      while (step instanceof Promise) {
        const [value, isRejected] = await step.then(fulfilled, rejected);
        step = resume(task, value, isRejected);
      }
    } catch {
      // A trap: the next call of the wasm makes a new instance, and all that waited in the old one is lost.
      step = undefined;
    }
    return step ?? (signal.aborted ? Response.error() : lost());
  },
});

const fulfilled = (value) => [value, false];
const rejected = (error) => [error, true];
