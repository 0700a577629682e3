// The Worker with a platform that misbehaves. Headers of a request say how:
// - `Test-Fault` names a fault below, or is `body-breaks`: then the body ends with an error.
// - `Test-Vars`, a JSON object, changes variables.
// - `Test-Bindings`, a JSON object, gives bindings another name: {"SIGN_UP_LIMIT":"LIMIT_OF_TWO"} lets the Worker
//   find the binding LIMIT_OF_TWO as SIGN_UP_LIMIT.
// - `Test-Kept`: each request has its own environment, so that the Worker keeps no state. Requests with the same
//   `Test-Kept` share the environment of the first one, and a Worker. Only the fault of the database then changes,
//   with each request that names one.
// - `Test-SQL` is run first, in every database.
// - `Test-Later` moves the clock on by so many milliseconds first.
// - `Test-Busy`, a URL: when the server there has answered, the isolate computes for two seconds.
// - `Test-Abandon`, a number: so many copies of the request are sent and abandoned (abandoned.js).
//
// Headers of the answer: `Test-Statements` and `Test-Total` are the numbers of D1's statements for this request, and
// since the environment was made. `Test-Surveys` is the number of databases that this request asked for their places.
// `Test-Reads` is the number of KV's reads for the fault "counts". `Test-Memory` is the size of the wasm's memory in
// bytes. `Test-Outcomes` has the data points that the request's outcome was counted by, as JSON.
import { WorkerEntrypoint } from "cloudflare:workers";
import { memory } from "./memory.js";
// A Worker for each `Test-Kept`, as in another isolate. The plain one comes last, because memory.js holds the last
// memory.
import ClientsWorker from "../../build/index.js?clients";
import TokensWorker from "../../build/index.js?tokens";
import WorkWorker from "../../build/index.js?work";
import Worker from "../../build/index.js";
import { serve } from "../../worker/serve.js";
import { abandon } from "./abandoned.js";

export { Abandoned } from "./abandoned.js";

const plain = serve(Worker.prototype);

// The clock stands still, as in production between I/O, until a request moves it on by `Test-Later`.
let clock = performance.now();
let traps = false;
performance.now = () => {
  // The wasm cannot catch this error. Its instance is unusable afterwards, as after a panic.
  if (traps) {
    traps = false;
    throw new WebAssembly.RuntimeError("unreachable");
  }
  return clock;
};

