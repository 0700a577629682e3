// The targets of the bench, as `wrangler deploy` would upload them, and the workerd processes that serve them.
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

// Both packages come from the root folder, so the targets run on the workerd of the pinned wrangler.
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig as readConfig, unstable_splitSqlQuery as split } from "wrangler";

/** An address on the block list of every process. */
export const BLOCKED = "203.0.113.7";

const OURS = "../migrations";

/** The configuration and the migrations of each target. */
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

/** Makes a target: the modules of its upload, the main one first, its settings and its migrations' statements. */
export async function prepare(name) {
  const { config, migrations } = SOURCES[name];
  const statements = readdirSync(here(migrations))
    .sort()
    .flatMap((file) => split(readFileSync(here(migrations, file), "utf8")));
  const settings = readConfig({ config: here(config) }, { hideWarnings: true });
  const databases = settings.d1_databases.map(({ binding }) => ({ binding, statements }));
  return { name, modules: await upload(here(config)), settings, databases };
}

/**
 * The same target under another name, with databases in generations of these sizes, as `make grow` leaves them. All
 * generations but the last are frozen, as `make freeze` leaves them.
 */
export function withGenerations(target, name, sizes) {
  const databases = [];
  const generations = sizes.map((size, generation) => {
    const members = Array.from({ length: size }, (_, position) => {
      const number = databases.length;
      const binding = number === 0 ? "DB" : `DB_${number}`;
      const statements = [
        ...target.databases[0].statements,
        `UPDATE place SET number = ${number}, generation = ${generation}, position = ${position}, size = ${size},
        placing = 'name', service = 'bench'`,
        `INSERT INTO sqlite_sequence (name, seq) VALUES ('users', ${number} << 40), ('accounts', ${number} << 40)`,
        ...(generation < sizes.length - 1 ? ["UPDATE place SET frozen_at = unixepoch()"] : []),
      ];
      databases.push({ binding, statements });
      return binding;
    });
    return members.join(" ");
  });
  const vars = { ...target.settings.vars, SHARDS: generations.join("; "), SERVICE_ID: "bench" };
  return { ...target, name, settings: { ...target.settings, vars }, databases };
}

/** The rows that one statement of `withRows` inserts. */
const PORTION = 250_000;

/** The same target under another name, with so many accounts, whose storage is kept in a new folder below `folder`. */
export async function withRows(target, name, rows, folder) {
  const kept = { ...target, name, state: mkdtempSync(join(folder, "rows-")) };
  const server = await start(kept);
  const database = await server.database("DB");
  // Keys in the order of the index fill it fastest. They are spread evenly, so a random name falls between two of them.
  for (let first = 0; first < rows; first += PORTION) {
    const portion = database.prepare(`INSERT INTO accounts (name, name_key, privacy, request_key)
      WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
      SELECT key, key, 'Public', printf('request-id:%036d', n)
      FROM (SELECT n, printf('%016x', n * ?3) AS key FROM numbers)`);
    await portion.bind(first, Math.min(first + PORTION, rows) - 1, Math.floor(2 ** 53 / rows)).run();
  }
  await server.stop();
  return { ...kept, databases: kept.databases.map(({ binding }) => ({ binding, statements: [] })) };
}

