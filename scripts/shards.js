// The databases of the service, as SHARDS lists them.
"use strict";

const { CONFIG, edit, own, readAll, readText } = require("./configuration");
const { Stop } = require("./terminal");

/** The one database of a service without SHARDS. */
const ONLY = { binding: "DB", number: 0, generation: 0, position: 0, size: 1, placing: "name" };

/** The databases that the variables list, each with its place. */
function shards({ SHARDS, SERVICE_ID, CONFUSABLES } = {}) {
  if (SHARDS === undefined) return [ONLY];
  if (typeof SHARDS !== "string") throw new Stop('SHARDS must be one text, such as "DB; DB_1 DB_2"');
  let tools;
  try {
    tools = require("./tools");
  } catch {
    throw new Stop("SHARDS cannot be checked, because the tools of the commands are not built: run make settings");
  }
  try {
    return JSON.parse(tools.shards(SHARDS, SERVICE_ID, CONFUSABLES === "deny"));
  } catch (sentence) {
    throw new Stop(sentence);
  }
}

/** A whole number of databases, as the variable `name` has it. */
function count(name, value) {
  if (/^[1-9][0-9]{0,3}$/.test(value)) return Number(value);
  throw new Stop(`${name} is "${value}": it must be the number of databases, such as ${name}=4`);
}

/** The binding of the database of this number, and its entry in wrangler.toml, which is like that of the first one. */
function another(first, number) {
  const { database_name: name, migrations_dir: dir, migrations_table: table } = first;
  return {
    binding: `DB_${number}`,
    database_name: `${name}-${number}`,
    ...(dir !== undefined && { migrations_dir: dir }),
    ...(table !== undefined && { migrations_table: table }),
  };
}

/** Joins each of the databases with its entry in wrangler.toml. */
function joined(list, { d1_databases: entries = [] }) {
  return list.map((shard) => {
    const entry = entries.find(({ binding }) => binding === shard.binding);
    if (!entry) throw new Stop(`${CONFIG} has no database with binding = "${shard.binding}"`);
    return { ...shard, entry };
  });
}

/**
 * The text of a configuration with a first generation of this many databases, which `make dev DATABASES=…` serves. It
 * has the entries of wrangler.toml, and more like that of the first database.
 */
function manyDatabases(number) {
  const text = readText();
  const { vars, d1_databases: entries = [] } = own(readAll(text));
  const [first] = joined(shards(vars), { d1_databases: entries });
  const all = [first.entry, ...Array.from({ length: number - 1 }, (_, at) => another(first.entry, at + 1))];
  const missing = all.filter(({ binding }) => !entries.some((entry) => entry.binding === binding));
  return edit(text, { databases: missing, vars: { SHARDS: all.map(({ binding }) => binding).join(" ") } });
}

/**
 * The databases of the command's environment, in the order of their numbers, each with its place and its `entry` in
 * wrangler.toml. `DATABASES` is the variable of that name, for the databases of `make dev DATABASES=…`.
 */
function databases(DATABASES) {
  const all = own(readAll(DATABASES ? manyDatabases(count("DATABASES", DATABASES)) : undefined));
  return joined(shards(all.vars), all);
}

module.exports = { shards, count, another, joined, manyDatabases, databases };
