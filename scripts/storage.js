// The block list and the databases: those of this machine, in the folder STATE, or with `--remote` those on Cloudflare.
// The local ones are opened by the same Miniflare that wrangler uses, without the start of wrangler, and under the ids
// that wrangler gives them. A running `wrangler dev` may use the folder meanwhile: SQLite locks its files.
"use strict";

const { randomUUID } = require("node:crypto");
const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");

const { binding } = require("./configuration");
const { databases: listed } = require("./shards");
const { Stop } = require("./terminal");
const { call, hasSources, wrangler } = require("./wrangler");

/** The options of each command that uses the storage. */
const OPTIONS = {
  remote: { type: "boolean", help: "use what is deployed, and not this machine's own" },
  state: {
    type: "string",
    value: "DIR",
    help: "the folder of this machine's D1 and KV; by default .wrangler/state",
  },
};

/** The options of each command that uses what is deployed, unless it is told otherwise. */
const LOCAL = {
  local: { type: "boolean", help: "use this machine's own databases, and not those on Cloudflare" },
  state: OPTIONS.state,
};

/** The option of each command that uses all databases of this machine. */
const DATABASES = {
  databases: {
    type: "string",
    value: "N",
    help: "use the databases of edge-signup dev --databases N, and not those of SHARDS",
  },
};

/** The advice where a database of this machine has another place than SHARDS gives it. */
function made() {
  const option = hasSources() ? "DATABASES" : "--databases";
  const dev = call("dev", { DATABASES: "…" }, ["--databases", "…"]);
  return `if ${dev} made this state, give this command the same ${option}`;
}

/**
 * Calls `use` with `{ kv, d1, all }`: the block list, the first database, and all databases, each with its place and
 * its `d1`. A failure is an `Error` with the reason.
 */
async function withStorage({ remote, state = process.env.STATE, databases = process.env.DATABASES }, use) {
  if (remote) {
    const all = listed().map((database) => ({ ...database, d1: onCloudflare(database.binding) }));
    return use({ kv: REMOTE_KV, d1: all[0].d1, all });
  }
  const { Miniflare, convertV4MiniflareOptions } = createRequire(require.resolve("wrangler"))("miniflare");
  const all = listed(databases);
  const namespace = binding("kv_namespaces", "BLOCKLIST");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "",
      cf: false,
      resourcePersistencePath: path.resolve(state, "v3"),
      d1Databases: Object.fromEntries(
        all.map(({ binding, entry }) => [binding, entry.preview_database_id ?? entry.database_id ?? binding]),
      ),
      kvNamespaces: { BLOCKLIST: namespace.preview_id ?? namespace.id ?? "BLOCKLIST" },
    }),
  );
  try {
    const local = all.map((database) => ({ ...database, d1: onThisMachine(miniflare, database.binding) }));
    return await use({ kv: localKv(miniflare), d1: local[0].d1, all: local });
  } finally {
    await miniflare.dispose();
  }
}

const localKv = (miniflare) => ({
  async list() {
    const kv = await miniflare.getKVNamespace("BLOCKLIST");
    const keys = [];
    for (let page; !page?.list_complete; ) {
      page = await kv.list({ cursor: page?.cursor });
      keys.push(...page.keys);
    }
    return keys;
  },
  async put(key, value, { ttl, metadata } = {}) {
    const kv = await miniflare.getKVNamespace("BLOCKLIST");
    await kv.put(key, value, { expirationTtl: ttl, metadata });
  },
  async delete(key) {
    await (await miniflare.getKVNamespace("BLOCKLIST")).delete(key);
  },
});

/** A database of either kind. `ask` runs statements and gives their answers as D1 does. */
const database = (ask) => ({
  ask,
  query: async (...statements) => (await ask(...statements)).map(({ results }) => results),
});

const onThisMachine = (miniflare, binding) => ({
  ...database(async (...statements) => {
    const db = await miniflare.getD1Database(binding);
    return db.batch(statements.map((sql) => db.prepare(sql)));
  }),
  async execute(statements) {
    if (statements.length) await this.query(...statements);
  },
});

/** Runs a wrangler command on what is deployed, and gives its output. */
async function remotely(...args) {
  const { succeeded, output } = await wrangler([...args, "--remote"], { capture: true });
  if (!succeeded) throw new Error(output.trim() || "wrangler failed");
  return output;
}

/** Calls `use` with the path of a file that has this content, and removes the file. */
async function asFile(content, use) {
  fs.mkdirSync(".wrangler", { recursive: true });
  // Several databases may get a file at once.
  const file = `.wrangler/input.${randomUUID()}`;
  fs.writeFileSync(file, content);
  try {
    await use(file);
  } finally {
    fs.rmSync(file);
  }
}

const NAMESPACE = ["--binding", "BLOCKLIST"];

const REMOTE_KV = {
  list: async () => JSON.parse(await remotely("kv", "key", "list", ...NAMESPACE)),
  put: (key, value, { ttl, metadata } = {}) =>
    asFile(value, (file) =>
      remotely(
        ...["kv", "key", "put", key, "--path", file, ...NAMESPACE],
        ...(ttl ? ["--ttl", String(ttl)] : []),
        ...(metadata ? ["--metadata", JSON.stringify(metadata)] : []),
      ),
    ),
  delete: (key) => remotely("kv", "key", "delete", key, ...NAMESPACE),
};

const onCloudflare = (binding) => ({
  ...database(async (...statements) => {
    const output = await remotely("d1", "execute", binding, "--json", "--command", statements.join(";\n"));
    // An answer that is not a JSON array is an error message of wrangler.
    if (!output.startsWith("[")) throw new Error(output.trim());
    return JSON.parse(output);
  }),
  async execute(statements) {
    if (!statements.length) return;
    await asFile(`${statements.join("\n")}\n`, (file) =>
      remotely("d1", "execute", binding, "--yes", "--file", file),
    );
  },
});

/** Waits for `work`. If it fails, the command ends with the reason and then with `advice`. */
async function or(work, advice) {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Stop) throw error;
    throw new Stop(`${error.message}\n${advice}`);
  }
}

module.exports = { OPTIONS, LOCAL, DATABASES, made, withStorage, onCloudflare, or };
