// The block list and the database: those of this machine, in the folder STATE, or with `--remote` those on Cloudflare.
// The local ones are opened by the same Miniflare that wrangler uses, without the start of wrangler, and under the ids
// that wrangler gives them. A running `wrangler dev` may use the folder meanwhile: SQLite locks its files.
"use strict";

const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");

const { Stop } = require("./terminal");
const { binding } = require("./configuration");
const { wrangler } = require("./wrangler");

/** The options of each command that uses the storage. */
const OPTIONS = {
  remote: { type: "boolean", help: "use what is deployed, and not this machine's own" },
  state: {
    type: "string",
    value: "DIR",
    help: "the folder of this machine's D1 and KV; by default .wrangler/state",
  },
};

/** Calls `use` with `{ kv, d1 }`: the block list and the database. A failure is an `Error` with the reason. */
async function withStorage({ remote, state = process.env.STATE }, use) {
  if (remote) return use(REMOTE);
  const { Miniflare, convertV4MiniflareOptions } = createRequire(require.resolve("wrangler"))("miniflare");
  const database = binding("d1_databases", "DB");
  const namespace = binding("kv_namespaces", "BLOCKLIST");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "",
      cf: false,
      resourcePersistencePath: path.resolve(state, "v3"),
      d1Databases: { DB: database.preview_database_id ?? database.database_id ?? "DB" },
      kvNamespaces: { BLOCKLIST: namespace.id ?? "BLOCKLIST" },
    }),
  );
  try {
    return await use(local(miniflare));
  } finally {
    await miniflare.dispose();
  }
}

const local = (miniflare) => ({
  kv: {
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
  },
  d1: {
    async query(...statements) {
      const db = await miniflare.getD1Database("DB");
      const answers = await db.batch(statements.map((sql) => db.prepare(sql)));
      return answers.map(({ results }) => results);
    },
    async execute(statements) {
      if (statements.length) await this.query(...statements);
    },
  },
});

/** Runs a wrangler command on what is deployed, and gives its output. */
async function onCloudflare(...args) {
  const { succeeded, output } = await wrangler([...args, "--remote"], { capture: true });
  if (!succeeded) throw new Error(output.trim() || "wrangler failed");
  return output;
}

/** Calls `use` with the path of a file that has this content, and removes the file. */
async function asFile(content, use) {
  fs.mkdirSync(".wrangler", { recursive: true });
  const file = `.wrangler/input.${process.pid}`;
  fs.writeFileSync(file, content);
  try {
    await use(file);
  } finally {
    fs.rmSync(file);
  }
}

const NAMESPACE = ["--binding", "BLOCKLIST"];

const REMOTE = {
  kv: {
    list: async () => JSON.parse(await onCloudflare("kv", "key", "list", ...NAMESPACE)),
    put: (key, value, { ttl, metadata } = {}) =>
      asFile(value, (file) =>
        onCloudflare(
          ...["kv", "key", "put", key, "--path", file, ...NAMESPACE],
          ...(ttl ? ["--ttl", String(ttl)] : []),
          ...(metadata ? ["--metadata", JSON.stringify(metadata)] : []),
        ),
      ),
    delete: (key) => onCloudflare("kv", "key", "delete", key, ...NAMESPACE),
  },
  d1: {
    async query(...statements) {
      const output = await onCloudflare("d1", "execute", "DB", "--json", "--command", statements.join(";\n"));
      // An answer that is not a JSON array is an error message of wrangler.
      if (!output.startsWith("[")) throw new Error(output.trim());
      return JSON.parse(output).map(({ results }) => results);
    },
    async execute(statements) {
      if (!statements.length) return;
      await asFile(`${statements.join("\n")}\n`, (file) =>
        onCloudflare("d1", "execute", "DB", "--yes", "--file", file),
      );
    },
  },
};

/** Waits for `work`. If it fails, the command ends with the reason and then with `advice`. */
async function or(work, advice) {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Stop) throw error;
    throw new Stop(`${error.message}\n${advice}`);
  }
}

module.exports = { OPTIONS, withStorage, or };
