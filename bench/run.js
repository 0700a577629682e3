// Compares the Worker with its alternatives, and measures it with many databases. It prints tables, and after a full run
// it also writes docs/benchmarks.md and docs/benchmarks.svg. After a run of ONLY=shards,growth it writes only the section
// of docs/benchmarks.md that has these figures.
//
//   QUICK=1                runs fewer rounds without `steady`, `shards` and `growth`, in less than two minutes, and only prints the
//                          tables
//   ONLY=sign-up,users     runs only these measurements
//   PEERS=hono             runs only these peers besides the JavaScript peer; PEERS=none runs no peer besides it
import * as figures from "./figures.js";
import { writeDocs, writeSection } from "./page.js";
import { printed } from "./report.js";
import { checkAgreement, expect, requestsOf } from "./requests.js";
import { NAMES, prepare, startAll } from "./targets.js";

if (process.platform !== "linux") {
  console.error("CPU and memory are read from /proc: the bench needs Linux");
  process.exit(2);
}

const quick = Boolean(process.env.QUICK);
const full = !quick && !process.env.ONLY && !process.env.PEERS;

// Each session starts new processes, because two processes of the same code may differ a little all their lives.
const SESSIONS = quick ? 1 : 4;
const COPIES = quick ? 4 : 20;
const SIGN_UPS = quick ? 20 : 200;
const PACE = quick ? 0.5 : 1;

/** The measurements. Some of them take a number of seconds in each session, and half of that if QUICK is set. */
const MEASUREMENTS = {
  "sign-up": (targets, servers) => figures.requests("sign-up", servers, 10 * PACE),
  taken: (targets, servers) => figures.requests("taken", servers, 6 * PACE),
  users: (targets, servers) => figures.requests("users", servers, 5 * PACE),
  rate: (targets, servers) => figures.rate("users", servers, 5 * PACE),
  steady: (targets) => figures.steady(targets.slice(0, 2), 5 * PACE),
  blocked: (targets, servers) => figures.requests("blocked", servers, 5 * PACE),
  invalid: (targets, servers) => figures.requests("invalid", servers, 5 * PACE),
  hash: (targets) => figures.hash(targets.slice(0, 2), 6 * PACE),
  beside: (targets) => figures.beside(targets, 6 * PACE),
  isolate: (targets) => figures.isolates(targets, COPIES),
  memory: (targets) => figures.memory(targets, SIGN_UPS),
  "wasm-memory": (targets) => figures.wasmMemory(targets.filter(({ name }) => name !== "better-auth")),
  upload: (targets) => figures.uploads(targets),
  crossings: (targets) => figures.crossings(targets),
  shards: (targets) => figures.shards(targets, 20 * PACE),
  growth: (targets) => figures.growth(targets, 5 * PACE, quick ? 0.1 : 1),
};

/** The measurements of many databases. They need only our Worker. */
const SECTION = ["shards", "growth"];

/** The names of `all` that a variable lists, or `otherwise` if the variable is not set. */
function chosen(variable, all, otherwise = all) {
  const names = process.env[variable]?.split(",") ?? otherwise;
  const unknown = names.find((name) => !all.includes(name) && name !== "none");
  if (unknown === undefined) return all.filter((name) => names.includes(name));
  console.error(`${variable}=${unknown} is unknown: choose from ${all.join(",")}`);
  process.exit(2);
}

const say = (text) => console.error(`==> ${text}`);

const peers = chosen("PEERS", NAMES.slice(2));
const all = Object.keys(MEASUREMENTS);
const LONG = ["steady", ...SECTION];
const measurements = chosen("ONLY", all, quick ? all.filter((name) => !LONG.includes(name)) : all);
const alone = measurements.every((name) => SECTION.includes(name));
const names = alone ? NAMES.slice(0, 1) : [...NAMES.slice(0, 2), ...peers];

say(alone ? "Bundling the Worker" : "Bundling the Worker and its peers, and checking that they answer alike");
const targets = await Promise.all(names.map(prepare));
const results = {};
const keep = (name, rounds) => {
  results[name] = [...(results[name] ?? []), ...rounds];
};
for (let session = 1; session <= SESSIONS; session++) {
  const servers = await startAll(targets);
  await checkAgreement(servers.filter(({ name }) => name !== "better-auth"));
  for (const server of servers) await expect(server.ports[0], requestsOf(server).first());
  for (const name of measurements) {
    say(`Measuring ${name}, session ${session} of ${SESSIONS}`);
    const rounds = await MEASUREMENTS[name](targets, servers);
    // A measurement of several figures has rounds for each.
    if (Array.isArray(rounds)) keep(name, rounds);
    else for (const [figure, own] of Object.entries(rounds)) keep(figure, own);
  }
  for (const server of servers) await server.stop();
}

console.log(printed(results, names));
if (full) {
  writeDocs(results, names);
  say("Wrote docs/benchmarks.md and docs/benchmarks.svg");
} else if (!quick && alone && measurements.length === SECTION.length) {
  writeSection(results);
  say("Wrote a section of docs/benchmarks.md");
}
process.exit();
