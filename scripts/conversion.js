// Turns the export file of another system into the lines of an import.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const { Failure } = require("./hashes");

const FOLDER = path.join(__dirname, "converters");

/**
 * The systems that have a converter. Each file of converters/ is one:
 *
 *   read       gives the users of a stream, as a reader of sources.js does
 *   username   the attribute that users sign in by there: `email` or `username`
 *   convert    gives the `email`, the `username`, the `hash` and the time `created` of a user, for the options of the
 *              command. It throws a `Failure` if the hash has an unknown form, and gives undefined if the value is
 *              not a user
 */
const SYSTEMS = fs
  .readdirSync(FOLDER)
  .map((file) => path.basename(file, ".js"))
  .sort();

/** The lines of an import, as `{ place, line }`, or `{ place, failure, field }` for a user that has none. */
async function* convert(stream, { from, client, username, ...options }) {
  const converter = require(path.join(FOLDER, from));
  const attribute = username ?? converter.username;
  for await (const { place, value, failure } of converter.read(stream)) {
    if (failure) yield { place, failure };
    else {
      const line = converted(() => converter.convert(value, options), attribute, client);
      if (line) yield { place, ...line };
    }
  }
}

function converted(user, attribute, client) {
  try {
    const found = user();
    return found && { line: line(found, attribute, client) };
  } catch (error) {
    if (error instanceof Failure) return { failure: error.message, field: error.field };
    // A member that is missing or of another type than the system exports.
    if (error instanceof TypeError || error instanceof SyntaxError)
      return { failure: "The user has an unknown form" };
    throw error;
  }
}

function line({ hash, created, ...names }, attribute, client) {
  const name = names[attribute];
  if (typeof name !== "string" || !name) throw new Failure(`The user has no ${attribute}`, "username");
  if (name.includes("\ufffd")) throw new Failure(`The ${attribute} must be UTF-8`, "username");
  if (!hash) throw new Failure("The user has no password", "password_hash");
  const time = created ? { created_at: utc(created) } : {};
  return Buffer.from(JSON.stringify({ client_id: client, username: name, password_hash: hash, ...time }));
}

/** A time in milliseconds, or as Postgres or Django write it, as `2026-11-24T10:00:00Z`. Without a zone it is UTC. */
function utc(time) {
  const text = String(time)
    .replace(" ", "T")
    .replace(/(:[0-9]{2}:[0-9]{2}([.][0-9]+)?)$/, "$1Z")
    .replace(/([+-][0-9]{2})$/, "$1:00");
  const date = new Date(/^[0-9]+$/.test(text) ? Number(text) : text);
  if (Number.isNaN(date.getTime())) throw new Failure("The time of the sign-up is unknown", "created_at");
  return date.toISOString().replace(/\.[0-9]{3}Z$/, "Z");
}

module.exports = { SYSTEMS, convert };
