"use strict";

const { OPTIONS, withStorage, or } = require("../storage");

module.exports = {
  summary: "list the blocked addresses and ranges",
  options: OPTIONS,
  settings: true,

  async run(storage) {
    const list = await or(
      withStorage(storage, ({ kv }) => kv.list()),
      "The block list could not be read",
    );
    // The list of breached passwords has a key in the same namespace.
    const entries = list.filter(({ name }) => name !== "breached-passwords");
    if (!entries.length) console.error("Nothing is blocked");
    for (const { name, expiration, metadata } of entries) {
      const until = expiration ? `until ${new Date(expiration * 1000).toISOString()}` : "for good";
      console.log([name, until, metadata?.reason].join("\t"));
    }
  },
};
