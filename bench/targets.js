// What is compared, as `wrangler deploy` would upload it, and the workerd processes that serve it.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

// Both are the root's: what is measured runs on wrangler's own workerd.
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig as readConfig } from "wrangler";

/** An address on the block list of every process. */
export const BLOCKED = "203.0.113.7";

const OURS = "../migrations";

/** Where each target's configuration and tables are. */
const SOURCES = {
  "edge-signup": { config: "../wrangler.toml", migrations: OURS },
  js: { config: "peers/js/wrangler.toml", migrations: OURS },
  hono: { config: "peers/hono/wrangler.toml", migrations: OURS },
  "better-auth": { config: "peers/better-auth/wrangler.toml", migrations: "peers/better-auth/migrations" },
};

export const NAMES = Object.keys(SOURCES);

const run = promisify(execFile);
const here = (...path) => join(import.meta.dirname, ...path);
const esm = (path, file) => ({ type: "ESModule", path, contents: readFileSync(file, "utf8") });
const wasm = (path, file) => ({ type: "CompiledWasm", path, contents: readFileSync(file) });

/** A target: its upload's modules, the main one first, its settings and its migrations' statements. */
export async function prepare(name) {
  const { config, migrations } = SOURCES[name];
  // A trigger ends with "; END;": its statement goes on until there.
  const statements = readdirSync(here(migrations))
    .sort()
    .flatMap((file) =>
      readFileSync(here(migrations, file), "utf8")
        .replace(/--.*$/gm, "")
        .split(/;(?!\s*END\b)/),
    )
    .filter((statement) => statement.trim() !== "");
  const settings = readConfig({ config: here(config) }, { hideWarnings: true });
  return { name, modules: await upload(here(config)), settings, statements };
}

/** The modules that `wrangler deploy` would upload. */
async function upload(config) {
  const folder = mkdtempSync(join(tmpdir(), "edge-signup-bench-"));
  try {
    const options = ["deploy", "--dry-run", "--minify", "--outdir", folder, "--config", config];
    await run("wrangler", options, { cwd: dirname(config) });
    // Beside the modules there are a source map and a note.
    const files = readdirSync(folder).filter((file) => !/\.(map|md)$/.test(file));
    const module = (file) => ({ ".js": esm, ".wasm": wasm })[extname(file)](file, join(folder, file));
    return files.sort((a, b) => (b === "index.js") - (a === "index.js")).map(module);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The upload's size in KiB, as wrangler counts it: its modules one after another. */
export function size({ modules }) {
  const bytes = Buffer.concat(modules.map(({ contents }) => Buffer.from(contents)));
  return { raw: bytes.length / 1024, gzip: gzipSync(bytes).length / 1024 };
}

/** The same target with an entry point `memory`, which tells the size of its wasm's memory. */
export const withMemory = (target) => ({
  ...target,
  modules: [esm("memory.js", here("memory.js")), esm("capture.js", here("capture.js")), ...target.modules],
  entrypoint: "memory",
});

/** `edge-signup` or `js` with an entry point `hash`, which hashes a password and nothing else. */
export function withHash(target) {
  const library = here("node_modules/@phi-ag/argon2/dist");
  const modules =
    target.name === "js"
      ? [esm("argon2.js", join(library, "index.js")), wasm("argon2.wasm", join(library, "argon2.wasm"))]
      : [
          esm("capture.js", here("capture.js")),
          esm("index.js", here("hash/build/index.js")),
          esm("serve.js", here("../worker/serve.js")),
          wasm("index_bg.wasm", here("hash/build/index_bg.wasm")),
        ];
  return {
    ...target,
    modules: [esm("hash.js", here(`hash/${target.name}.js`)), ...modules],
    entrypoint: "hash",
  };
}

/** Starts a workerd process with `copies` isolates of a target, each on its own port, and fresh storage. */
export async function start(target, copies = 1) {
  const { name, settings, statements, modules, entrypoint } = target;
  const server = { name, lines: 0 };
  // The port is the worker's own: Miniflare's other one leads through a proxy.
  const sockets = [{ port: 0 }, ...(entrypoint ? [{ port: 0, entrypoint }] : [])];
  const worker = (copy) => ({
    name: `copy-${copy}`,
    modules: modules.map((module) => unlike(module, copy)),
    compatibilityDate: settings.compatibility_date,
    compatibilityFlags: settings.compatibility_flags,
    bindings: settings.vars,
    d1Databases: settings.d1_databases.map(({ binding }) => binding),
    kvNamespaces: settings.kv_namespaces.map(({ binding }) => binding),
    unsafeDirectSockets: sockets.map((socket) => ({ host: "127.0.0.1", ...socket })),
  });
  const before = children();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.NONE),
      cf: false,
      handleStructuredLogs: () => server.lines++,
      workers: Array.from({ length: copies }, (_, copy) => worker(copy)),
    }),
  );
  await miniflare.ready;
  server.pid = children().find((pid) => !before.includes(pid));
  server.loaded = await settledCpu(server);
  server.stop = () => miniflare.dispose();
  const port = async (copy, entrypoint) =>
    Number((await miniflare.unsafeGetDirectURL(`copy-${copy}`, entrypoint)).port);
  server.ports = await Promise.all(Array.from({ length: copies }, (_, copy) => port(copy)));
  if (entrypoint) server[entrypoint] = await port(0, entrypoint);
  if (statements.length > 0) {
    const database = await miniflare.getD1Database("DB");
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
  if (settings.kv_namespaces.length > 0) {
    const blockList = await miniflare.getKVNamespace("BLOCKLIST");
    await blockList.put(BLOCKED, "bench");
  }
  return server;
}

/** Starts a process for each target, one after another: each is known by being the newest child. */
export async function startAll(targets) {
  const servers = [];
  for (const target of targets) servers.push(await start(target));
  return servers;
}

/** The same module with a byte of its own in a custom section: V8 would share the code of equal ones. */
function unlike(module, copy) {
  if (module.type !== "CompiledWasm") return module;
  // Section 0, 3 bytes long: a name of one letter, and the byte.
  return { ...module, contents: Buffer.concat([module.contents, Buffer.from([0, 3, 1, 0x6e, copy])]) };
}

const children = () =>
  readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").map(Number);

const TICK = 1000 / Number(execFileSync("getconf", ["CLK_TCK"]));

/** What a server's process has used of the processor, user and system, all threads, in milliseconds. */
export function cpu({ pid }) {
  // From the third field on: the second may hold anything, and ends with ")".
  // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** The same once the process has come to rest: V8 compiles in the background. */
export async function settledCpu(server) {
  for (let last = -1, now = cpu(server); ; last = now, now = cpu(server)) {
    if (now === last) return now;
    await delay(100);
  }
}

/** The most memory that a server's process has held, in MiB. */
export const peakMemory = ({ pid }) =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
