// Reads and edits wrangler.toml, without wrangler, which takes most of a second to start, and which cannot write into a
// .toml file that has comments.
"use strict";

const fs = require("node:fs");
const { isDeepStrictEqual } = require("node:util");

const { Stop } = require("./terminal");

const CONFIG = "wrangler.toml";

/** The text of the file. */
function readText() {
  try {
    return fs.readFileSync(CONFIG, "utf8");
  } catch ({ message }) {
    throw new Stop(`${CONFIG} cannot be read: ${message}`);
  }
}

/** The whole file, or the text of one, as an object. */
function readAll(text = readText(), file = CONFIG) {
  const { parse } = require("smol-toml");
  try {
    return parse(text);
  } catch ({ message, line }) {
    throw new Stop(`${file}${line ? `, line ${line}` : ""}: ${message.split("\n")[0]}: fix it there`);
  }
}

/** The tables of the command's environment, which does not inherit those of the top level. */
function own(all = readAll()) {
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

/** The place in `lines` of the last table under this header: from its first line to the header of the next table. */
function section(lines, header) {
  const start = lines.findLastIndex((line) => line.replace(/#.*/, "").trim() === header);
  const next = lines.findIndex((line, at) => at > start && line.startsWith("["));
  return start < 0 ? undefined : { start, end: next < 0 ? lines.length : next };
}

/** The place after the last line of a section that has a value. The comment after it may belong to the next table. */
const afterValues = (lines, { start, end }) =>
  lines.findLastIndex((line, at) => at >= start && at < end && /^\s*[^#\s]/.test(line)) + 1;

/**
 * The text of a configuration with more `databases` and other `vars` in the command's environment, and otherwise
 * unchanged. A variable takes the place of its line, also of one that is commented out.
 */
function edit(text, { databases = [], vars = {} }) {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.split(end);
  const valuesOf = (entry) => Object.entries(entry).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);

  const header = `[[${tableName("d1_databases")}]]`;
  const tables = databases.flatMap((entry) => ["", header, ...valuesOf(entry)]);
  const last = section(lines, header);
  if (last) lines.splice(afterValues(lines, last), 0, ...tables);

  const variables = `[${tableName("vars")}]`;
  if (Object.keys(vars).length && !section(lines, variables)) lines.push(variables, "");
  for (const [name, value] of Object.entries(vars)) {
    const place = section(lines, variables);
    const find = (pattern) =>
      lines.findIndex((line, at) => at > place.start && at < place.end && pattern.test(line));
    const old = [new RegExp(`^\\s*${name}\\s*=`), new RegExp(`^\\s*#\\s*${name}\\s*=`)]
      .map(find)
      .find((at) => at >= 0);
    lines.splice(old ?? afterValues(lines, place), old === undefined ? 0 : 1, ...valuesOf({ [name]: value }));
  }

  const edited = lines.join(end);
  const wanted = readAll(text);
  const env = process.env.CLOUDFLARE_ENV;
  const here = env ? wanted.env[env] : wanted;
  here.d1_databases = [...(here.d1_databases ?? []), ...databases];
  here.vars = { ...here.vars, ...vars };
  const plain = (value) => JSON.parse(JSON.stringify(value));
  try {
    if (isDeepStrictEqual(plain(readAll(edited)), plain(wanted))) return edited;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  throw new Stop(
    `${CONFIG} is written in a form that this program cannot edit: write ${header} and ${variables} as tables, with one ` +
      "value on each line",
  );
}

module.exports = { CONFIG, readText, readAll, own, tableName, binding, edit };
