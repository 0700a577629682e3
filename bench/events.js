// Measures the rows and the CPU time of a sign-up whose events go to 0, 1 and 3 endpoints, and writes the table of the section
// "Events" of docs/benchmarks.md. It needs the built Workers.
//
//   node bench/events.js
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_splitSqlQuery as split } from "wrangler";

const TOKEN = "a-token-for-the-bench-0123456789012345";
const ALONE = 20;
const SIGN_UPS = 200;
const ACCOUNTS = 2000;

/** The main module of the bench's Worker, and its wasm modules, of which both have the same name. */
async function modules() {
  const files = [];
  const wasm = {
    name: "wasm",
    setup({ onResolve }) {
      onResolve({ filter: /\.wasm$/ }, ({ resolveDir, path }) => {
        const file = resolve(resolveDir, path);
        const name = `${files.length}-${basename(file)}`;
        files.push({ type: "CompiledWasm", path: `/${name}`, contents: readFileSync(file) });
        return { path: `./${name}`, external: true };
      });
    },
  };
  const { outputFiles } = await build({
    entryPoints: ["bench/events-worker.js"],
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*"],
    plugins: [wasm],
    write: false,
  });
  return [{ type: "ESModule", path: "/main.js", contents: outputFiles[0].text }, ...files];
}

const statements = () =>
  readdirSync("migrations")
    .sort()
    .flatMap((file) => split(readFileSync(`migrations/${file}`, "utf8")));

/** The CPU time of workerd, in ms. Miniflare starts it as the only child of this process that lasts. */
function cpu() {
  const [pid] = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8")
    .split(" ")
    .filter((id) => id && readFileSync(`/proc/${id}/cmdline`, "utf8").includes("workerd"));
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function measure(endpoints) {
  const receiver = createServer((request, answer) =>
    request.resume().on("end", () => answer.writeHead(204).end()),
  );
  await once(receiver.listen(0, "127.0.0.1"), "listening");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      log: new Log(LogLevel.NONE),
      modulesRoot: "/",
      modules: await modules(),
      name: "bench",
      compatibilityDate: "2026-11-17",
      bindings: { ADMIN_TOKEN: TOKEN, WEBHOOK_KEY: TOKEN, ARGON2_MEMORY_KIB: "19456", ARGON2_ITERATIONS: "2" },
      d1Databases: ["DB"],
      kvNamespaces: ["BLOCKLIST"],
      ratelimits: { WRONG_TOKENS: { namespace_id: "1", simple: { limit: 20, period: 60 } } },
      serviceBindings: { EVENTS: { name: "bench", entrypoint: "Deliverer" } },
    }),
  );
  const url = (await miniflare.ready).origin;
  const database = await miniflare.getD1Database("DB");
  for (const statement of statements()) await database.prepare(statement).run();
  const ask = async (method, path, body, headers = {}) => {
    const answer = await fetch(url + path, {
      method,
      headers: {
        Authorization: `Bearer ${TOKEN}`,
        "CF-Connecting-IP": "192.0.2.1",
        ...headers,
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text;
  };
  const rows = async () => JSON.parse(await ask("GET", "/rows"));
  const nudge = endpoints > 0 ? { Nudge: "1" } : {};
  const signUp = (n, headers) =>
    ask("POST", "/sign-up", { username: `u${n}`, password: "correct horse", client_id: "bench" }, headers);
  for (let n = 0; n < endpoints; n++) {
    const { port } = receiver.address();
    await ask("POST", "/webhooks", {
      url: `http://127.0.0.1:${port}/`,
      events: ["user.created", "account.created"],
    });
  }
  const settled = async () => {
    const left = "SELECT count(*) AS left FROM deliveries WHERE delivered_at IS NULL";
    for (;;) {
      await sleep(300);
      if ((await database.prepare(left).first("left")) === 0) return sleep(700);
    }
  };
  const cost = async (count, one) => {
    const begin = cpu();
    for (let n = 0; n < count; n++) await one(n);
    await settled();
    return (cpu() - begin) / count;
  };
  // The first sign-up of an isolate asks the database for its place. Without a nudge nothing is delivered.
  await signUp("first");
  await sleep(1500);
  await rows();
  for (let n = 0; n < ALONE; n++) await signUp(`alone${n}`);
  const alone = await rows();
  await signUp("second", nudge);
  await settled();
  await rows();
  const signUpCpu = await cost(SIGN_UPS, (n) => signUp(`cpu${n}`, nudge));
  const whole = await rows();
  const accountCpu = await cost(ACCOUNTS, (n) =>
    ask("POST", "/users/", undefined, { Username: `a${n}`, ...nudge }),
  );
  await rows();
  const events = await database.prepare("SELECT count(*) AS n FROM events").first("n");
  await database.prepare("UPDATE events SET created_at = created_at - 8 * 86400").run();
  await ask("GET", "/cron?at=0");
  const purge = await rows();
  await miniflare.dispose();
  receiver.close();
  return {
    endpoints,
    written: alone.written / ALONE,
    read: alone.read / ALONE,
    delivered: (whole.written - (alone.written * SIGN_UPS) / ALONE) / SIGN_UPS,
    purged: events ? purge.written / events : 0,
    signUpCpu,
    accountCpu,
  };
}

/** Writes the table into the document. */
function write(results) {
  const rows = [
    ["endpoints", ({ endpoints }) => endpoints],
    ["rows that a sign-up writes", ({ written }) => written],
    ["rows that a sign-up reads", ({ read }) => read],
    ["rows that its deliveries write", ({ delivered }) => Math.round(delivered)],
    ["rows that their deletion writes", ({ purged }) => Math.round(purged)],
    ["`POST /sign-up`: CPU, with its deliveries", ({ signUpCpu }) => `${signUpCpu.toFixed(0)} ms`],
    ["`POST /users/`: CPU, with its deliveries", ({ accountCpu }) => `${accountCpu.toFixed(1)} ms`],
  ];
  const [head, ...body] = rows.map(([label, cell]) => `| ${[label, ...results.map(cell)].join(" | ")} |`);
  const table = [head, head.replaceAll(/[^|]+/g, "---"), ...body].join("\n");
  const page = readFileSync("docs/benchmarks.md", "utf8");
  writeFileSync(
    "docs/benchmarks.md",
    page.replace(/^\| endpoints \|.*?(?=\n\n)/ms, () => table),
  );
  console.log(table);
}

if (process.platform !== "linux") {
  console.error("CPU time is read from /proc: the bench needs Linux");
  process.exit(2);
}
const results = [];
for (const endpoints of [0, 1, 3]) results.push(await measure(endpoints));
write(results);
