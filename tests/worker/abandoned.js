// Sign-ups whose clients go away. A Worker behind a binding plays the service, because a local workerd does not notice
// each client that goes away. This module must be imported after memory.js.
import { WorkerEntrypoint } from "cloudflare:workers";
import { memory } from "./memory.js";
import Worker from "../../build/index.js";
import { serve } from "../../worker/serve.js";

const worker = serve(Worker.prototype);
let begun = 0;

/** The Worker behind a binding. A caller that goes away cancels its request, as a client does. KV and D1 are slow. */
export class Abandoned extends WorkerEntrypoint {
  fetch(request) {
    begun++;
    const { BLOCKLIST, DB } = this.env;
    const afterAWhile = (call) => scheduler.wait(Math.random() * 300).then(call);
    return worker.fetch(request, {
      ...this.env,
      BLOCKLIST: { get: (keys) => afterAWhile(() => BLOCKLIST.get(keys)) },
      DB: {
        prepare: (sql) => ({
          bind: (...values) => ({
            first: () =>
              afterAWhile(() =>
                DB.prepare(sql)
                  .bind(...values)
                  .first(),
              ),
          }),
        }),
      },
    });
  }
}

/**
 * Sends `count` sign-ups whose passwords contain `password`, and abandons them. Gives the size of the wasm's memory
 * after each twenty, the number of sign-ups that reached the Worker, the number that were answered before they were
 * abandoned, and how often the memory contains `password`.
 */
export async function abandon(env, count, request, password) {
  begun = 0;
  const sizes = [];
  let answered = 0;
  for (let sent = 0; sent < count; sent += 20) {
    const calls = Array.from({ length: 20 }, async (_, n) => {
      const abort = new AbortController();
      const body = JSON.stringify({
        username: crypto.randomUUID(),
        // The body is nearly as long as may be. The password is plain, escaped or beyond ASCII.
        password: password + ["x", '"\\', "é"][n % 3].repeat(100),
        client_id: "abandoned",
        padding: "x".repeat(15000),
      });
      const call = env.ABANDONED.fetch(new Request(request, { method: "POST", body, signal: abort.signal }));
      setTimeout(() => abort.abort(), Math.random() * 500);
      await call.then(
        ({ status }) => (answered += status === 200),
        () => {},
      );
    });
    await Promise.all(calls);
    sizes.push(memory.buffer.byteLength);
  }
  const text = new TextDecoder("latin1").decode(memory.buffer);
  return Response.json({ sizes, begun, answered, held: text.split(password).length - 1 });
}
