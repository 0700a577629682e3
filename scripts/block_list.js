// Prints the texts that `make block`, `make unblock` and `make blocked` need. `blocked` and `unblocked` read the
// keys of the block list, as wrangler lists them, from the standard input.
//
//   metadata               prints the metadata of a new entry: REASON, which a listing shows
//   blocked                prints the entries of the list, one on each line
//   unblocked KEY RANGE…   says whether the deleted KEY was on the list, and whether a RANGE still blocks it
"use strict";

const fs = require("node:fs");

const readList = () => JSON.parse(fs.readFileSync(0, "utf8"));

const COMMANDS = {
  metadata() {
    console.log(JSON.stringify({ reason: process.env.REASON }));
  },

  blocked() {
    // The list of breached passwords has a key in the same namespace.
    const entries = readList().filter(({ name }) => name !== "breached-passwords");
    if (!entries.length) console.error("Nothing is blocked");
    for (const { name, expiration, metadata } of entries) {
      const until = expiration ? `until ${new Date(expiration * 1000).toISOString()}` : "for good";
      console.log([name, until, metadata?.reason].join("\t"));
    }
  },

  unblocked(key, ...around) {
    const listed = new Set(readList().map(({ name }) => name));
    const range = around.find((range) => listed.has(range));
    if (range) {
      const own = listed.has(key) ? "Its own entry is gone, but the" : "The";
      console.error(`Still blocked: ${key}. ${own} range ${range} is on the list: make unblock IP=${range}`);
      process.exitCode = 1;
    } else {
      console.log(`${listed.has(key) ? "Unblocked" : "Was not blocked"}: ${key}`);
    }
  },
};

const [command, ...keys] = process.argv.slice(2);
COMMANDS[command](...keys);
