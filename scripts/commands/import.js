// Sends the users of a file to the admin Worker, which stores them with the hashes of their passwords. The file is read,
// sent and answered in pieces, so its size does not matter.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const { admin } = require("../admin-client");
const { SYSTEMS, convert } = require("../conversion");
const { lines, TOO_LONG } = require("../sources");
const { Stop, green, red, ticker } = require("../terminal");
const { hasSources } = require("../wrangler");

/** The failures that the summary shows. */
const SHOWN = 10;

module.exports = {
  summary: "store the users of a file, with their password hashes",
  arguments: ["FILE"],
  options: {
    from: { type: "string", value: "SYSTEM", help: `the system that exported the file: ${SYSTEMS.join(", ")}` },
    client: {
      type: "string",
      value: "ID",
      help: "the client_id of the users; only with --from, and needed there",
    },
    username: {
      type: "string",
      value: "ATTRIBUTE",
      help: "email or username; by default the one by which users of the system sign in",
    },
    rounds: { type: "string", value: "ROUNDS", help: "firebase: rounds of the project; by default 8" },
    "mem-cost": { type: "string", value: "MEM_COST", help: "firebase: mem_cost of the project; by default 14" },
    url: {
      type: "string",
      value: "URL",
      help: "the address of the admin Worker; by default the one on this machine",
    },
    failures: {
      type: "string",
      value: "FILE",
      help: "write the answer for each line that is not stored to this file",
    },
    dry: { type: "boolean", help: "check the file, and store nothing" },
  },
  settings: false,

  async run({ FILE, url, failures, dry, ...options }) {
    check(options);
    const file = open(FILE);
    if (failures) requireOther(file, failures);
    const worker = admin(url);
    const { write } = await worker.session();
    if (!write)
      throw new Stop("This token may only read: an import needs the token ADMIN_TOKEN of the admin Worker");

    const tally = new Tally(failures);
    const entries = options.from ? convert(file.stream, options) : plain(file.stream);
    const stop = ticker(() => tally.progress(file));
    try {
      await worker.importLines(
        sendable(entries, tally),
        (answer, { place }) => tally.add({ ...place, ...answer }),
        { dry },
      );
    } catch (error) {
      stop();
      tally.print(dry);
      throw error;
    } finally {
      stop();
    }
    if (!tally.read) throw new Stop(`${FILE} has no users`);
    tally.print(dry);
    return tally.counts.invalid ? 1 : 0;
  },
};

function check({ from, client, username }) {
  if (from === undefined) {
    const [only] = Object.entries({ CLIENT_ID: client, USERNAME: username }).find(([, value]) => value) ?? [];
    if (only) throw new Stop(`${only} needs FROM: a line of an import has its own client_id and username`);
    return;
  }
  if (!SYSTEMS.includes(from)) throw new Stop(`FROM is "${from}": it must be one of ${SYSTEMS.join(", ")}`);
  if (!client)
    throw new Stop("CLIENT_ID is missing: it is the client_id of the users, as your application sends it");
  if (![undefined, "email", "username"].includes(username)) {
    throw new Stop(`USERNAME is "${username}": it must be email or username`);
  }
}

/** The stream of a file, and its size. */
function open(name) {
  const place = path.resolve(name);
  let fd;
  try {
    fd = fs.openSync(place);
  } catch ({ code }) {
    throw new Stop(code === "ENOENT" ? `There is no file ${place}` : `${place} cannot be read: ${code}`);
  }
  const stat = fs.fstatSync(fd);
  if (stat.isDirectory()) throw new Stop(`${place} is a folder: name a file in it`);
  if (stat.isFile() && stat.size === 0) throw new Stop(`${place} is empty`);
  return { fd, stream: fs.createReadStream("", { fd }), size: stat.size };
}

/** Stops if the failures would go into the file that is read, which the first of them would empty. */
function requireOther({ fd }, failures) {
  const stat = fs.statSync(failures, { bigint: true, throwIfNoEntry: false });
  const own = fs.fstatSync(fd, { bigint: true });
  if (stat?.isFile() && stat.dev === own.dev && stat.ino === own.ino) {
    throw new Stop(`FAILURES is "${failures}", which is the file of the users itself: name another file`);
  }
}

/** The lines of a file that has the form of an import already. The Worker checks them. */
async function* plain(stream) {
  for await (const { place, value: line } of lines(stream)) {
    yield line ? { place, line } : { place, failure: `The line ${TOO_LONG}` };
  }
}

/** The entries that have a line; the failures go to the tally. */
async function* sendable(entries, tally) {
  for await (const { place, line, failure: description, field } of entries) {
    tally.read += 1;
    if (line) yield { place, line };
    else tally.add({ ...place, status: "invalid", ...(field && { field }), description });
  }
}

/** Counts the answers, and keeps the first failures. */
class Tally {
  counts = { stored: 0, valid: 0, taken: 0, invalid: 0 };
  read = 0;
  answered = 0;
  first = [];
  start = Date.now();

  constructor(file) {
    if (!file) return;
    this.name = file;
    this.file = fs.openSync(file, "w", 0o600);
  }

  add(answer) {
    const { status } = answer;
    if (!(status in this.counts))
      throw new Stop(`The answer "${status}" is unknown: is this command of another version?`);
    this.counts[status] += 1;
    this.answered += 1;
    if (status === "invalid" && this.first.length < SHOWN) this.first.push(answer);
    if (this.file && (status === "invalid" || status === "taken")) {
      fs.writeSync(this.file, `${JSON.stringify(answer)}\n`);
    }
  }

  /** How far the import is. Some lines are read that have no answer yet. */
  progress({ stream, size }) {
    const seconds = (Date.now() - this.start) / 1000;
    const done = size && this.read ? ((stream.bytesRead / size) * this.answered) / this.read : undefined;
    const words = [
      ...(done ? [`${Math.floor(done * 100)} %`] : []),
      `${number(this.answered)} lines`,
      `${number(Math.round(this.answered / seconds))} a second`,
      ...(done ? [`${duration((seconds / done) * (1 - done))} left`] : []),
    ];
    return { done, text: words.join(", ") };
  }

  print(dry) {
    const { stored, valid, taken, invalid } = this.counts;
    console.log(green(dry ? `Valid: ${number(valid)}` : `Stored: ${number(stored)}`));
    console.log(`Taken: ${number(taken)}`);
    console.log(invalid ? red(`Invalid: ${number(invalid)}`) : "Invalid: 0");
    for (const { line, place = `line ${line}`, description } of this.first)
      console.log(`  ${place}: ${description}`);
    if (invalid <= SHOWN) return;
    const option = hasSources() ? "FAILURES=FILE" : "--failures FILE";
    const all = this.name ? `are in ${this.name}` : `${option} writes to a file`;
    console.log(`  and ${number(invalid - SHOWN)} more, all of which ${all}`);
  }
}

const number = (value) => value.toLocaleString("en");

function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (minutes <= 1) return `${Math.ceil(seconds)} s`;
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
