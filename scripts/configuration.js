// Reads wrangler.toml, without wrangler, which takes most of a second to start.
"use strict";

const fs = require("node:fs");

const { Stop } = require("./terminal");

const CONFIG = "wrangler.toml";

/** The whole file as an object. */
function readAll() {
  const { parse } = require("smol-toml");
  let text;
  try {
    text = fs.readFileSync(CONFIG, "utf8");
  } catch ({ message }) {
    throw new Stop(`${CONFIG} cannot be read: ${message}`);
  }
  try {
    return parse(text);
  } catch ({ message, line }) {
    throw new Stop(`${CONFIG}${line ? `, line ${line}` : ""}: ${message.split("\n")[0]}: fix it there`);
  }
}

/** The tables of the command's environment, which does not inherit those of the top level. */
function own() {
  const all = readAll();
  const env = process.env.CLOUDFLARE_ENV;
  return env ? { name: `${all.name}-${env}`, ...all.env?.[env] } : all;
}

/** The name of a table of the command's environment, as the file has it. */
const tableName = (table) => (process.env.CLOUDFLARE_ENV ? `env.${process.env.CLOUDFLARE_ENV}.${table}` : table);

/** The entry of a binding in a table of the command's environment. */
function binding(table, name) {
  const entry = own()[table]?.find?.((entry) => entry.binding === name);
  if (!entry) throw new Stop(`${CONFIG} has no [[${tableName(table)}]] with binding = "${name}"`);
  return entry;
}

module.exports = { CONFIG, readAll, own, tableName, binding };
