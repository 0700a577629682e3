"use strict";

const { each, look, requirePlaces } = require("../places");
const { OPTIONS, DATABASES, made, withStorage, or } = require("../storage");
const { Stop, progress } = require("../terminal");

const NAMES = [
  "SELECT id, username, username_key AS key FROM users ORDER BY id",
  "SELECT id, name, name_key AS key FROM accounts ORDER BY id",
];

module.exports = {
  summary: 'store the skeletons of the existing names, for CONFUSABLES = "deny"',
  options: { ...OPTIONS, ...DATABASES },
  settings: true,

  /**
   * Computes the skeletons of names that were stored before CONFUSABLES = "deny" was set, or before its rule or
   * Unicode's table changed.
   */
  async run(storage) {
    let names = 0;
    await withStorage(storage, async ({ all }) => {
      const states = await or(each(all, look), "The names could not be read");
      requirePlaces(all, states, storage.remote ? "no skeleton was stored" : made());
      for (const { d1, binding } of all) {
        const tables = await or(d1.query(...NAMES), `The names of ${binding} could not be read`);
        const statements = compute(tables);
        await or(
          progress(`Storing the skeletons of ${binding}`, d1.execute(statements)),
          `The skeletons of ${binding} could not be stored`,
        );
        names += statements.filter((sql) => sql.includes("OR IGNORE")).length / 3;
      }
    });
    console.log(`Names with a skeleton: ${names}`);
  },
};

function compute(tables) {
  try {
    return require("../tools").skeletonStatements(JSON.stringify(tables.map((results) => ({ results }))));
  } catch (sentence) {
    throw new Stop(`${sentence}\nThe names could not be read`);
  }
}
