// Makes the first database and the block list on Cloudflare and writes their ids into wrangler.toml.
"use strict";

const fs = require("node:fs");

const { CONFIG, binding: read, own, tableName } = require("../configuration");
const { databases } = require("../shards");
const { Stop, green } = require("../terminal");
const { call, wrangler } = require("../wrangler");

const again = () => `run ${call("provision")}`;

const DATABASE = {
  title: "database",
  table: "d1_databases",
  binding: "DB",
  key: "database_id",
  nameIn: (entry) => entry.database_name,
  list: ["d1", "list", "--json"],
  matches: (found, name) => found.name === name,
  foundId: (found) => found.uuid,
  create: (name, { location, jurisdiction }) => [
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
  nameIn: () => `${own().name}-blocklist`,
  list: ["kv", "namespace", "list"],
  matches: (found, name) => found.title === name,
  foundId: (found) => found.id,
  create: (name) => ["kv", "namespace", "create", name],
};

/** The first database, and the block list. */
const resources = () => [{ ...DATABASE, binding: databases()[0].binding }, BLOCK_LIST];

/** The output of a wrangler command. */
async function ask(command, again = `run ${call("provision")}`) {
  const { succeeded, output } = await wrangler(command, { capture: true });
  if (succeeded) return output;
  throw new Stop(
    `wrangler ${command.join(" ")} failed: fix the problem that it reports and ${again} again. If wrangler is not ` +
      "signed in, run npx wrangler login or set CLOUDFLARE_API_TOKEN",
  );
}

/** The resource of this name in the account, if there is one. */
const look = async ({ list, matches }, name) => JSON.parse(await ask(list)).find((found) => matches(found, name));

/** The id that a resource has, if it is not one of the zeros that a package has in its place. */
const idOf = ({ table, binding, key }) => {
  const id = read(table, binding)[key];
  return id && !/^[0-]+$/.test(id) ? id : undefined;
};

/**
 * Adds a line with the id below the binding, or replaces the line with zeros there. The rest of the file stays as it is.
 */
function write({ table, binding, key }, id) {
  const line = `${key} = ${JSON.stringify(id)}`;
  const header = tableName(table).replaceAll(".", "\\.");
  const place = `^\\[\\[${header}\\]\\][^\\n]*\\n(?:(?!\\s*\\[)[^\\n]*\\n)*?\\s*binding\\s*=\\s*["']${binding}["'][^\\r\\n]*(\\r?\\n)`;
  const before = fs.readFileSync(CONFIG, "utf8");
  const zeros = `${key} = "${read(table, binding)[key]}"`;
  const after = before.includes(zeros)
    ? before.replace(zeros, line)
    : before.replace(new RegExp(place, "m"), (found, end) => `${found}${line}${end}`);
  fs.writeFileSync(CONFIG, after);
  if (read(table, binding)[key] === id) return;
  fs.writeFileSync(CONFIG, before);
  throw new Stop(
    `${CONFIG} is written in a form that this program cannot edit: put ${line} below binding = "${binding}" yourself`,
  );
}

/** Stops if a database of the account is outside of the jurisdiction that the operator asks for. */
function requireJurisdiction({ name, jurisdiction: actual }, { jurisdiction }) {
  if (!jurisdiction || actual === jurisdiction) return;
  throw new Stop(
    `The account has a database ${name} already, outside of the jurisdiction ${jurisdiction}, and a database cannot ` +
      `be moved: choose another database_name in ${CONFIG}`,
  );
}

/** Writes the id of a binding's resource. If the account has no resource of that name yet, this function makes it. */
async function provision(resource, place) {
  const { title, table, binding } = resource;
  const entry = read(table, binding);
  if (idOf(resource)) {
    console.log(`${CONFIG} already has the id of the ${title}: ${idOf(resource)}`);
    return;
  }
  const name = resource.nameIn(entry);
  let found = await look(resource, name);
  if (found) {
    if (table === DATABASE.table) requireJurisdiction(found, place);
    console.log(`The account has a ${title} ${name} already: it is used as it is, in its present location`);
  } else {
    await ask(resource.create(name, place));
    found = await look(resource, name);
    if (!found) throw new Stop(`wrangler made the ${title} ${name} but does not list it yet: ${again()} again`);
    console.log(`Made the ${title} ${name}`);
  }
  write(resource, resource.foundId(found));
  console.log(green(`Wrote the id of the ${title} into ${CONFIG}: ${resource.foundId(found)}`));
}

/** Checks that wrangler.toml has the ids of the block list and of all databases. */
function requireIds() {
  const env = process.env.CLOUDFLARE_ENV;
  for (const resource of resources()) {
    if (idOf(resource)) continue;
    const { title } = resource;
    throw new Stop(
      `${CONFIG} has no id of the ${title}${env ? ` of ${env}` : ""}: ${again()} first, which makes or finds the ${title}`,
    );
  }
  for (const { binding, entry } of databases()) {
    if (!entry.database_id)
      throw new Stop(`${CONFIG} has no database_id of ${binding}: write the line below its binding`);
  }
}

/** The options that say where a database is made. */
const PLACE = {
  location: {
    type: "string",
    value: "PLACE",
    help: "the location of the database: weur, eeur, apac, oc, wnam or enam",
  },
  jurisdiction: {
    type: "string",
    value: "LAW",
    help: "or the jurisdiction that the database stays in: eu, us or fedramp",
  },
};

function requireOnePlace({ location, jurisdiction }) {
  if (location && jurisdiction) {
    throw new Stop("Give LOCATION or JURISDICTION: a jurisdiction already decides the location");
  }
}

module.exports = {
  summary: "make the remote database and block list once",
  options: PLACE,
  settings: true,

  async run(place) {
    requireOnePlace(place);
    for (const resource of resources()) await provision(resource, place);
  },

  DATABASE,
  PLACE,
  ask,
  requireIds,
  requireJurisdiction,
  requireOnePlace,
  write,
};
