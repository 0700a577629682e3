// The admin Worker's entry points: HTTP for operators, and `Users` for Workers that sign users in.
import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "../build/admin/index.js";
import { run } from "../worker/serve.js";
import { exported, imported } from "./streams.js";

const wasm = Worker.prototype;

export default {
  async fetch(request, env) {
    const answer = await run(wasm, request.signal, (task) => wasm.begin(task, request, env));
    if (typeof answer !== "string") return answer ?? (request.signal.aborted ? Response.error() : wasm.lost());
    // The chunks of a stream share one listener: there may be thousands of them.
    let current;
    request.signal.addEventListener("abort", () => wasm.abandon(current));
    const chunk = (work) =>
      run(wasm, undefined, (task) => {
        current = task;
        return work(task);
      });
    const { id, ...plan } = JSON.parse(answer);
    return plan.import ? imported(request.body, plan, id, wasm, env, chunk) : exported(plan, id, wasm, env, chunk);
  },

  async scheduled(_event, env, ctx) {
    await deliverAll(env, ctx, true);
  },
};

/** How long a deliverer goes on, in ms: the next one begins within a minute. */
const SHIFT = 25_000;

/** Until when this isolate is looking for due events, and whether more came meanwhile. The runtime may end it earlier. */
let busyUntil = 0;
let hasMore = false;

/** Has the due events delivered: each endpoint in an invocation of its own, so that a slow one delays no other. */
async function deliverAll(env, ctx, isTidying) {
  hasMore = true;
  if (Date.now() < busyUntil) return;
  busyUntil = Date.now() + 2 * SHIFT;
  while (hasMore) {
    hasMore = false;
    const due = await run(wasm, undefined, (task) => wasm.dueWebhooks(task, env, isTidying));
    isTidying = false;
    await Promise.allSettled(JSON.parse(due ?? "[]").map((id) => ctx.exports.Deliverer.deliver(id)));
  }
  busyUntil = 0;
}

/** Delivers events. The public Worker may have a service binding to it, and nudges it after a sign-up. */
export class Deliverer extends WorkerEntrypoint {
  /** Says that there may be a new event. */
  async nudge() {
    this.ctx.waitUntil(deliverAll(this.env, this.ctx, false));
  }

  /** Delivers the due events of one endpoint. */
  async deliver(id) {
    const end = Date.now() + SHIFT;
    while (Date.now() < end) {
      const answer = await run(wasm, undefined, (task) => wasm.deliver(task, this.env, id));
      if (typeof answer !== "string") return;
      const { sent, wait } = JSON.parse(answer);
      if (sent > 0) continue;
      // The first retry comes after seconds, before the next deliverer.
      if (wait === null || wait > 10) return;
      await scheduler.wait(Math.max(wait, 1) * 1000);
    }
  }
}

/**
 * The users of the service, for a Worker of the same account with a service binding to this entrypoint.
 * https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/rpc/
 */
export class Users extends WorkerEntrypoint {
  /**
   * Whether `{client_id, username, password}` is right: `{ok: true, user: {id, username, created_at}}` or `{ok: false}`.
   */
  async verify(credentials) {
    const { outdated, ...verdict } = await this.#call("verify", credentials);
    if (outdated !== undefined) {
      const { id } = verdict.user;
      const input = JSON.stringify(credentials);
      this.ctx.waitUntil(this.#run((task) => wasm.renewHash(task, this.env, input, id, outdated)));
    }
    return verdict;
  }

  /** The user of `{id}`, or of `{client_id, username}` in any spelling: `{id, username, created_at}` or `null`. */
  get(who) {
    return this.#call("get", who);
  }

  /** Stores a new password for `{id, password}`: `{ok: true}` or `{ok: false, reason, description}`. */
  setPassword(input) {
    return this.#call("setPassword", input);
  }

  /** Erases the user of `{id}`. Gives whether there was one. */
  erase(who) {
    return this.#call("erase", who);
  }

  async #call(method, input) {
    const text = JSON.stringify(input) ?? "null";
    const output = await this.#run((task) => wasm.callUsers(task, this.env, method, text));
    if (typeof output !== "string") throw new Error("The users are unavailable for the moment, try again later");
    return JSON.parse(output);
  }

  #run(work) {
    return run(wasm, undefined, work);
  }
}
