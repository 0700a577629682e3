// Writes docs/benchmarks.md and its plot.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

import { plot } from "./plot.js";
import { rows, texts, TITLES } from "./report.js";

const here = (path) => join(import.meta.dirname, path);

/** Writes both files. */
export function writeDocs(results, names) {
  const ratios = rows(results).filter(({ cells }) => cells.js?.base !== undefined);
  writeFileSync(here("../docs/benchmarks.svg"), plot(ratios, TITLES));
  writeFileSync(here("../docs/benchmarks.md"), page(markdown(texts(results, names))));
}

function markdown(lines) {
  const [head, ...body] = lines.map((line) => `| ${line.join(" | ")} |`);
  return [head, head.replaceAll(/[^|]+/g, "---"), ...body].join("\n");
}

const read = (path) => readFileSync(here(path), "utf8");
const npm = (folder) => (name) => `${name} ${JSON.parse(read(`${folder}/${name}/package.json`)).version}`;
const crate = (name) => read("../Cargo.lock").match(`name = "${name}"\nversion = "(.*)"`)?.[1];

/** The machine and the versions of a run, as the rows of a table. */
function conditions() {
  return [
    ["machine", `${cpus()[0].model.trim()}, ${cpus().length} processors`],
    ["runtime", ["wrangler", "workerd", "miniflare"].map(npm("../node_modules")).join(", ")],
    ["crates", ["worker", "argon2"].map((name) => `${name} ${crate(name)}`).join(", ")],
    ["packages", ["@phi-ag/argon2", "hono", "better-auth"].map(npm("node_modules")).join(", ")],
  ];
}

const page = (table) => `# Benchmarks

What this Worker costs beside what a team would write or mount instead. \`make bench\` measured all of it in one
run, on one machine, inside workerd, and wrote this page.

- **Hand-written JavaScript**: the same contract, tables, statements and headers, with \`@phi-ag/argon2\` for the
  hash.
- **Hono**: the same on Hono.
- **better-auth**: its sign-up by email and password on D1, with its defaults: scrypt, and a session for the new
  user.

![Ratios to the hand-written JavaScript](benchmarks.svg)

${table}

A ratio is a target's value by that of the hand-written JavaScript in the same round: the median of all rounds,
and in brackets the quartiles. Less is better, but for requests a second. Differences within the quartiles are not
significant.

## What is measured

- What \`wrangler deploy --minify\` would upload, in one workerd process for each target. The local D1 and KV run
  in that process, so each figure holds their cost; it is the same for all but better-auth.
- The port is the Worker's own: \`wrangler dev\` would put a proxy before it, which costs more than most requests.
- CPU is the user and system time of the process. Latency is the median of requests sent one after another;
  requests a second are counted over 16 connections.
- Targets take turns of about 100 ms in random order, eight to a round, so that whatever else the machine does
  disturbs all alike. With each quarter of the run, all begin anew in fresh processes.
- Every answer's status is checked. Before that, all targets of the contract must give the same answer, status,
  headers and body, to each of a list of requests, good and bad.
- A new isolate costs what a process with 21 isolates takes, less what one with a single isolate takes, by 20.
  Each isolate's wasm differs by a byte, for V8 would share the code of equal ones. Much of it is the runtime's
  own: an empty Worker is loaded too.
- Peak memory is the most that a fresh process held during 200 sign-ups.
- A taken name costs better-auth no hash: the time of its answer tells whether an address is registered.
- The hash alone is the Worker's own code, called in workerd with nothing around it, beside \`@phi-ag/argon2\`
  under the same parameters. A sign-up less its hash is the difference of the two in one process.

## What is not reached, and what stands in the way

- **Small requests**: V8 runs WebAssembly in the code of its first, fast compiler, and compiles a function again only
  when it has run some 13 MB of it (\`--wasm-tiering-budget\`). The hash gets there in its first milliseconds, the
  rest of a request hardly ever. What else a profile (\`perf record\` on workerd) showed is gone: wake-ups by the
  runtime's \`queueMicrotask\`, headers handed over in pairs, a crossing for each step of a KV or D1 call. These made
  no difference that stood out of the noise: no timers, no \`FinalizationRegistry\`, \`opt-level\` "s", 2 or 3, more
  inlining by \`wasm-opt\`.
- **Load and memory of an isolate**: there is much more code to decode, and the first sign-up compiles more than half
  of it.
- **A sign-up less its hash**: the local D1 and KV are in the same process and take most of it, as \`/users/\` shows,
  which hashes nothing.
- **Upload**: when it was 127 KiB, before it was optimised across crates, an empty Worker on the \`worker\` crate had
  38 KB of it, the guards against abuse 25, and Unicode's tables 13. Panics without messages would have saved 17, but
  need a compiler that is not stable (\`-Zbuild-std\`). Guards as features of the build would leave the goal out of
  reach as well, and a secret alone could no longer switch one on.

## Conditions

${markdown([["", ""], ...conditions()])}

\`\`\`
make bench                       # all of it, a quarter of an hour; writes this page
make bench QUICK=1               # fewer rounds, under two minutes; writes nothing
make bench ONLY=sign-up,users    # some of it; also PEERS=hono or PEERS=none
\`\`\`
`;
