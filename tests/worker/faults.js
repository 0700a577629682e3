// The Worker with a platform that misbehaves. A request names its fault in `Test-Fault`, changes
// variables with `Test-Vars`, a JSON object, and names bindings anew with `Test-Bindings`, another:
// {"SIGN_UP_LIMIT":"LIMIT_OF_TWO"} calls the binding LIMIT_OF_TWO so. Each request comes with an environment of its own, and so
// without what the Worker keeps; but those with `Test-Kept` share one, that of the first, and a Worker of their own. `Test-SQL`
// is run before. With `Test-Busy` the isolate computes for as many milliseconds after the Worker began. With `Test-Abandon`,
// a number, as many copies of the request are sent and left again after a random time, and the answer tells what is left. The answer's `Test-Statements` counts what D1 was asked, `Test-Reads` what KV was asked in "counts", and
// `Test-Memory` is the size of the wasm's memory in bytes.
import { WorkerEntrypoint } from "cloudflare:workers";
import { memory } from "./memory.js";
// Once more, as another isolate would have it; before the other, whose memory is the one that is told.
import KeptWorker from "../../build/index.js?kept";
import Worker from "../../build/index.js";
import { serve } from "../../worker/serve.js";

const worker = serve(Worker.prototype);
const keptWorker = serve(KeptWorker.prototype);

// The clock stands still, as in production between I/O, until a request moves it on by `Test-Later` milliseconds.
let clock = performance.now();
let traps = false;
performance.now = () => {
  // Nothing catches this in the wasm: its instance cannot be used any more, as after a panic.
  if (traps) {
    traps = false;
    throw new WebAssembly.RuntimeError("unreachable");
  }
  return clock;
};

const faults = {
  "trap": () => (traps = true),

  "no-address": ({ headers }) => headers.delete("CF-Connecting-IP"),

  "kv-missing": ({ env }) => delete env.BLOCKLIST,
  "kv-wrong": ({ env }) => (env.BLOCKLIST = "no namespace"),
  "kv-throws": ({ env }) => (env.BLOCKLIST = { get() { throw new Error("KV GET failed: 500"); } }),
  "kv-rejects": ({ env }) => (env.BLOCKLIST = { get: async () => { throw new Error("KV GET failed: 500"); } }),
  "kv-rejects-oddly": ({ env }) => (env.BLOCKLIST = { get: () => Promise.reject(undefined) }),
  "kv-answers-oddly": ({ env }) => (env.BLOCKLIST = { get: async () => "no map" }),
  "kv-hangs": ({ env }) => (env.BLOCKLIST = { get: () => new Promise(() => {}) }),

  "list-missing": list(async () => null),
  "list-garbage": list(async () => new TextEncoder().encode("123456\npassword\n").buffer),
  "list-rejects": list(async () => { throw new Error("KV GET failed: 500"); }),
  "list-hangs": list(() => new Promise(() => {})),

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

  "db-counts": database((statement) => statement.first()),
  // Nothing of KV or D1 is there but what is counted.
  "counts": (request) => {
    const real = request.env.BLOCKLIST;
    request.env.BLOCKLIST = { get: (keys) => (request.counts.reads++, real.get(keys)) };
    faults["db-counts"](request);
  },
  "clients-no-table": database((statement) => statement.first(), (sql) => sql.replace("FROM ", "FROM no_such_")),
  "clients-down": database((statement, n, sql) => {
    if (sql.includes("FROM clients")) throw new Error("D1_ERROR: Network connection lost.");
    return statement.first();
  }),
  "clients-hang": database((statement, n, sql) =>
    sql.includes("FROM clients") ? new Promise(() => {}) : statement.first()),
  // As if each client that is enabled listed its origins.
  "clients-closed": database((statement) => statement.first(), (sql) => sql.replace(/$/, " AND origins <> ''")),
};

