// Adds a generation of databases. docs/scaling.md explains how a service grows.
//
// An interruption leaves a service that works: the new databases are bound first, then migrated and numbered, and SHARDS
// names them last. The same command then goes on where it was interrupted.
"use strict";

const fs = require("node:fs");

const { DATABASE, PLACE, ask, requireIds, requireJurisdiction, requireOnePlace, write } = require("./provision");
const { CONFIG, edit, own, readText } = require("../configuration");
const { applyRemotely } = require("../migrations");
const { each, isPlaced, look, nextStep, numbering, progressOf, requirePlaces } = require("../places");
const { another, count, databases, joined, shards } = require("../shards");
const { onCloudflare, or } = require("../storage");
const { Stop, green, say } = require("../terminal");
const { call } = require("../wrangler");

const withD1 = (list) => list.map((database) => ({ ...database, d1: onCloudflare(database.binding) }));

/** Stops if the service must first take another step. Gives whether the last growth has this size and only waits. */
function isRepeat(list, states, number) {
  const { last, size, isDeployed, firstOpen } = progressOf(list, states);
  if (!isDeployed && size === number) return true;
  if (!isDeployed) {
    throw new Stop(`The last growth, by ${size} databases, is not deployed yet: ${call("deploy")} comes first`);
  }
  if (firstOpen >= 0 && firstOpen < last) {
    throw new Stop(
      `Generation ${firstOpen} still takes sign-ups, although generation ${last} is there: ${call("freeze")} comes first`,
    );
  }
  return false;
}

/** Makes the databases that the account does not have, and gives the ids of all. */
async function make(entries, first, place) {
  const again = `run ${call("grow", { N: entries.length }, [String(entries.length)])}`;
  const list = async () => JSON.parse(await ask(DATABASE.list, again));
  const find = (all, entry) => all.find(({ name }) => name === entry.database_name);
  let all = await list();
  // By default the databases stay in the jurisdiction of the first one.
  const { jurisdiction } = all.find(({ uuid }) => uuid === first.database_id) ?? {};
  const chosen = place.location || place.jurisdiction ? place : { jurisdiction };
  for (const found of entries.map((entry) => find(all, entry)).filter(Boolean)) requireJurisdiction(found, chosen);
  const missing = entries.filter((entry) => !find(all, entry));
  for (const { database_name: name } of missing) {
    await ask(DATABASE.create(name, chosen), again);
    say(`Made the database ${name}`);
  }
  if (missing.length) all = await list();
  return entries.map((entry) => {
    const found = find(all, entry);
    if (!found)
      throw new Stop(`wrangler made the database ${entry.database_name} but does not list it yet: ${again} again`);
    return found.uuid;
  });
}

/** Writes the entries of the new databases into wrangler.toml, where it lacks them. */
async function bind(entries, first, place) {
  const known = own().d1_databases;
  const entryOf = ({ binding }) => known.find((entry) => entry.binding === binding);
  for (const entry of entries) {
    const { database_name: name } = entryOf(entry) ?? entry;
    if (name !== entry.database_name) {
      throw new Stop(
        `${CONFIG} has a database ${name} with binding = "${entry.binding}", which ${entry.database_name} needs: ` +
          "give that binding another name",
      );
    }
  }
  if (entries.every((entry) => entryOf(entry)?.database_id)) return;
  const ids = await make(entries, first, place);
  const complete = entries.map((entry, at) => {
    const { binding, database_name, ...others } = entry;
    return { binding, database_name, database_id: ids[at], ...others };
  });
  const added = complete.filter((entry) => !entryOf(entry));
  fs.writeFileSync(CONFIG, edit(readText(), { databases: added }));
  for (const { binding, database_id: id } of complete.filter(
    (entry) => entryOf(entry) && !entryOf(entry).database_id,
  )) {
    write({ ...DATABASE, binding }, id);
  }
}

module.exports = {
  summary: "add a generation of N databases",
  arguments: ["N"],
  options: PLACE,
  settings: true,

  async run({ N, ...place }) {
    const number = count("N", N);
    requireOnePlace(place);
    requireIds();
    const present = withD1(databases());
    const states = await or(
      each(present, look),
      `Nothing has changed: run ${call("deploy")} first, which applies the migrations`,
    );
    requirePlaces(present, states, "nothing has changed");
    const { vars = {} } = own();
    if (isRepeat(present, states, number)) {
      console.log(`Generation ${present.at(-1).generation}, of ${number} databases, is there`);
      console.log(nextStep(present, states));
      return;
    }

    const first = present[0].entry;
    const entries = Array.from({ length: number }, (_, at) => another(first, present.length + at));
    const grown = {
      SHARDS: `${vars.SHARDS ?? first.binding}; ${entries.map(({ binding }) => binding).join(" ")}`,
      SERVICE_ID: states[0].place.service,
    };
    const all = shards({ ...vars, ...grown });
    // This edit is not written. If the file has a form that cannot be edited, the command stops before it makes a database.
    edit(readText(), {
      databases: entries.filter(({ binding }) => !own().d1_databases.some((entry) => entry.binding === binding)),
      vars: grown,
    });

    await bind(entries, first, place);
    const added = withD1(joined(all.slice(present.length), own()));
    const again = `${CONFIG} does not name the new databases in SHARDS yet: run ${call("grow", { N }, [N])} again`;
    say(`Applying migrations to ${added.map(({ binding }) => binding).join(", ")}`);
    await applyRemotely(added, again);
    say("Numbering the databases");
    await each(added, async (database) => {
      const { SERVICE_ID: service } = grown;
      const answers = await or(database.d1.query(...numbering(database, service), "SELECT * FROM place"), again);
      if (isPlaced(database, answers.at(-1)[0], service)) return;
      throw new Stop(
        `The database ${database.entry.database_name} has another place already, and users or accounts: ` +
          "rename it or delete it at Cloudflare, and remove its lines from wrangler.toml",
      );
    });
    fs.writeFileSync(CONFIG, edit(readText(), { vars: grown }));
    console.log(
      green(`Wrote the databases of generation ${all.at(-1).generation} into ${CONFIG}: commit the file`),
    );
    console.log(
      nextStep(withD1(databases()), [
        ...states,
        ...added.map(() => ({ place: { deployed_at: null, frozen_at: null } })),
      ]),
    );
  },
};
