"use strict";

const { keysOf } = require("./block");
const { OPTIONS, withStorage, or } = require("../storage");
const { Stop, green } = require("../terminal");
const { call } = require("../wrangler");

module.exports = {
  summary: "unblock an address or a range",
  arguments: ["IP"],
  options: OPTIONS,
  settings: true,

  async run({ IP, ...storage }) {
    const keys = keysOf(IP);
    const listed = await withStorage(storage, async ({ kv }) => {
      const list = await or(kv.list(), "The block list could not be read");
      // An entry that is younger than a minute may not be listed yet, so its key is deleted in any case.
      await or(kv.delete(keys[0]), "The entry could not be deleted");
      return list.map(({ name }) => name);
    });
    console.log(green(outcome(keys, listed)));
  },

  outcome,
};

/**
 * Says whether the deleted key, the first of `keys`, was on the list. It fails if one of the others, the ranges around
 * it, is on the list, because that range still blocks the address.
 */
function outcome([key, ...around], listed) {
  const wasListed = listed.includes(key);
  const range = around.find((range) => listed.includes(range));
  if (!range) return `${wasListed ? "Unblocked" : "Was not blocked"}: ${key}`;
  const own = wasListed ? "Its own entry is gone, but the" : "The";
  const advice = call("unblock", { IP: range }, [range]);
  throw new Stop(`Still blocked: ${key}. ${own} range ${range} is on the list: ${advice}`);
}
