// Makes the database and the block list on Cloudflare and writes their ids into wrangler.toml, because wrangler
// does not: it leaves a .toml file with comments as it is. `make provision` calls this.
//
//   LOCATION=weur     where the database lies: weur, eeur, apac, oc, wnam or enam
//   JURISDICTION=eu   or which law it stays within: eu, us or fedramp
//   CLOUDFLARE_ENV=…  the environment that they are for; without it, the top level
//   --check           says whether the ids are there, and makes nothing
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const { unstable_readConfig } = require("wrangler");

const CONFIG = "wrangler.toml";
const { LOCATION: location, JURISDICTION: jurisdiction, CLOUDFLARE_ENV: env } = process.env;
/** A table of the environment: it inherits none of these from the top level. */
const own = (table) => (env ? `env.${env}.${table}` : table);
const AGAIN = `run make provision${env ? ` ENV=${env}` : ""}`;

const DATABASE = {
  title: "database",
  table: "d1_databases",
  binding: "DB",
  key: "database_id",
  nameIn: (config, entry) => entry.database_name,
  list: ["d1", "list", "--json"],
  matches: (found, name) => found.name === name,
  idOf: (found) => found.uuid,
  create: (name) => [
    ...["d1", "create", name],
    ...(location ? ["--location", location] : []),
    ...(jurisdiction ? ["--jurisdiction", jurisdiction] : []),
  ],
};

const BLOCK_LIST = {
  title: "block list",
  table: "kv_namespaces",
  binding: "BLOCKLIST",
  key: "id",
  // As `wrangler deploy` names one that has no id.
  nameIn: (config) => `${config.name}-blocklist`,
  list: ["kv", "namespace", "list"],
  matches: (found, name) => found.title === name,
  idOf: (found) => found.id,
  create: (name) => ["kv", "namespace", "create", name],
};

/** What holds in the environment; wrangler's warnings were shown before. */
const readConfig = () => unstable_readConfig({ config: CONFIG, env }, { hideWarnings: true });

/** Ends the command with what is wrong. */
function fail(text) {
  console.error(text);
  process.exit(1);
}

/** The configuration as wrangler reads it, and its table of a binding; those of other environments are not looked at. */
function read({ table, binding }) {
  const config = readConfig();
  const entry = config[table].find((entry) => entry.binding === binding);
  return entry ? { config, entry } : fail(`${CONFIG} has no [[${own(table)}]] with binding = "${binding}"`);
}

/** The output of a wrangler command. */
function wrangler(command) {
  try {
    return execFileSync("wrangler", command, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  } catch {
    return fail(`wrangler ${command.join(" ")} failed: mend what its message says and ${AGAIN} again`);
  }
}

/** The account's own entry of a name. */
const look = ({ list, matches }, name) => JSON.parse(wrangler(list)).find((found) => matches(found, name));

/** Writes one more line below the binding, and leaves the rest of the file as it is. */
function write(resource, id) {
  const { table, binding, key } = resource;
  const line = `${key} = ${JSON.stringify(id)}`;
  const place = `^\\[\\[${own(table).replaceAll(".", "\\.")}\\]\\][^\\n]*\\n(?:(?!\\s*\\[)[^\\n]*\\n)*?\\s*binding\\s*=\\s*["']${binding}["'][^\\r\\n]*(\\r?\\n)`;
  const before = fs.readFileSync(CONFIG, "utf8");
  fs.writeFileSync(
    CONFIG,
    before.replace(new RegExp(place, "m"), (found, end) => `${found}${line}${end}`),
  );
  if (read(resource).entry[key] === id) return;
  fs.writeFileSync(CONFIG, before);
  fail(
    `${CONFIG} is written in a form that this script does not know: put ${line} below binding = "${binding}" yourself`,
  );
}

/** Gives a binding the id of the resource that the account has under its name, or that is made now. */
function provision(resource) {
  const { config, entry } = read(resource);
  const { title, key } = resource;
  if (entry[key]) return console.log(`The ${title} has its id: ${entry[key]}`);
  const name = resource.nameIn(config, entry);
  let found = look(resource, name);
  if (found) {
    if (resource === DATABASE && jurisdiction && found.jurisdiction !== jurisdiction) {
      fail(
        `The account has a database ${name} already, outside of the jurisdiction ${jurisdiction}, and a database does ` +
          `not move: choose another database_name in ${CONFIG}`,
      );
    }
    console.log(`The account has a ${title} ${name} already: it is taken as it is, where it is`);
  } else {
    wrangler(resource.create(name));
    found = look(resource, name);
    if (!found) fail(`wrangler made the ${title} ${name}, but does not list it yet: ${AGAIN} again`);
    console.log(`Made the ${title} ${name}`);
  }
  write(resource, resource.idOf(found));
  console.log(`Wrote its id into ${CONFIG}: ${resource.idOf(found)}`);
}

if (process.argv.includes("--check")) {
  for (const resource of [DATABASE, BLOCK_LIST]) {
    if (!read(resource).entry[resource.key]) {
      fail(
        `${CONFIG} has no id of the ${resource.title}${env ? ` of ${env}` : ""}: ${AGAIN} first, which makes it or finds it`,
      );
    }
  }
} else {
  if (location && jurisdiction) fail("Give LOCATION or JURISDICTION: a jurisdiction chooses the place itself");
  for (const resource of [DATABASE, BLOCK_LIST]) provision(resource);
}
