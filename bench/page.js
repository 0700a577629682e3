// Writes docs/benchmarks.md and its plot.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

import { plot } from "./plot.js";
import { byteTexts, frozenTexts, hashTexts, rows, rowTexts, shardTexts, texts, TITLES } from "./report.js";

const here = (path) => join(import.meta.dirname, path);

/** The load of the machine before the run, in processes. */
const LOAD = loadavg()[1];

/** Writes both files. */
export function writeDocs(results, names) {
  const ratios = rows(results).filter(({ cells }) => cells.js?.base !== undefined);
  writeFileSync(here("../docs/benchmarks.svg"), plot(ratios, TITLES));
  writeFileSync(here("../docs/benchmarks.md"), page(results, names));
}

/** Writes only the section of the many databases. The rest of the page stays as another run wrote it. */
export function writeSection(results) {
  const path = here("../docs/benchmarks.md");
  const page = readFileSync(path, "utf8");
  writeFileSync(
    path,
    page.replace(/^## Many databases\n.*?(?=^## )/ms, () => section(results)),
  );
}

/** The section that `events.js` wrote. */
const events = () => read("../docs/benchmarks.md").match(/^## Events\n.*?(?=^## )/ms)?.[0] ?? "";

function markdown(lines) {
  const [head, ...body] = lines.map((line) => `| ${line.join(" | ")} |`);
  return [head, head.replaceAll(/[^|]+/g, "---"), ...body].join("\n");
}

const read = (path) => readFileSync(here(path), "utf8");
const version = (folder, name) => JSON.parse(read(`${folder}/${name}/package.json`)).version;
const npm = (folder) => (name) => `${name} ${version(folder, name)}`;
const crate = (name) => read("../Cargo.lock").match(`name = "${name}"\nversion = "(.*)"`)?.[1];

const machine = () => `${cpus()[0].model.trim()}, ${cpus().length} processors`;

/** The machine and the versions of a run, as the rows of a table. */
function conditions() {
  return [
    ["machine", machine()],
    ["runtime", ["wrangler", "workerd", "miniflare", "node"].map(npm("../node_modules")).join(", ")],
    ["crates", ["worker", "argon2"].map((name) => `${name} ${crate(name)}`).join(", ")],
    ["packages", ["@phi-ag/argon2", "hono", "better-auth"].map(npm("node_modules")).join(", ")],
  ];
}

/** Why goals are missed, and the measurements whose goals these are. */
const CAUSES = [
  {
    of: ["users", "rate", "blocked", "invalid"],
    text: `- **Small requests**: in a profile (\`perf record\` on workerd), 3 to 5 % of a small request's time is in our wasm and its
  compilation, and 1 to 2 % of the peer's in its JavaScript. All else is the runtime's own code, and takes both the same
  time. V8 first runs WebAssembly in the code of its fast compiler, and compiles a function again only when it has run
  some 13 MB of it (\`--wasm-tiering-budget\`). The hash gets there in its first milliseconds, the rest of a request only
  after many thousand requests: the row after 200,000 requests shows the cost then. The other costs that profiles showed
  are removed: wake-ups by the runtime's \`queueMicrotask\`, headers passed as pairs, and most of the
  [calls between wasm and JavaScript](ARCHITECTURE.md#the-decisions). Other changes made no measurable difference:
  leaving out timers or \`FinalizationRegistry\`, \`opt-level\` "s", 2 or 3, and more inlining by \`wasm-opt\`.`,
  },
  {
    of: ["sign-up", "taken", "hash"],
    text: `- **Hash and sign-up**: a sign-up is nearly all hash. V8 makes two unpacks and a multiplication of each
  multiplication of 32-bit halves, where native code has one instruction, and WebAssembly has no rotation of 64-bit
  lanes. The flags of \`wasm-opt\` (\`-Oz\` or \`-O3\`, with or without inlining of rows and columns) made no difference
  outside the quartiles.`,
  },
  {
    of: ["isolate", "memory"],
    text: `- **Load and memory of an isolate**: V8 has much more code to decode, and the first sign-up compiles more than half of
  it.`,
  },
  {
    of: ["upload"],
    text: `- **Size**: before the optimisation across crates, the upload was 130 KB. An empty Worker on the \`worker\` crate took 38
  KB of that, the guards against abuse 25, and Unicode's tables 13. Linking without the unused exports of the crate
  \`worker\`, and the small form of Blake2b, saved 12. Panics without messages would save more, but need an unstable
  compiler (\`-Zbuild-std\`).`,
  },
];

/** The causes of the goals that this run missed. */
function missedGoals(results) {
  const missed = rows(results).filter(({ met }) => met === false);
  if (missed.length === 0) return "This run met all goals.";
  const known = CAUSES.filter(({ of }) => missed.some(({ from }) => of.includes(from)));
  const unknown = missed.filter(({ from }) => !CAUSES.some(({ of }) => of.includes(from)));
  return [
    ...known.map(({ text }) => text),
    ...unknown.map(({ label }) => `- **${label}**: the cause is not known.`),
  ].join("\n");
}

/** The section of the many databases. */
const section = (results) => `## Many databases

A service can [spread over many databases](scaling.md). \`make bench ONLY=shards,growth\` measures it and writes this
section.

${markdown(shardTexts(results))}

Here a statement occupies its database for 5 ms. The databases are stand-ins, because the pace of the local D1 is that of
this machine's processors: a stand-in takes one statement at a time, waits for 5 ms and stores nothing. A stand-in of KV
takes no time. The requests come from within the isolate, as many at once as 32 for each database, and the Worker finds
the home of each name. The bench takes precedence over other programs meanwhile, where the kernel lets it. The share of
the processors' time counts all work of the machine. Near 100 % the processors may be the limit, and not the databases.

${markdown(frozenTexts(results))}

${markdown(rowTexts(results))}

These figures are those of the local D1, which stores the rows. They are ratios to the first column, as above. Each
generation has one database. On Cloudflare a search takes a round trip to the nearest copy of the database. The searches
of all frozen generations begin together, and at \`/sign-up\` they run during the hash. New names fall anywhere between
those of the rows, so each insert touches another part of the index.

${markdown(byteTexts(results))}

The bytes are those of 50,000 rows with names of 10 letters in random order, and with a \`client_id\` of 31.

The machine was ${machine()}, with workerd ${version("../node_modules", "workerd")}. Its load before the run was
${LOAD.toFixed(1)} processes${LOAD > cpus().length / 2 ? ", because it had other work to do" : ""}.

`;

const page = (results, names) => `# Benchmarks

This page compares the cost of this Worker with that of the code that a team would write or mount instead. \`make bench\`
measured everything in one run, on one machine, inside workerd, and wrote this page. The section on [many
databases](#many-databases) may come from a later run.

- **Hand-written JavaScript**: the same contract, tables, statements and headers, with \`@phi-ag/argon2\` for the
  hash.
- **Hono**: the same contract on the framework Hono.
- **better-auth**: its sign-up by email and password on D1, with its defaults: scrypt, and a session for the new
  user.

![Ratios to the hand-written JavaScript](benchmarks.svg)

${markdown(texts(results, names))}

A ratio is a target's value divided by that of the hand-written JavaScript in the same round. The table has the median
of all rounds, and the quartiles in brackets. Less is better, except for requests a second. Differences within the
quartiles are not significant.

The same hash in other programs, for orientation:

${markdown(hashTexts(results))}

Node takes the hash from OpenSSL. The native one is the crate \`argon2\`, compiled for the processor of the machine; it
uses AVX2 if the processor has it. A Worker cannot run native code.

## Method

- Each target is the upload of \`wrangler deploy --minify\`, in a workerd process of its own. The local D1 and KV run in
  that process, so each figure includes their cost, which is the same for all targets except better-auth.
- Requests go to the Worker's own port: \`wrangler dev\` would put a proxy before it, which costs more than most requests.
- CPU is the user and system time of the process. Latency is the median of requests sent one after another;
  requests a second are counted over 16 connections.
- Targets take turns of about 100 ms in random order, eight to a round, so other work of the machine disturbs all
  alike. At each quarter of the run, all targets start again in fresh processes.
- The status of every answer is checked. Before that, all targets with the same contract must give the same status,
  headers and body to each of a list of requests, good and bad.
- The cost of a new isolate is that of a process with 21 isolates, less that of a process with one, divided by 20. The
  wasm of each isolate differs by a byte, because V8 would share the code of equal ones. Much of the cost is the
  runtime's own: an empty Worker has it too.
- Peak memory is the most that a fresh process held during 200 sign-ups.
- better-auth computes no hash for a taken name: the time of its answer tells whether an address is registered.
- The hash alone is the Worker's own code, called directly in workerd, beside \`@phi-ag/argon2\` with the same
  parameters. Node and the native program hash once for each line that they read, in the same rounds. A sign-up less
  its hash is the difference of the two in one process; the local D1 and KV take most of it.
- Before the row after 200,000 requests, each process answers that many requests to \`/users/\` for a taken name, within
  its isolate. For 99 of 100 requests, bindings that take no time replace KV and D1, which would make the run too long.
- Sizes are in KB of 1,000 bytes. The wasm and its JavaScript are counted as \`make build\` counts them. The upload also
  has the Worker's own JavaScript, all of it minified, and is counted as wrangler does, after gzip at its usual level.

## Missed goals and their causes

${missedGoals(results)}

${section(results)}${events()}## Conditions

${markdown([["", ""], ...conditions()])}

\`\`\`
make bench                       # all of it, in less than half an hour; writes this page
make bench QUICK=1               # fewer rounds, under two minutes, without the 200,000 requests; writes nothing
make bench ONLY=sign-up,users    # some of it; also PEERS=hono or PEERS=none
make bench ONLY=crossings        # counts the calls between wasm and JavaScript
make bench ONLY=shards,growth    # the figures of many databases; writes their section
\`\`\`
`;