const faults = {
  trap: () => (traps = true),

  // Bindings of another kind than those that follow an answer.
  "outcomes-and-events-wrong": ({ env }) => Object.assign(env, { OUTCOMES: "no data set", EVENTS: "no Worker" }),
  "outcomes-and-events-throw": ({ env }) => {
    const fail = () => {
      throw new Error("internal error");
    };
    Object.assign(env, { OUTCOMES: { writeDataPoint: fail }, EVENTS: { nudge: fail } });
  },
  "events-reject": ({ env }) => (env.EVENTS = { nudge: () => Promise.reject(new Error("internal error")) }),
  // The nudges are among the data points.
  "events-nudged": ({ env, counts }) => (env.EVENTS = { nudge: async () => counts.outcomes.push("nudge") }),

  "no-address": ({ headers }) => headers.delete("CF-Connecting-IP"),

  "kv-missing": ({ env }) => delete env.BLOCKLIST,
  "kv-wrong": ({ env }) => (env.BLOCKLIST = "no namespace"),
  "kv-throws": ({ env }) =>
    (env.BLOCKLIST = {
      get() {
        throw new Error("KV GET failed: 500");
      },
    }),
  "kv-rejects": ({ env }) =>
    (env.BLOCKLIST = {
      get: async () => {
        throw new Error("KV GET failed: 500");
      },
    }),
  "kv-rejects-oddly": ({ env }) => (env.BLOCKLIST = { get: () => Promise.reject(undefined) }),
  "kv-answers-oddly": ({ env }) => (env.BLOCKLIST = { get: async () => "no map" }),
  "kv-hangs": ({ env }) => (env.BLOCKLIST = { get: () => new Promise(() => {}) }),

  "list-missing": list(async () => null),
  "list-garbage": list(async () => new TextEncoder().encode("123456\npassword\n").buffer),
  "list-rejects": list(async () => {
    throw new Error("KV GET failed: 500");
  }),
  "list-wrong": list(() => {
    throw new TypeError("the binding is no namespace");
  }),
  "list-hangs": list(() => new Promise(() => {})),

  "limit-wrong": ({ env }) => (env.SIGN_UP_LIMIT = { limit: "no method" }),
  "limit-rejects": ({ env }) =>
    (env.SIGN_UP_LIMIT = {
      limit: async () => {
        throw new Error("internal error");
      },
    }),
  "limit-hangs": ({ env }) => (env.SIGN_UP_LIMIT = { limit: () => new Promise(() => {}) }),

  "hook-wrong": ({ env }) => (env.SIGN_UP_HOOK = { fetch: "no method" }),
  // The Worker of the hook throws an exception that repeats the message.
  "hook-throws": ({ env }) =>
    (env.SIGN_UP_HOOK = {
      async fetch(url, { body }) {
        throw new Error(body);
      },
    }),
  "hook-hangs": ({ env }) => (env.SIGN_UP_HOOK = { fetch: () => new Promise(() => {}) }),

  "db-missing": ({ env }) => delete env.DB,
  "db-wrong": ({ env }) => (env.DB = "no database"),
  "db-throws": ({ env }) =>
    (env.DB = {
      prepare() {
        throw new Error("D1_ERROR: Network connection lost.");
      },
    }),
  "db-lost-connection": failOnce("D1_ERROR: Network connection lost."),
  "db-reset": failOnce("D1_ERROR: Internal error in D1 DB storage caused object to be reset."),
  "db-code-updated": failOnce("D1_ERROR: D1 DB reset because its code was updated."),
  "db-unresolved": failOnce("D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node."),
  // The statement is carried out, but its answer never arrives.
  "db-answer-lost": database(async (statement, n) => {
    const row = await statement.first();
    if (n === 1) throw new Error("D1_ERROR: Network connection lost.");
    return row;
  }),
  "db-down": fail("D1_ERROR: Network connection lost."),
  "db-overloaded": fail("D1_ERROR: D1 DB is overloaded. Requests queued for too long."),
  "db-rejects-oddly": database(() => Promise.reject({ message: { toString: null } })),
  "db-no-table": database(
    (statement) => statement.first(),
    (sql) => sql.replace("INTO ", "INTO no_such_"),
  ),

  "copy-down": database((statement, n, sql, isCopy) => {
    if (isCopy) throw new Error("D1_ERROR: Network connection lost.");
    return statement.first();
  }),
  // The copy still has a row that was deleted.
  "copy-stale": database(async (statement, n, sql, isCopy) =>
    isCopy ? { frozen: 1, own: 1, id: 99, username: "deleted" } : statement.first(),
  ),
  "search-lost": onceFor(/ JOIN /, () => {
    throw new Error("D1_ERROR: Network connection lost.");
  }),
  "search-answer-lost": onceFor(/ JOIN /, async (statement) => {
    await statement.first();
    throw new Error("D1_ERROR: Network connection lost.");
  }),
  "search-down": database((statement, n, sql) => {
    if (sql.includes(" JOIN ")) throw new Error("D1_ERROR: Network connection lost.");
    return statement.first();
  }),
  "survey-down": onceFor(/^SELECT frozen_at/, () => {
    throw new Error("D1_ERROR: Network connection lost.");
  }),
  "insert-answer-lost": onceFor(/^INSERT/, async (statement) => {
    await statement.first();
    throw new Error("D1_ERROR: Network connection lost.");
  }),

  "db-counts": database((statement) => statement.first()),
  // KV and D1 offer only the operations that are counted.
  counts: (request) => {
    const real = request.env.BLOCKLIST;
    request.env.BLOCKLIST = {
      get(keys) {
        request.counts.reads++;
        return real.get(keys);
      },
    };
    faults["db-counts"](request);
  },
  "clients-no-table": database(
    (statement) => statement.first(),
    (sql) => sql.replace("FROM ", "FROM no_such_"),
  ),
  // As if the database were in another place for one statement.
  "clients-misplaced": database(
    (statement) => statement.first(),
    (sql) => (sql.includes("FROM clients") ? sql.replace("?1", "?1 || ' elsewhere'") : sql),
  ),
  "proof-misplaced": database(
    (statement) => statement.first(),
    (sql) => (sql.startsWith("UPDATE challenges") ? sql.replace("?1", "?1 || ' elsewhere'") : sql),
  ),
  "proof-without-row": database((statement, n, sql) =>
    sql.startsWith("INSERT INTO challenges") ? null : statement.first(),
  ),
  "clients-down": database((statement, n, sql) => {
    if (sql.includes("FROM clients")) throw new Error("D1_ERROR: Network connection lost.");
    return statement.first();
  }),
  // A read of the clients takes until `Test-Hold` requests are under way at once.
  "clients-held": ({ env, headers, counts }) => {
    const crowd = Number(headers.get("Test-Hold"));
    database(async (statement, n, sql) => {
      while (sql.includes("FROM clients") && counts.present < crowd) await pause();
      return statement.first();
    })({ env, counts });
  },
  "clients-hang": database((statement, n, sql) =>
    sql.includes("FROM clients") ? new Promise(() => {}) : statement.first(),
  ),
  // As if every enabled client listed its origins.
  "clients-closed": database(
    (statement) => statement.first(),
    (sql) => sql.replace("disabled_at IS NULL", "$& AND origins <> ''"),
  ),
};

/** A KV namespace whose single values `get` gives. The block list, which reads many values at once, still works. */
function list(get) {
  return ({ env }) => {
    const real = env.BLOCKLIST;
    env.BLOCKLIST = { get: (key, kind) => (Array.isArray(key) ? real.get(key) : get(key, kind)) };
  };
}

