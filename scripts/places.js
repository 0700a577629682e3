// The places of the databases. Each database has a row that says its place (docs/scaling.md), and the Worker stores
// nothing in a database whose place is not the one that SHARDS gives it.
"use strict";

const { own } = require("./configuration");
const { Stop } = require("./terminal");
const { call } = require("./wrangler");

/** Calls `work` for each item, for four at a time, and gives the results in the order of the items. */
async function each(items, work) {
  const results = [];
  const left = items.entries();
  const worker = async () => {
    for (const [at, item] of left) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return results;
}

/** The state of a database: its applied migrations, its place, the last ids that it gave, and its size in bytes. */
async function look({ entry, d1 }) {
  const [migrations, places, ids] = await d1.ask(
    `SELECT name FROM "${entry.migrations_table ?? "d1_migrations"}"`,
    "SELECT * FROM place",
    "SELECT name, seq FROM sqlite_sequence WHERE name IN ('users', 'accounts')",
  );
  return {
    migrations: migrations.results.map(({ name }) => name),
    place: places.results[0],
    ids: ids.results.map(({ seq }) => seq),
    size: ids.meta?.size_after,
  };
}

/** The columns of a place that make a difference. */
function columns({ number, generation, position, size, placing }, service) {
  return {
    number,
    generation,
    position,
    size,
    ...(size > 1 && { placing }),
    ...(service !== undefined && { service }),
  };
}

/** Whether a database has the place that SHARDS gives it. `service` is that of all databases, if it is known. */
const isPlaced = (shard, place, service) =>
  Object.entries(columns(shard, service)).every(([name, value]) => place[name] === value);

/**
 * The difference between a database's place and the one that SHARDS gives it, as the beginning of a sentence. It is
 * undefined if they are the same.
 */
function misplacement(shard, place, service) {
  if (isPlaced(shard, place, service)) return undefined;
  const text = (row, service) =>
    Object.entries(columns(row, service))
      .map((pair) => pair.join(" "))
      .join(", ");
  return `${shard.binding} has another place (${text(place, place.service)}) than SHARDS gives it (${text(shard, service)})`;
}

/** Stops if one of the databases has another place than SHARDS gives it. */
function requirePlaces(list, states, advice) {
  const { SERVICE_ID } = own().vars ?? {};
  const problem = list.map((shard, at) => misplacement(shard, states[at].place, SERVICE_ID)).find(Boolean);
  if (problem) throw new Stop(`${problem}: ${advice}`);
}

/**
 * The statements that give a database its place, and let its ids begin at number × 2^40. They may be repeated. They
 * change nothing in a database that has another place, if it ever stored a user or an account there, or if a Worker on
 * Cloudflare may use it. A database of this machine (`isLocal`) may also change to another service, since only the
 * operator uses it.
 */
function numbering(shard, service, isLocal) {
  const first = shard.number * 2 ** 40;
  const sql = (values) =>
    Object.entries(values).map(([name, value]) => `${name} = ${JSON.stringify(value).replaceAll('"', "'")}`);
  const place = sql({ ...columns(shard, service), placing: shard.placing }).join(", ");
  const isThere = `EXISTS (SELECT 1 FROM place WHERE ${sql(columns(shard, isLocal ? undefined : service)).join(" AND ")})`;
  const names = "name IN ('users', 'accounts')";
  const isFree =
    `NOT ${isThere} AND NOT EXISTS (SELECT 1 FROM sqlite_sequence, place WHERE ${names} AND seq > number << 40)` +
    (isLocal ? "" : " AND EXISTS (SELECT 1 FROM place WHERE deployed_at IS NULL AND frozen_at IS NULL)");
  return [
    `DELETE FROM sqlite_sequence WHERE ${names} AND ${isFree}`,
    `UPDATE place SET ${place}, deployed_at = NULL WHERE ${isFree}`,
    ...(isLocal ? [`UPDATE place SET service = '${service}' WHERE ${isThere}`] : []),
    "INSERT INTO sqlite_sequence (name, seq) SELECT column1, 0 FROM (VALUES ('users'), ('accounts')) " +
      `WHERE column1 NOT IN (SELECT name FROM sqlite_sequence) AND ${isThere}`,
    `UPDATE sqlite_sequence SET seq = ${first} WHERE ${names} AND seq < ${first} AND ${isThere}`,
  ];
}

/** The databases of the last generation of several, which are noted as deployed. */
const lastGeneration = (list) => (list.length > 1 ? generations(list).at(-1) : []);

/** Notes in the databases of the last generation that a Worker which has them is deployed. */
const markDeployed = (list) =>
  each(lastGeneration(list), ({ d1 }) =>
    d1.query("UPDATE place SET deployed_at = coalesce(deployed_at, unixepoch())"),
  );

/** The databases in a list for each generation. */
function generations(list) {
  const all = [];
  for (const database of list) {
    all[database.generation] ??= [];
    all[database.generation].push(database);
  }
  return all;
}

/** How far the service has grown: whether the last generation is deployed, and which generation is the first open one. */
function progressOf(list, states) {
  const all = generations(list);
  const last = all.length - 1;
  return {
    last,
    size: all[last].length,
    isDeployed: last === 0 || all[last].every(({ number }) => states[number].place.deployed_at !== null),
    firstOpen: all.findIndex((databases) =>
      databases.some(({ number }) => states[number].place.frozen_at === null),
    ),
    generations: all,
  };
}

/** The command that comes next, as a sentence. */
function nextStep(list, states) {
  const { last, isDeployed, firstOpen } = progressOf(list, states);
  if (!isDeployed)
    return `Next: ${call("deploy")}, which deploys the Worker with the databases of generation ${last}`;
  if (firstOpen >= 0 && firstOpen < last) {
    return `Next: ${call("freeze")}, after which generation ${firstOpen + 1} takes the sign-ups`;
  }
  return `Next: ${call("grow", { N: 4 }, ["4"])}, before a database of generation ${last} has 8 GB`;
}

module.exports = {
  each,
  look,
  isPlaced,
  requirePlaces,
  numbering,
  markDeployed,
  lastGeneration,
  progressOf,
  nextStep,
};
