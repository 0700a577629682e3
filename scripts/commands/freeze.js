"use strict";

const { each, look, nextStep, progressOf, requirePlaces } = require("../places");
const { LOCAL, or, withStorage } = require("../storage");
const { Stop, green } = require("../terminal");
const { call } = require("../wrangler");

const FREEZE = "UPDATE place SET frozen_at = coalesce(frozen_at, unixepoch()) RETURNING frozen_at";

/** The statements that tell a database which servers want which events. */
const subscribe = (rows) => {
  if (!rows.length) return [];
  const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
  const values = rows.map((row) => `(${[row.type, row.client_id, row.webhook_id].map(quoted).join(", ")})`);
  return [`INSERT OR IGNORE INTO subscriptions (type, client_id, webhook_id) VALUES ${values.join(", ")}`];
};

const date = (seconds) => new Date(seconds * 1000).toISOString().replace(".000", "");

/** The number of the generation to freeze. */
function chosen({ last, size, isDeployed, firstOpen, generations }, states) {
  if (firstOpen < 0 || firstOpen === last) {
    const before = generations[last - 1]?.map(({ number }) => states[number].place.frozen_at) ?? [];
    const frozen = before.length
      ? `Generation ${last - 1} is frozen since ${date(Math.max(...before))}, and generation`
      : "Generation";
    throw new Stop(
      `${frozen} ${last} is the last one, which takes the sign-ups: ${call("grow", { N: 4 }, ["4"])} comes first`,
    );
  }
  // Only the last generation can be without a deployment.
  if (firstOpen + 1 === last && !isDeployed) {
    throw new Stop(`Generation ${last}, of ${size} databases, is not deployed yet: ${call("deploy")} comes first`);
  }
  return firstOpen;
}

module.exports = {
  summary: "freeze the first generation of databases that still takes sign-ups",
  options: LOCAL,
  settings: true,

  async run({ local, ...storage }) {
    await withStorage({ remote: !local, ...storage }, async ({ all }) => {
      const advice = `Nothing has changed: ${call(local ? "dev" : "deploy")} comes first, which applies the migrations`;
      const states = await or(each(all, look), advice);
      requirePlaces(all, states, "nothing has changed");
      const progress = progressOf(all, states);
      const generation = chosen(progress, states);
      // A new generation may lack the list of the servers that are told of its users. Without the list it would write no
      // events.
      const [subscriptions] = await or(all[0].d1.query("SELECT * FROM subscriptions"), advice);
      const next = progress.generations[generation + 1];
      await or(
        each(next, async ({ d1 }) => d1.execute(subscribe(subscriptions))),
        `Nothing has changed: run ${call("freeze")} again`,
      );
      const frozen = await or(
        each(progress.generations[generation], async ({ d1 }) => (await d1.query(FREEZE))[0][0].frozen_at),
        `Generation ${generation} may be frozen in part: run ${call("freeze")} again, which completes it`,
      );
      console.log(green(`Generation ${generation} is frozen since ${date(Math.max(...frozen))}`));
      console.log(`${call("shards")} shows all databases`);
      for (const { number } of progress.generations[generation]) states[number].place.frozen_at ??= 0;
      console.log(nextStep(all, states));
    });
  },

  date,
};