/** The modules that `wrangler deploy` would upload. */
async function upload(config) {
  const folder = mkdtempSync(join(tmpdir(), "edge-signup-bench-"));
  try {
    const options = ["deploy", "--dry-run", "--minify", "--outdir", folder, "--config", config];
    await run("wrangler", options, { cwd: dirname(config) });
    // The folder also has a source map and a README.
    const files = readdirSync(folder).filter((file) => !/\.(map|md)$/.test(file));
    const module = (file) => ({ ".js": esm, ".wasm": wasm })[extname(file)](file, join(folder, file));
    return files.sort((a, b) => (b === "index.js") - (a === "index.js")).map(module);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The size of the upload in KB of 1,000 bytes. As in wrangler, it is the size of all modules one after another. For
 * our Worker also the size that `make build` prints: `built`, of the wasm and its JavaScript before wrangler bundles
 * them, each compressed by `gzip -9`.
 */
export function size({ name, modules }) {
  const bytes = Buffer.concat(modules.map(({ contents }) => Buffer.from(contents)));
  const sizes = { raw: bytes.length / 1000, gzip: gzipSync(bytes).length / 1000 };
  if (name !== "edge-signup") return sizes;
  const files = ["index_bg.wasm", "index.js"].map((file) => here("../build", file));
  return { ...sizes, built: execFileSync("gzip", ["-9c", ...files]).length / 1000 };
}

/** Adds an entry point to a target: the file of its name, and the files that must run before the Worker's own. */
const withEntry =
  (entrypoint, ...before) =>
  (target) => {
    const modules = [`${entrypoint}.js`, ...before].map((file) => esm(file, here(file)));
    return { ...target, modules: [...modules, ...target.modules], entrypoint };
  };

/** The same target with an entry point `memory`, which answers the size of its wasm memory. */
export const withMemory = withEntry("memory", "capture.js");

/** The same target with an entry point `crossings`, which counts the calls between wasm and JavaScript. */
export const withCrossings = withEntry("crossings", "count.js");

/** The same target with an entry point `databases`, whose databases take one statement at a time. */
export const withPacedDatabases = withEntry("databases");

/** The same target with an entry point `steady`, which answers 1,000 requests within the isolate. */
export const withSteady = withEntry("steady");

/** `edge-signup` or `js` with an entry point `hash`, which only hashes a password. */
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

/** Starts a workerd process with `copies` isolates of a target, each on its own port. Its storage is fresh, or `state`. */
export async function start(target, copies = 1) {
  const { name, settings, databases, modules, entrypoint, state } = target;
  const server = { name, lines: 0 };
  // A socket of the Worker's own: Miniflare's usual port leads through a proxy.
  const sockets = [{ port: 0 }, ...(entrypoint ? [{ port: 0, entrypoint }] : [])];
  const worker = (copy) => ({
    name: `copy-${copy}`,
    modules: modules.map((module) => unlike(module, copy)),
    compatibilityDate: settings.compatibility_date,
    compatibilityFlags: settings.compatibility_flags,
    bindings: settings.vars,
    d1Databases: databases.map(({ binding }) => binding),
    kvNamespaces: settings.kv_namespaces.map(({ binding }) => binding),
    unsafeDirectSockets: sockets.map((socket) => ({ host: "127.0.0.1", ...socket })),
  });
  const before = children();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.NONE),
      cf: false,
      resourcePersistencePath: state,
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
  server.database = (binding) => miniflare.getD1Database(binding);
  for (const { binding, statements } of databases.filter(({ statements }) => statements.length > 0)) {
    const database = await server.database(binding);
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
  if (settings.kv_namespaces.length > 0) {
    const blockList = await miniflare.getKVNamespace("BLOCKLIST");
    await blockList.put(BLOCKED, "bench");
  }
  return server;
}

/** The programs that hash a password for each line that they read. */
const HASH_PROGRAMS = {
  node: [process.execPath, here("hash/node.js")],
  native: [here("../target/native/native")],
};

/** Starts these programs. The function `ask` of a program makes it hash once, and gives the tag. */
export function startHashPrograms() {
  return Object.entries(HASH_PROGRAMS).map(([name, [program, ...values]]) => {
    const child = spawn(program, values, { stdio: ["pipe", "pipe", "inherit"] });
    child.stdout.setEncoding("utf8");
    const ask = async () => {
      child.stdin.write("\n");
      const [line] = await once(child.stdout, "data");
      return line.trim();
    };
    return { name, pid: child.pid, ask, stop: () => child.kill() };
  });
}

/** Starts a process for each target, one after another, because `start` finds its process as the new child. */
export async function startAll(targets) {
  const servers = [];
  for (const target of targets) servers.push(await start(target));
  return servers;
}

/** The same module with a byte of its own in a custom section, because V8 would share the code of equal modules. */
function unlike(module, copy) {
  if (module.type !== "CompiledWasm") return module;
  // The section has the id 0 and 3 bytes: the length of its name, the name of one letter, and the byte.
  return { ...module, contents: Buffer.concat([module.contents, Buffer.from([0, 3, 1, 0x6e, copy])]) };
}

const children = () =>
  readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").map(Number);

const TICK = 1000 / Number(execFileSync("getconf", ["CLK_TCK"]));

/** The user and system CPU time of a server's process, over all threads, in milliseconds. */
export function cpu({ pid }) {
  // The fields from the third one on. The second field may contain any character, and ends with ")".
  // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** The same after the process has become idle, because V8 compiles in the background. */
export async function settledCpu(server) {
  for (let last = -1, now = cpu(server); ; last = now, now = cpu(server)) {
    if (now === last) return now;
    await delay(100);
  }
}

/** The peak memory of a server's process, in MiB. */
export const peakMemory = ({ pid }) =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
