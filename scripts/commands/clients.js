"use strict";

const { noTable, statement } = require("./client");
const { OPTIONS, withStorage, or } = require("../storage");

module.exports = {
  summary: "list the registered clients",
  options: OPTIONS,
  settings: true,

  async run(storage) {
    const [rows] = await or(
      withStorage(storage, ({ d1 }) => d1.query(statement("listClients"))),
      `The clients could not be listed: ${noTable()}`,
    );
    if (!rows.length) console.error("No client is registered");
    for (const row of rows) console.log(Object.values(row).join("\t"));
  },
};
