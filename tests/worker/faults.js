// The Worker with a platform that misbehaves. A request names its fault in `Test-Fault`, changes
// variables with `Test-Vars`, a JSON object, and names bindings anew with `Test-Bindings`, another:
// {"SIGN_UP_LIMIT":"LIMIT_OF_TWO"} calls the binding LIMIT_OF_TWO so. The answer's `Test-Statements` counts what D1 was asked,
// its `Test-Memory` is the size of the wasm's memory in bytes.
import { WorkerEntrypoint } from "cloudflare:workers";
import { memory } from "./memory.js";
import Worker from "../../build/index.js";

const faults = {
  "no-address": ({ headers }) => headers.delete("CF-Connecting-IP"),

  "kv-missing": ({ env }) => delete env.BLOCKLIST,
  "kv-wrong": ({ env }) => (env.BLOCKLIST = "no namespace"),
  "kv-throws": ({ env }) => (env.BLOCKLIST = { get() { throw new Error("KV GET failed: 500"); } }),
  "kv-rejects": ({ env }) => (env.BLOCKLIST = { get: async () => { throw new Error("KV GET failed: 500"); } }),
  "kv-rejects-oddly": ({ env }) => (env.BLOCKLIST = { get: () => Promise.reject(undefined) }),
  "kv-answers-oddly": ({ env }) => (env.BLOCKLIST = { get: async () => "no map" }),
  "kv-hangs": ({ env }) => (env.BLOCKLIST = { get: () => new Promise(() => {}) }),

  "limit-wrong": ({ env }) => (env.SIGN_UP_LIMIT = { limit: "no method" }),
  "limit-rejects": ({ env }) => (env.SIGN_UP_LIMIT = { limit: async () => { throw new Error("internal error"); } }),
  "limit-hangs": ({ env }) => (env.SIGN_UP_LIMIT = { limit: () => new Promise(() => {}) }),

  "db-missing": ({ env }) => delete env.DB,
  "db-wrong": ({ env }) => (env.DB = "no database"),
  "db-throws": ({ env }) => (env.DB = { prepare() { throw new Error("D1_ERROR: Network connection lost."); } }),
  "db-lost-connection": failOnce("D1_ERROR: Network connection lost."),
  "db-reset": failOnce("D1_ERROR: Internal error in D1 DB storage caused object to be reset."),
  "db-code-updated": failOnce("D1_ERROR: D1 DB reset because its code was updated."),
  "db-unresolved": failOnce("D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node."),
  // The statement is carried out, and its answer never arrives.
  "db-answer-lost": database(async (statement, n) => {
    const row = await statement.first();
    if (n === 1) throw new Error("D1_ERROR: Network connection lost.");
    return row;
  }),
  "db-down": fail("D1_ERROR: Network connection lost."),
  "db-overloaded": fail("D1_ERROR: D1 DB is overloaded. Requests queued for too long."),
  "db-rejects-oddly": database(() => Promise.reject({ message: { toString: null } })),
  "db-no-table": database((statement) => statement.first(), (sql) => sql.replace("INTO ", "INTO no_such_")),
};

/** A database whose n-th statement of a request is answered by `first(statement, n)`. */
function database(first, rewrite = (sql) => sql) {
  return ({ env, counts }) => {
    const real = env.DB;
    env.DB = {
      prepare: (sql) => ({
        bind: (...values) => ({
          first: () => first(real.prepare(rewrite(sql)).bind(...values), ++counts.statements),
        }),
      }),
    };
  };
}

function fail(message) {
  return database(async () => {
    throw new Error(message);
  });
}

function failOnce(message) {
  return database(async (statement, n) => {
    if (n === 1) throw new Error(message);
    return statement.first();
  });
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const headers = new Headers(request.headers);
    const env = { ...this.env, ...JSON.parse(headers.get("Test-Vars") ?? "{}") };
    const bindings = JSON.parse(headers.get("Test-Bindings") ?? "{}");
    for (const [name, binding] of Object.entries(bindings)) env[name] = this.env[binding];
    const counts = { statements: 0 };
    faults[headers.get("Test-Fault")]?.({ headers, env, counts });
    const response = await new Worker(this.ctx, env).fetch(new Request(request, { headers }));
    const answer = new Response(response.body, response);
    answer.headers.set("Test-Statements", String(counts.statements));
    answer.headers.set("Test-Memory", String(memory.buffer.byteLength));
    return answer;
  }
}
