"use strict";

const { OPTIONS, withStorage, or } = require("../storage");
const { Stop, green } = require("../terminal");
const { hasSources } = require("../wrangler");

module.exports = {
  summary: "block an address, or a range such as 203.0.113.0/24",
  arguments: ["IP"],
  options: {
    ttl: {
      type: "string",
      value: "TTL",
      help: "the seconds until the block ends, at least 60; by default it does not end",
    },
    reason: { type: "string", value: "REASON", help: "a text for the log and for the list" },
    ...OPTIONS,
  },
  settings: true,

  async run({ IP, ttl, reason = "blocked by an operator", ...storage }) {
    if (ttl !== undefined && !/^0*([6-9][0-9]|[1-9][0-9]{2,9})$/.test(ttl)) {
      const example = hasSources() ? "TTL=3600" : "--ttl 3600";
      throw new Stop(`TTL is "${ttl}": it must be a whole number of seconds and at least 60 as in ${example}`);
    }
    const [key] = keysOf(IP);
    // The reason is stored twice: in the value, which the Worker logs, and in the metadata, which a listing shows.
    const entry = { ttl: ttl && Number(ttl), metadata: { reason } };
    await or(
      withStorage(storage, ({ kv }) => kv.put(key, reason, entry)),
      "The entry could not be stored",
    );
    console.log(green(`Blocked: ${key}`));
  },

  keysOf,
};

/** The key of an address or a range, and then the keys of the ranges around it. */
function keysOf(written) {
  try {
    return require("../tools").blockKeys(written);
  } catch (sentence) {
    throw new Stop(sentence);
  }
}
