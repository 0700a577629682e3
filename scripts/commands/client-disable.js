"use strict";

const { statement } = require("./client");
const { OPTIONS, withStorage, or } = require("../storage");
const { Stop } = require("../terminal");
const { call } = require("../wrangler");

module.exports = {
  summary: "refuse the sign-ups of a client",
  arguments: ["ID"],
  options: OPTIONS,
  settings: true,

  async run({ ID, ...storage }) {
    const advice = `No client was disabled: ${call("clients")} lists the ids of all clients`;
    const [rows] = await or(
      withStorage(storage, ({ d1 }) => d1.query(statement("disableClient", ID))),
      advice,
    );
    if (!rows.length) throw new Stop(advice);
    console.log(rows[0].id);
  },
};
