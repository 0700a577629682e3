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
    const chunk = (work) => run(wasm, request.signal, work);
    const { id, ...plan } = JSON.parse(answer);
    return plan.import ? imported(request.body, plan, id, wasm, env, chunk) : exported(plan, id, wasm, env, chunk);
  },
};

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
