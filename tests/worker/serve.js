// Serves a Worker of the tests, as `wrangler dev` would: with the configuration that wrangler reads, on the workerd of
// wrangler. `wrangler dev` itself puts a proxy in another workerd before the Worker, and takes the time of many
// requests to start. So only the tests of `make dev` start it.
//
//   node tests/worker/serve.js [MAIN] [--config FILE] [--var NAME:VALUE]… [--beside FILE]… [--service NAME:WORKER]…
//     [--nudge] [--cron]
//
//   STATE=folder   the folder of D1 and KV, whose tables exist already
//
// The databases that `--var SHARDS:…` names are added to those of the configuration. Each `--beside` is the configuration of
// another Worker in the same workerd, on the same storage and with the same variables. `admin/wrangler.toml` gets what
// `edge-signup dev` adds to it. Each `--service` lets the first Worker find another Worker as the binding `NAME`.
//
// With `--nudge` the first Worker has the binding EVENTS to the admin. With `--cron` the path `/NAME` of one more address runs
// the cron of the Worker NAME once, and answers when it has ended; `?at=` is its time in ms.
//
// Prints the address of each Worker, that of the first one last, and then what the Workers log. The server ends with its standard input.

const { once } = require("node:events");
const { readFileSync } = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { parseArgs } = require("node:util");

const { build } = require("esbuild");
const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = require("miniflare");
const wrangler = require("wrangler");

const admin = require("../../scripts/admin");

/** The modules of a Worker: the main file with its imports in one, and the wasm files that these import. */
async function bundle(main) {
  const files = [];
  const keepWasm = {
    name: "wasm",
    setup({ onResolve }) {
      onResolve({ filter: /\.wasm$/ }, (module) => {
        const file = path.resolve(module.resolveDir, module.path);
        files.push({ type: "CompiledWasm", path: `/${path.basename(file)}`, contents: readFileSync(file) });
        return { path: `./${path.basename(file)}`, external: true };
      });
    },
  };
  const { outputFiles } = await build({
    entryPoints: [main],
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*"],
    plugins: [keepWasm],
    write: false,
  });
  return [{ type: "ESModule", path: "/main.js", contents: outputFiles[0].text }, ...files];
}

/** The options of the Worker that a configuration describes. */
async function workerOf(file, main, { vars = {}, d1 = {} }) {
  const config = wrangler.unstable_readConfig({ config: file }, { hideWarnings: true });
  // The rules say how wrangler finds modules. Miniflare does not take them.
  const { modulesRules, ...worker } = wrangler.unstable_getMiniflareWorkerOptions(config).workerOptions;
  return {
    ...worker,
    name: config.name,
    bindings: { ...worker.bindings, ...vars },
    d1Databases: { ...d1, ...worker.d1Databases },
    modulesRoot: "/",
    modules: await bundle(main ?? config.main),
  };
}

/** The same for a Worker beside the first one, which has a port of its own. */
async function besideOf(file, options) {
  const isAdmin = file === admin.CONFIG;
  const config = isAdmin ? admin.derive(path.resolve(process.env.STATE, "admin/wrangler.json")) : file;
  const worker = await workerOf(config, undefined, isAdmin ? options : {});
  // A variable of its own configuration comes before a given one.
  const bindings = { ...options.vars, ...worker.bindings };
  return { ...worker, bindings, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] };
}

/** Serves the crons of the Workers, and gives the address. */
async function cron(miniflare) {
  const server = http.createServer(async ({ url }, answer) => {
    const { pathname, searchParams } = new URL(url, "http://cron");
    const worker = await miniflare.getWorker(pathname.slice(1));
    const scheduledTime = new Date(Number(searchParams.get("at") ?? Date.now()));
    const { outcome } = await worker.scheduled({ scheduledTime, cron: "* * * * *" });
    answer.end(outcome);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

async function serve() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string", default: "wrangler.toml" },
      var: { type: "string", multiple: true, default: [] },
      beside: { type: "string", multiple: true, default: [] },
      nudge: { type: "boolean" },
      cron: { type: "boolean" },
      service: { type: "string", multiple: true, default: [] },
    },
  });
  const pairs = (texts) => Object.fromEntries(texts.map((text) => text.split(/:(.*)/s).slice(0, 2)));
  const vars = pairs(values.var);
  const shards = (vars.SHARDS ?? "").split(/[\s;]+/).filter(Boolean);
  const added = Object.fromEntries(shards.map((binding) => [binding, binding]));
  const options = { vars, d1: added };
  const first = await workerOf(values.config, positionals[0], options);
  first.serviceBindings = { ...first.serviceBindings, ...pairs(values.service) };
  if (values.nudge) {
    const events = { name: admin.ownOfAdmin().name, entrypoint: "Deliverer" };
    first.serviceBindings = { ...first.serviceBindings, EVENTS: events };
  }
  const others = [];
  for (const file of values.beside) others.push(await besideOf(file, options));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.WARN),
      handleRuntimeStdio(...streams) {
        for (const stream of streams) stream.pipe(process.stdout);
      },
      resourcePersistencePath: path.resolve(process.env.STATE, "v3"),
      workers: [first, ...others],
    }),
  );
  const { origin } = await miniflare.ready;
  for (const { name } of others) {
    const { origin } = await miniflare.unsafeGetDirectURL(name);
    console.log(`==> ${name} on ${origin}`);
  }
  if (values.cron) console.log(`==> cron on ${await cron(miniflare)}`);
  console.log(`==> Ready on ${origin}`);
  process.stdin.resume().on("end", async () => {
    await miniflare.dispose();
    process.exit();
  });
}

serve();
