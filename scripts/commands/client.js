"use strict";

const { OPTIONS, withStorage, or } = require("../storage");
const { Stop } = require("../terminal");
const { call } = require("../wrangler");

/** The advice where the local database was never made. */
const noTable = () => `if the local database has no table of clients run ${call("dev")} once`;

/** A statement for the table of clients, made of the values of the command line. */
function statement(make, ...values) {
  try {
    return require("../tools")[make](...values);
  } catch (sentence) {
    throw new Stop(sentence);
  }
}

module.exports = {
  summary: "register a client, or change one",
  arguments: ["NAME"],
  options: {
    origins: {
      type: "string",
      value: "ORIGINS",
      help: "the origins of its pages, separated by spaces; by default every origin",
    },
    id: {
      type: "string",
      value: "ID",
      help: "the client_id; by default a new one. A known id changes its client",
    },
    ...OPTIONS,
  },
  settings: true,

  async run({ NAME, origins = "", id = "", ...storage }) {
    const sql = statement("registerClient", NAME, origins, id);
    const [rows] = await or(
      withStorage(storage, ({ d1 }) => d1.query(sql)),
      `No client was registered: ${noTable()}`,
    );
    console.log(rows[0].id);
  },

  noTable,
  statement,
};
