// Applies the migrations to the databases: to those on Cloudflare by wrangler, and to those of this machine by the same
// Miniflare and in the same way as wrangler, without its start. So many databases take hardly longer than one.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const { each, look } = require("./places");
const { Stop } = require("./terminal");
const { wrangler } = require("./wrangler");

const folderOf = ({ migrations_dir: folder = "migrations" }) => folder;

/** The names of a database's migrations, in their order, without those that are applied. */
const missing = (entry, applied) =>
  fs
    .readdirSync(folderOf(entry))
    .filter((file) => file.endsWith(".sql") && !file.startsWith(".") && !applied.includes(file))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));

/**
 * Applies the migrations to databases on Cloudflare, and gives the state of each database. wrangler exits with success
 * even if a statement fails inside a successful answer, so this function checks that all migrations are applied. If they
 * are not, it stops the command with the sentence `problem`.
 */
async function applyRemotely(list, problem) {
  const lookAt = (database) => look(database).catch(({ message }) => ({ message, migrations: [] }));
  const lacks = ({ entry }, { message, migrations }) => message ?? missing(entry, migrations).join(" and ");
  // One database is asked only once, after the migrations.
  const states = list.length > 1 ? await each(list, lookAt) : [];
  for (const [at, database] of list.entries()) {
    if (states[at] && !lacks(database, states[at])) continue;
    const applied = await wrangler(["d1", "migrations", "apply", database.binding, "--remote"]);
    if (!applied.succeeded) throw new Stop(problem);
    states[at] = await lookAt(database);
    const left = lacks(database, states[at]);
    if (left) throw new Stop(`${database.binding} lacks migrations: ${left}\n${problem}`);
  }
  return states;
}

/** Applies the migrations to a database of this machine. */
async function applyLocally({ entry, d1 }) {
  const table = entry.migrations_table ?? "d1_migrations";
  // wrangler makes the table in the same form.
  const [, applied] = await d1.query(
    `CREATE TABLE IF NOT EXISTS "${table}" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, ` +
      "applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    `SELECT name FROM "${table}"`,
  );
  for (const name of missing(
    entry,
    applied.map(({ name }) => name),
  )) {
    const { unstable_splitSqlQuery: split } = require("wrangler");
    const sql = fs.readFileSync(path.join(folderOf(entry), name), "utf8");
    try {
      await d1.query(...split(sql), `INSERT INTO "${table}" (name) VALUES ('${name.replaceAll("'", "''")}')`);
    } catch ({ message }) {
      throw new Error(`${name}: ${message}`);
    }
  }
}

module.exports = { applyRemotely, applyLocally };
