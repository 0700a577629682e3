// The admin Worker's entry points: HTTP for operators, a cron and `Deliverer` for events, and `Users` for Workers that
// sign users in.
import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "../build/admin/index.js";
import { run } from "../worker/serve.js";
import { exported, imported } from "./streams.js";

const wasm = Worker.prototype;

export default {
  async fetch(request, env, ctx) {
    const answer = await run(wasm, request.signal, (task) => wasm.begin(task, request, env));
    // A change may have an event, and so may the request to send events again.
    if (answer?.ok && request.method !== "GET") ctx.waitUntil(deliverAll(env, ctx, NUDGED));
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

  /** Each minute. The old events are looked for once an hour, because that reads every event. */
  async scheduled({ scheduledTime }, env, ctx) {
    const isPurging = new Date(scheduledTime).getUTCMinutes() === 0;
    await run(wasm, undefined, (task) => wasm.tidyEvents(task, env, isPurging));
    await deliverAll(env, ctx, 45_000);
  },
};

/**
 * How long a nudged deliverer begins to send, in ms. The runtime ends it 30 s after the nudge, and a try may take 15 s: a
 * deliverer that is ended may have sent an event that the next one sends again.
 */
const NUDGED = 12_000;

/** The least time between two looks for due events, in ms: many nudges make few looks. */
const PACE = 500;

/** The longest wait for a retry, in ms. A cron makes the later ones. */
const LONGEST_WAIT = 10_000;

/**
 * The rounds of one invocation, each with some statements and requests: an invocation may have 10,000 of both.
 * https://developers.cloudflare.com/workers/platform/limits/#subrequests
 */
const ROUNDS = 60;

/** Until when this isolate looks for due events, and whether there may be more. The runtime may end it earlier. */
const looking = { until: 0, hasMore: false };

/** The same for each endpoint, by its id. */
const busy = new Map();

/** Delivers due events for `time` ms. Each endpoint has an invocation of its own, so a slow one delays only itself. */
async function deliverAll(env, ctx, time) {
  const end = Date.now() + time;
  looking.hasMore = true;
  if (Date.now() < looking.until) return;
  looking.until = end;
  const deliveries = [];
  while (looking.hasMore && Date.now() < end) {
    looking.hasMore = false;
    const due = await run(wasm, undefined, (task) => wasm.dueWebhooks(task, env));
    for (const id of JSON.parse(due ?? "[]")) deliveries.push(deliverTo(id, ctx, end));
    await scheduler.wait(PACE);
  }
  looking.until = 0;
  await Promise.allSettled(deliveries);
}

/** Delivers the due events of one endpoint until `end`, unless this isolate does so already. */
async function deliverTo(id, ctx, end) {
  for (let wait = 0; Date.now() + wait < end; ) {
    if (wait > 0) await scheduler.wait(wait);
    const other = busy.get(id);
    if (Date.now() < other?.until) {
      other.hasMore = true;
      return;
    }
    const own = { until: end + LONGEST_WAIT, hasMore: true };
    busy.set(id, own);
    let next = null;
    try {
      while (own.hasMore) {
        own.hasMore = false;
        next = await ctx.exports.Deliverer.deliver(id, end);
      }
    } finally {
      busy.delete(id);
    }
    if (next === null || next * 1000 > LONGEST_WAIT) return;
    wait = Math.max(next, 1) * 1000;
  }
}

/** Delivers events. The public Worker may have a service binding to it, and nudges it after a sign-up. */
export class Deliverer extends WorkerEntrypoint {
  /** Says that there may be a new event. */
  async nudge() {
    this.ctx.waitUntil(deliverAll(this.env, this.ctx, NUDGED));
  }

  /** Delivers due events of one endpoint until `end`. Gives the seconds until the next one is due, or `null`. */
  async deliver(id, end) {
    for (let round = 0; round < ROUNDS && Date.now() < end; round++) {
      const answer = await run(wasm, undefined, (task) => wasm.deliver(task, this.env, id));
      const { sent, wait } = JSON.parse(answer ?? '{"sent":0,"wait":null}');
      if (sent === 0) return wait;
    }
    return 0;
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
