"use strict";

const { date } = require("./freeze");
const { each, look, nextStep, requirePlaces } = require("../places");
const { DATABASES, LOCAL, made, or, withStorage } = require("../storage");
const { call } = require("../wrangler");

/** The ids of users and accounts that the database gave. The first one is number × 2^40. */
const rowsOf = ({ number }, { ids }) =>
  ids.map((id) => Math.max(id - number * 2 ** 40, 0)).reduce((sum, count) => sum + count, 0);

/** A number of bytes in the largest unit that leaves at least 1. */
function size(bytes) {
  const [unit, divisor] = [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ].find(([, divisor]) => bytes >= divisor) ?? ["B", 1];
  return `${(bytes / divisor).toFixed(divisor === 1 ? 0 : 1)} ${unit}`;
}

/** Lines with aligned columns. Numbers end at the right. */
function aligned(rows, isRight) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const cell = (text, column) => (isRight[column] ? text.padStart(widths[column]) : text.padEnd(widths[column]));
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}

module.exports = {
  summary: "list the databases: their generations, rows and sizes",
  options: { ...LOCAL, ...DATABASES },
  settings: true,

  async run({ local, ...storage }) {
    await withStorage({ remote: !local, ...storage }, async ({ all }) => {
      const advice = `The databases could not be read: ${call(local ? "dev" : "deploy")} comes first, which applies the migrations`;
      const states = await or(each(all, look), advice);
      requirePlaces(all, states, local ? made() : "the Worker stores nothing there");
      const rows = all.map((database, at) => rowsOf(database, states[at]));
      const total = (generation) =>
        all.reduce((sum, database, at) => sum + (database.generation === generation ? rows[at] : 0), 0);
      const state = ({ generation }, { frozen_at: frozen, deployed_at: deployed }) => {
        if (frozen !== null) return date(frozen);
        return generation > 0 && deployed === null ? "waiting" : "open";
      };
      const table = all.map((database, at) => [
        database.binding,
        String(database.generation),
        state(database, states[at].place),
        String(rows[at]),
        size(states[at].size),
        total(database.generation) ? `${((100 * rows[at]) / total(database.generation)).toFixed(1)}%` : "-",
      ]);
      const header = ["database", "generation", "frozen since", "rows", "size", "share of sign-ups"];
      console.log(aligned([header, ...table], [false, true, false, true, true, true]));
      console.log(
        "Rows are counted by their ids: rows that were erased and sign-ups under taken names count too.",
      );
      console.log(nextStep(all, states));
    });
  },
};