/** A KV namespace whose single values are given by `get`; the block list reads many at once. */
function list(get) {
  return ({ env }) => {
    const real = env.BLOCKLIST;
    env.BLOCKLIST = { get: (key, kind) => (Array.isArray(key) ? real.get(key) : get(key, kind)) };
  };
}

/** A database whose n-th statement of a request is answered by `first(statement, n, sql)`. */
function database(first, rewrite = (sql) => sql) {
  return ({ env, counts }) => {
    const real = env.DB;
    env.DB = {
      prepare: (sql) => ({
        bind: (...values) => ({
          first: () => first(real.prepare(rewrite(sql)).bind(...values), ++counts.statements, sql),
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

/** The environment that a request asks for by its `headers`, made of the Worker's own. */
function environment(own, headers) {
  const env = { ...own, ...JSON.parse(headers.get("Test-Vars") ?? "{}") };
  const bindings = JSON.parse(headers.get("Test-Bindings") ?? "{}");
  for (const [name, binding] of Object.entries(bindings)) env[name] = own[binding];
  const counts = { statements: 0, reads: 0 };
  faults[headers.get("Test-Fault")]?.({ headers, env, counts });
  return { env, counts };
}

let begun = 0;

/** The Worker behind a binding: a caller that goes away cancels its request, as a client does. KV and D1 take a while. */
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
          bind: (...values) => ({ first: () => afterAWhile(() => DB.prepare(sql).bind(...values).first()) }),
        }),
      },
    });
  }
}

/**
 * Sends `count` sign-ups whose passwords hold `password` and abandons them. Gives the size of the wasm's memory after
 * each twenty, how many reached the Worker, how many were answered before, and how often the memory holds `password`.
 */
async function abandon(env, count, request, password) {
  begun = 0;
  const sizes = [];
  let answered = 0;
  for (let sent = 0; sent < count; sent += 20) {
    const calls = Array.from({ length: 20 }, async (_, n) => {
      const abort = new AbortController();
      const body = JSON.stringify({
        username: crypto.randomUUID(),
        // The longest body: plain, escaped, and beyond ASCII.
        password: password + ["x", '"\\', "é"][n % 3].repeat(100),
        client_id: "abandoned",
        padding: "x".repeat(15000),
      });
      const call = env.ABANDONED.fetch(new Request(request, { method: "POST", body, signal: abort.signal }));
      setTimeout(() => abort.abort(), Math.random() * 500);
      await call.then(({ status }) => (answered += status === 200), () => {});
    });
    await Promise.all(calls);
    sizes.push(memory.buffer.byteLength);
  }
  const text = new TextDecoder("latin1").decode(memory.buffer);
  return Response.json({ sizes, begun, answered, held: text.split(password).length - 1 });
}

/** Keeps the isolate busy. */
function compute(milliseconds) {
  const end = Date.now() + milliseconds;
  while (Date.now() < end);
}

let kept;

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const headers = new Headers(request.headers);
    const isKept = headers.has("Test-Kept");
    const { env, counts } = isKept ? (kept ??= environment(this.env, headers)) : environment(this.env, headers);
    counts.statements = 0;
    if (headers.has("Test-SQL")) await this.env.DB.exec(headers.get("Test-SQL"));
    clock += Number(headers.get("Test-Later"));
    if (headers.has("Test-Abandon")) {
      const password = await request.text();
      headers.delete("Content-Length");
      return abandon(this.env, Number(headers.get("Test-Abandon")), new Request(request.url, { headers }), password);
    }
    const call = (isKept ? keptWorker : worker).fetch(new Request(request, { headers }), env);
    if (headers.has("Test-Busy")) {
      // Its own question has to be on its way first.
      await scheduler.wait(100);
      compute(Number(headers.get("Test-Busy")));
    }
    const response = await call;
    const answer = new Response(response.body, response);
    answer.headers.set("Test-Statements", String(counts.statements));
    answer.headers.set("Test-Reads", String(counts.reads));
    answer.headers.set("Test-Memory", String(memory.buffer.byteLength));
    return answer;
  }
}