const pause = () => new Promise((resume) => setTimeout(resume, 5));

/** The bindings of all databases. */
const shards = ({ SHARDS = "DB" }) => SHARDS.split(/[\s;]+/);

/** Databases in which `first(statement, n, sql, isCopy)` answers the n-th statement of a request. */
function database(first, rewrite = (sql) => sql) {
  return ({ env, counts }) => {
    const answering = (real, isCopy) => ({
      withSession: (constraint) => answering(real.withSession(constraint), true),
      prepare: (sql) => ({
        bind: (...values) => ({
          async first() {
            // The survey of several databases and the searches of frozen ones are not counted.
            if (!sql.startsWith("SELECT frozen_at")) {
              counts.total++;
              counts.statements++;
            } else if (!sql.includes(" JOIN ")) {
              counts.surveys++;
            }
            return first(real.prepare(rewrite(sql)).bind(...values), counts.statements, sql, isCopy);
          },
        }),
      }),
    });
    for (const binding of shards(env)) env[binding] = answering(env[binding], false);
  };
}

/** A database in which `first(statement)` answers the first statement of a request that is like `pattern`. */
function onceFor(pattern, first) {
  return (request) => {
    let isOver = false;
    database((statement, n, sql) => {
      if (isOver || !pattern.test(sql)) return statement.first();
      isOver = true;
      return first(statement);
    })(request);
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

/** The environment that the `headers` of a request ask for, made from the Worker's `own` environment. */
function environment(own, headers, counts) {
  const env = { ...own, ...JSON.parse(headers.get("Test-Vars") ?? "{}") };
  env.OUTCOMES = { writeDataPoint: (point) => counts.outcomes.push(point) };
  const bindings = JSON.parse(headers.get("Test-Bindings") ?? "{}");
  for (const [name, binding] of Object.entries(bindings)) env[name] = own[binding];
  faults[headers.get("Test-Fault")]?.({ headers, env, counts });
  return env;
}

const noCounts = () => ({ statements: 0, surveys: 0, total: 0, reads: 0, present: 0, outcomes: [] });

/** The Workers that keep their state, by the value of `Test-Kept`. */
const kept = {
  clients: { worker: serve(ClientsWorker.prototype), counts: noCounts() },
  tokens: { worker: serve(TokensWorker.prototype), counts: noCounts() },
  work: { worker: serve(WorkWorker.prototype), counts: noCounts() },
};

/** The Worker that a request with these `headers` calls, its environment, and its counts. */
function call(own, headers) {
  const keeper = kept[headers.get("Test-Kept")];
  const counts = keeper?.counts ?? noCounts();
  counts.statements = 0;
  counts.surveys = 0;
  counts.outcomes = [];
  counts.present++;
  const env = environment(own, headers, counts);
  if (!keeper) return { worker: plain, env, counts };
  if (headers.has("Test-Fault")) keeper.databases = env;
  const of = (binding) => ({
    withSession: () => keeper.databases[binding].withSession(),
    prepare: (sql) => keeper.databases[binding].prepare(sql),
  });
  keeper.env ??= { ...env, ...Object.fromEntries(shards(env).map((binding) => [binding, of(binding)])) };
  return keeper;
}

/** A body that ends before its end, as if the connection were lost. */
const brokenBody = () =>
  new ReadableStream({ pull: (controller) => controller.error(new Error("Network connection lost.")) });

/** Keeps the isolate busy for so many milliseconds. */
function compute(milliseconds) {
  const end = Date.now() + milliseconds;
  while (Date.now() < end);
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const headers = new Headers(request.headers);
    const { worker, env, counts } = call(this.env, headers);
    if (headers.has("Test-SQL")) {
      for (const binding of shards(this.env)) await this.env[binding].exec(headers.get("Test-SQL"));
    }
    clock += Number(headers.get("Test-Later"));
    if (headers.has("Test-Abandon")) {
      const password = await request.text();
      headers.delete("Content-Length");
      return abandon(
        this.env,
        Number(headers.get("Test-Abandon")),
        new Request(request.url, { headers }),
        password,
      );
    }
    const body = headers.get("Test-Fault") === "body-breaks" && { body: brokenBody() };
    const answered = worker.fetch(new Request(request, { headers, ...body }), env, this.ctx);
    if (headers.has("Test-Busy")) {
      await fetch(headers.get("Test-Busy"));
      compute(2000);
    }
    const response = await answered;
    counts.present--;
    const answer = new Response(response.body, response);
    answer.headers.set("Test-Statements", String(counts.statements));
    answer.headers.set("Test-Surveys", String(counts.surveys));
    answer.headers.set("Test-Outcomes", JSON.stringify(counts.outcomes));
    answer.headers.set("Test-Total", String(counts.total));
    answer.headers.set("Test-Reads", String(counts.reads));
    answer.headers.set("Test-Memory", String(memory.buffer.byteLength));
    return answer;
  }
}
