"use strict";

const { OPTIONS, withStorage, or } = require("../storage");
const { Stop, progress } = require("../terminal");

const NAMES = [
  "SELECT id, username, username_key AS key FROM users ORDER BY id",
  "SELECT id, name, name_key AS key FROM accounts ORDER BY id",
];

module.exports = {
  summary: 'store the skeletons of the existing names, for CONFUSABLES = "deny"',
  options: OPTIONS,
  settings: true,

  /**
   * Computes the skeletons of names that were stored before CONFUSABLES = "deny" was set, or before its rule or
   * Unicode's table changed.
   */
  async run(storage) {
    const statements = await withStorage(storage, async ({ d1 }) => {
      const tables = await or(d1.query(...NAMES), "The names could not be read");
      const statements = compute(tables);
      await or(progress("Storing the skeletons", d1.execute(statements)), "The skeletons could not be stored");
      return statements;
    });
    console.log(`Names with a skeleton: ${statements.filter((sql) => sql.includes("OR IGNORE")).length / 3}`);
  },
};

function compute(tables) {
  try {
    return require("../tools").skeletonStatements(JSON.stringify(tables.map((results) => ({ results }))));
  } catch (sentence) {
    throw new Stop(`${sentence}\nThe names could not be read`);
  }
}
