// The measurements of the bench. A measurement gives rounds, and a round gives the values of each target.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

import { anywhere, expect, requestsOf, send } from "./requests.js";
import {
  cpu,
  peakMemory,
  settledCpu,
  size,
  start,
  startAll,
  startHashPrograms,
  withCrossings,
  withGenerations,
  withHash,
  withMemory,
  withPacedDatabases,
  withRows,
  withSteady,
} from "./targets.js";

// In a round each target has many short turns, so other work of the machine disturbs all targets alike. A target's
// turns together are long enough for the kernel, which counts a process's CPU in ticks of 10 ms.
const TURNS = 8;
const ALONE = { connections: 1, turnMs: 100 };
const TOGETHER = { connections: 16, turnMs: 150 };

/** The length of a PHC string under the Worker's default parameters. */
const PHC_LENGTH = 97;

/** The tag that Node's and the native program compute, with a salt of sixteen 7s. */
const TAG = "799f12b9e17710824482d829835acb69f5a9355bf774c4f07342823b11b90928";

/** The requests whose crossings are counted. */
const CROSSING = ["blocked", "invalid", "users", "sign-up"];

/** The same items in random order. */
function shuffled(items) {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** Calls `measure` for one target after another, and gives the values by the targets' names. */
async function inTurn(targets, measure) {
  const values = {};
  for (const target of targets) values[target.name] = await measure(target);
  return values;
}

/** Repeats `round` for `seconds`, at least twice, and gives its results. */
async function repeat(seconds, round) {
  // The first round is discarded, because V8 is still compiling hot code.
  await round();
  const rounds = [];
  const end = performance.now() + 1000 * seconds;
  while (rounds.length < 2 || performance.now() < end) rounds.push(await round());
  return rounds;
}

/** Gives rounds for `seconds`: the CPU and latency of one request in milliseconds, and the requests a second. */
async function compare(servers, seconds, request, { connections, turnMs } = ALONE) {
  const round = async () => {
    const before = await inTurn(servers, cpu);
    const walls = await inTurn(servers, () => []);
    const busy = await inTurn(servers, () => 0);
    for (let turn = 0; turn < TURNS; turn++) {
      // The order is random, because the background work of one target slows the next one down.
      for (const server of shuffled(servers)) {
        const begin = performance.now();
        const connection = async () => {
          do {
            const sent = performance.now();
            await request(server);
            walls[server.name].push(performance.now() - sent);
          } while (performance.now() < begin + turnMs);
        };
        await Promise.all(Array.from({ length: connections }, connection));
        busy[server.name] += performance.now() - begin;
      }
    }
    return inTurn(servers, (server) => {
      const sorted = walls[server.name].sort((a, b) => a - b);
      const count = sorted.length;
      return {
        cpu: (cpu(server) - before[server.name]) / count,
        latency: sorted[Math.floor(count / 2)],
        rate: (1000 * count) / busy[server.name],
      };
    });
  };
  return repeat(seconds, round);
}

/** Measures one kind of request, on all targets that know this kind. */
export function requests(kind, servers, seconds, how) {
  const able = servers.filter((server) => requestsOf(server)[kind]);
  const request = (server) => expect(server.ports[0], requestsOf(server)[kind]());
  return compare(able, seconds, request, how);
}

/** The same over many parallel connections. */
export const rate = (kind, servers, seconds) => requests(kind, servers, seconds, TOGETHER);

/** Gives the result of `measure` for servers, and stops them. */
async function during(servers, measure) {
  try {
    return await measure(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** Measures one password hash alone: our code, that of the JavaScript peers, Node's and the native program's. */
export async function hash(targets, seconds) {
  const workers = await startAll(targets.map(withHash));
  return during([...workers, ...startHashPrograms()], (servers) => compare(servers, seconds, oneHash));
}

async function oneHash({ hash, ask }) {
  if (ask) return assert.equal(await ask(), TAG);
  const { body } = await send(hash, { path: "/" });
  assert.equal(Number(body), PHC_LENGTH);
}

/**
 * Measures `/users/` as `requests` does, after each process has answered 200,000 requests: by then V8 has compiled the
 * hot functions again.
 */
export async function steady(targets, seconds) {
  return during(await startAll(targets.map(withSteady)), async (servers) => {
    const answer = async ({ steady }) => {
      for (let n = 0; n < 200; n++) await expect(steady, { path: "/", status: 200 });
    };
    await Promise.all(servers.map(answer));
    return requests("users", servers, seconds);
  });
}

/** Counts the calls between our wasm and JavaScript during a request of each kind, and the texts that are decoded. */
export async function crossings([ours]) {
  return during([await start(withCrossings(ours))], async ([{ crossings }]) => {
    const counts = {};
    for (const kind of CROSSING) {
      const answer = () => expect(crossings, requestsOf(ours)[kind]());
      // The first request of an isolate also reads the settings.
      await answer();
      const { headers } = await answer();
      counts[kind] = JSON.parse(headers.crossings);
    }
    return [counts];
  });
}

/**
 * Measures the CPU that our sign-up takes besides its hash. Both run in one process, because the hash differs by
 * more between two processes.
 */
export async function beside([ours], seconds) {
  return during([await start(withHash(ours))], ([server]) => {
    const signUp = () => expect(server.ports[0], requestsOf(ours)["sign-up"]());
    const hash = () => oneHash(server);
    return repeat(seconds, async () => {
      const [around, alone] = await average(server, signUp, hash);
      return { [ours.name]: { beside: around - alone } };
    });
  });
}

/** The CPU of one request of each kind. The kinds take turns on one server. */
async function average(server, ...kinds) {
  const totals = kinds.map(() => ({ cpu: 0, count: 0 }));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [kind, request] of kinds.entries()) {
      const before = cpu(server);
      for (let count = 0; count < 4; count++) await request();
      totals[kind].cpu += cpu(server) - before;
      totals[kind].count += 4;
    }
  }
  return totals.map(({ cpu, count }) => cpu / count);
}

/**
 * The CPU that it takes to load a new isolate, and to load it and answer its first sign-up. The CPU of one isolate
 * is subtracted from that of many.
 */
export async function isolates(targets, copies) {
  const measure = async (target) => {
    const many = await fresh(target, copies + 1, 1);
    const one = await fresh(target, 1, 1);
    return { load: (many.loaded - one.loaded) / copies, first: (many.used - one.used) / copies };
  };
  return [await inTurn(targets, measure)];
}

/** The peak memory of a fresh process during so many sign-ups. */
export async function memory(targets, signUps) {
  return [await inTurn(targets, (target) => fresh(target, 1, signUps))];
}

/** The size of each wasm's memory after some sign-ups, in MiB. */
export async function wasmMemory(targets) {
  return [await inTurn(targets.map(withMemory), (target) => fresh(target, 1, 5))];
}

/**
 * Starts a fresh process and sends so many sign-ups to each isolate, one after another. Gives the CPU in
 * milliseconds, `loaded` before the sign-ups and `used` after them; the `peak` of the memory in MiB; and the
 * memory of the `wasm` in MiB, if the target has an entry point for it.
 */
async function fresh(target, copies, signUps) {
  return during([await start(target, copies)], async ([server]) => {
    for (const port of server.ports) {
      for (let i = 0; i < signUps; i++) await expect(port, requestsOf(target)["sign-up"]());
    }
    const { loaded, memory } = server;
    const wasm = memory && Number((await send(memory, { path: "/" })).body) / 2 ** 20;
    return { loaded, used: await settledCpu(server), peak: peakMemory(server), wasm };
  });
}

/** The numbers of databases, of frozen generations and of rows that are compared. */
const SHARDS = [1, 2, 4, 8];
const FROZEN = [0, 1, 3];
const ROWS = [0, 1_000_000, 5_000_000];

/** The clients for each database. They keep all databases busy, although names spread unevenly for a moment. */
const CLIENTS = 32;

/** Measures the pace of `/users/` with one generation of several databases that take one statement at a time. */
export async function shards([ours], seconds) {
  const targets = SHARDS.map((size) => withPacedDatabases(withGenerations(ours, `${size}`, [size])));
  return during(await startAll(targets), async (servers) => {
    precede(true);
    const rounds = await repeat(seconds, () => inTurn(servers, pace));
    precede(false);
    return rounds;
  });
}

/** Gives the processes of this session precedence over other work of the machine, if the kernel lets us. */
function precede(isOn) {
  try {
    // https://man7.org/linux/man-pages/man7/sched.7.html
    writeFileSync("/proc/self/autogroup", isOn ? "-10" : "0");
  } catch {}
}

/** The requests a second in an isolate, and the share of this machine's processor time that was used meanwhile. */
async function pace({ name, databases: port }) {
  const body = JSON.stringify({ clients: CLIENTS * Number(name), milliseconds: 2000 });
  const [idle, begin] = [idleTime(), performance.now()];
  const answer = await expect(port, { path: "/", body, status: 200 });
  const busy = 1 - (idleTime() - idle) / (performance.now() - begin) / cpus().length;
  const { count, milliseconds } = JSON.parse(answer.body);
  return { rate: (1000 * count) / milliseconds, busy };
}

/** The time that this machine's processors were idle, in milliseconds. */
const idleTime = () => cpus().reduce((total, { times }) => total + times.idle, 0);

/**
 * Measures a growing service: with frozen generations, and with a `share` of the rows in the table. Gives the rounds of
 * each figure.
 */
export async function growth([ours], seconds, share) {
  const frozen = FROZEN.map((count) => withGenerations(ours, `${count}`, Array(count + 1).fill(1)));
  const signUps = await during(await startAll(frozen), (servers) => requests("sign-up", servers, seconds));
  const users = await during(await startAll(frozen), (servers) => requests("users", servers, seconds));
  filled ??= await fill(ours, share);
  const anyName = (server) => expect(server.ports[0], anywhere());
  const rows = await during(await startAll(filled), (servers) => compare(servers, seconds, anyName));
  return { "frozen-sign-up": signUps, "frozen-users": users, rows, bytes: await bytes(ours) };
}

let filled;

/** The targets with rows, made once for all sessions. */
async function fill(ours, share) {
  const folder = mkdtempSync(join(tmpdir(), "edge-signup-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  const targets = [];
  for (const rows of ROWS.map((rows) => rows * share)) {
    targets.push(await withRows(ours, `${rows}`, rows, folder));
  }
  return targets;
}

/** The bytes of a user, and of an account, in the database: the row and its indexes, after names in random order. */
async function bytes(ours) {
  const count = 50_000;
  const size = async (database, statement) => {
    const before = (await database.prepare("SELECT 1").run()).meta.size_after;
    const { meta } = await database.prepare(`${statement} FROM numbers`).bind(count).run();
    return { bytes: (meta.size_after - before) / count };
  };
  const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
    SELECT lower(hex(randomblob(5))), lower(hex(randomblob(5))), printf('request-id:%036d', n),`;
  return during([await start(ours)], async ([server]) => {
    const database = await server.database("DB");
    const values = `'$argon2id$v=19$m=19456,t=2,p=1$' || hex(randomblob(11)) || '$' || substr(hex(randomblob(22)), 2),
      'g7kj2axpf13umghr5m9xl6aiordknff'`;
    const users = `INSERT INTO users (username, username_key, request_key, password_hash, client_id) ${numbers} ${values}`;
    const accounts = `INSERT INTO accounts (name, name_key, request_key, privacy) ${numbers} 'Public'`;
    return [{ users: await size(database, users), accounts: await size(database, accounts) }];
  });
}

/** The sizes of the uploads. */
export const uploads = async (targets) => [await inTurn(targets, size)];
