// Makes the database and the block list on Cloudflare and writes their ids into wrangler.toml. wrangler itself
// cannot write ids into a .toml file that has comments. `make provision` calls this script.
//
//   LOCATION=weur     the location of the database: weur, eeur, apac, oc, wnam or enam
//   JURISDICTION=eu   or the jurisdiction that the database stays in: eu, us or fedramp
//   CLOUDFLARE_ENV=…  the environment of the database and the block list; without it, the top level
//   --check           only checks that wrangler.toml has both ids
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const { unstable_readConfig } = require("wrangler");

const CONFIG = "wrangler.toml";
const { LOCATION: location, JURISDICTION: jurisdiction, CLOUDFLARE_ENV: env } = process.env;
/** The name of a table in the environment, which does not inherit the tables of the top level. */
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
  // `wrangler deploy` gives this name to a namespace that has no id.
  nameIn: (config) => `${config.name}-blocklist`,
  list: ["kv", "namespace", "list"],
  matches: (found, name) => found.title === name,
  idOf: (found) => found.id,
  create: (name) => ["kv", "namespace", "create", name],
};

/** The configuration of the environment. wrangler's warnings about it were printed before. */
const readConfig = () => unstable_readConfig({ config: CONFIG, env }, { hideWarnings: true });

/** Prints what is wrong and ends the command. */
function fail(text) {
  console.error(text);
  process.exit(1);
}

/** The configuration of the environment, and its table for a binding. */
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
    return fail(
      `wrangler ${command.join(" ")} failed: fix the problem that it reports and ${AGAIN} again. If wrangler is not ` +
        "signed in, run npx wrangler login or set CLOUDFLARE_API_TOKEN",
    );
  }
}

/** The resource of this name in the account, if there is one. */
const look = ({ list, matches }, name) => JSON.parse(wrangler(list)).find((found) => matches(found, name));

/** Adds a line with the id below the binding, and leaves the rest of the file as it is. */
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
    `${CONFIG} is written in a form that this script cannot edit: put ${line} below binding = "${binding}" yourself`,
  );
}

/** Writes the id of a binding's resource. If the account has no resource of that name yet, this function makes it. */
function provision(resource) {
  const { config, entry } = read(resource);
  const { title, key } = resource;
  if (entry[key]) return console.log(`${CONFIG} already has the id of the ${title}: ${entry[key]}`);
  const name = resource.nameIn(config, entry);
  let found = look(resource, name);
  if (found) {
    if (resource === DATABASE && jurisdiction && found.jurisdiction !== jurisdiction) {
      fail(
        `The account has a database ${name} already, outside of the jurisdiction ${jurisdiction}, and a database cannot ` +
          `be moved: choose another database_name in ${CONFIG}`,
      );
    }
    console.log(`The account has a ${title} ${name} already: it is used as it is, in its present location`);
  } else {
    wrangler(resource.create(name));
    found = look(resource, name);
    if (!found) fail(`wrangler made the ${title} ${name} but does not list it yet: ${AGAIN} again`);
    console.log(`Made the ${title} ${name}`);
  }
  write(resource, resource.idOf(found));
  console.log(`Wrote the id of the ${title} into ${CONFIG}: ${resource.idOf(found)}`);
}

if (process.argv.includes("--check")) {
  for (const resource of [DATABASE, BLOCK_LIST]) {
    if (!read(resource).entry[resource.key]) {
      fail(
        `${CONFIG} has no id of the ${resource.title}${env ? ` of ${env}` : ""}: ${AGAIN} first, which makes or finds the ${resource.title}`,
      );
    }
  }
} else {
  if (location && jurisdiction) fail("Give LOCATION or JURISDICTION: a jurisdiction already decides the location");
  for (const resource of [DATABASE, BLOCK_LIST]) provision(resource);
}
