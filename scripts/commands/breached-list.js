"use strict";

const fs = require("node:fs");
const path = require("node:path");

const { OPTIONS, withStorage, or } = require("../storage");
const { Stop } = require("../terminal");

/** The text of a file, or of the standard input. */
function read(from) {
  try {
    return fs.readFileSync(from === "-" ? 0 : from, "utf8");
  } catch ({ message }) {
    throw new Stop(`The passwords could not be read: ${message}`);
  }
}

/** The list of these passwords. */
function make(passwords) {
  try {
    return require("../tools").breachedList(passwords);
  } catch (sentence) {
    throw new Stop(sentence);
  }
}

module.exports = {
  summary: 'store the list of breached passwords, for BREACHED_PASSWORDS = "list"',
  options: {
    from: {
      type: "string",
      value: "FILE",
      help: "make the list of the passwords in this file, one on each line; - reads the standard input",
    },
    output: { type: "string", value: "FILE", help: "write the list to this file, and do not store it" },
    ...OPTIONS,
  },
  settings: ({ output }) => output === undefined,

  async run({ from, output, ...storage }) {
    const list = from ? make(read(from)) : fs.readFileSync(path.join(__dirname, "../../data/breached-passwords"));
    if (output) {
      fs.writeFileSync(output, list);
      return;
    }
    // The list is stored in the block list's namespace, under a key that is not an address.
    await or(
      withStorage(storage, ({ kv }) => kv.put("breached-passwords", list)),
      "The list was not stored",
    );
    console.log("Stored the list of breached passwords");
  },
};
