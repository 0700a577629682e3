// Compares the Worker with what a user would pick instead: prints a table, and after a full run writes
// docs/benchmarks.md and docs/benchmarks.svg.
//
//   QUICK=1                fewer rounds, under two minutes, writes nothing
//   ONLY=sign-up,users     only these measurements
//   PEERS=hono             only these beside the JavaScript peer; PEERS=none for no other
import * as figures from "./figures.js";
import { table, writeDocs } from "./report.js";
import { checkAgreement, expect, requestsOf } from "./requests.js";
import { NAMES, prepare, size, startAll } from "./targets.js";

const quick = Boolean(process.env.QUICK);
const full = !quick && !process.env.ONLY && !process.env.PEERS;

/** Seconds for a measurement, of which a full run takes more. */
const seconds = (quickly) => (quick ? quickly : 5 * quickly);
const signUps = quick ? 40 : 200;

const MEASUREMENTS = {
    "sign-up": (targets, servers) => figures.requests("sign-up", servers, seconds(12)),
    taken: (targets, servers) => figures.requests("taken", servers, seconds(8)),
    users: (targets, servers) => figures.requests("users", servers, seconds(5)),
    rate: (targets, servers) => figures.rate("users", servers, seconds(5)),
    blocked: (targets, servers) => figures.requests("blocked", servers, seconds(5)),
    invalid: (targets, servers) => figures.requests("invalid", servers, seconds(5)),
    hash: (targets, servers) => figures.hash(servers, seconds(8)),
    isolate: (targets) => figures.isolates(targets, quick ? 0 : 150, quick ? 10 : 20),
    memory: (targets) => figures.memory(targets, quick ? 0 : 100, signUps),
    "wasm-memory": (targets) => figures.wasmMemory(targets.filter(({ name }) => name !== "better-auth")),
    upload: (targets) => [Object.fromEntries(targets.map((target) => [target.name, size(target)]))],
};

/** The names that a variable lists, or `all`. */
function chosen(variable, all) {
    const names = process.env[variable]?.split(",") ?? all;
    const unknown = names.find((name) => !all.includes(name) && name !== "none");
    if (unknown === undefined) return all.filter((name) => names.includes(name));
    console.error(`${variable}=${unknown} is unknown: choose from ${all.join(",")}`);
    process.exit(2);
}

const say = (text) => console.error(`==> ${text}`);

const peers = chosen("PEERS", NAMES.slice(2));
const measurements = chosen("ONLY", Object.keys(MEASUREMENTS));
const names = [...NAMES.slice(0, 2), ...peers];

say("Bundling what is compared");
const targets = await Promise.all(names.map(prepare));
const servers = await startAll(targets);
say("Checking that the peers answer alike");
await checkAgreement(servers.filter(({ name }) => name !== "better-auth"));
for (const server of servers) await expect(server.ports[0], requestsOf(server).first());

const results = {};
for (const name of measurements) {
    say(`Measuring ${name}`);
    results[name] = await MEASUREMENTS[name](targets, servers);
}
for (const server of servers) await server.stop();

console.log(table(results, names));
if (full) {
    writeDocs(results, names);
    say("Wrote docs/benchmarks.md and docs/benchmarks.svg");
}
process.exit();
