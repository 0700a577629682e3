// Calls the admin Worker over HTTP.
"use strict";

const { once } = require("node:events");
const http = require("node:http");
const https = require("node:https");
const { Readable, pipeline } = require("node:stream");
const { text } = require("node:stream/consumers");

const { knownToken } = require("./admin");
const { lines } = require("./sources");
const { Stop } = require("./terminal");

const LOCAL_HOST = /^(127\.[0-9.]+|localhost|\[::1\])$/;

/** The most that one request carries, so that it stays within the limits of a Worker on every plan. */
const PART = { lines: 10_000, bytes: 16 * 1024 * 1024 };
/** The milliseconds without any byte of an answer after which a connection counts as lost. */
const PATIENCE = 120_000;

/** The connection ended before every line had its answer. */
class Lost extends Error {}

/** The admin Worker at the address in this variable. By default it is that of the service on this machine. */
function admin(address = `http://127.0.0.1:${Number(process.env.PORT) + 1}`, variable = "URL") {
  const url = URL.canParse(address) ? new URL(address) : {};
  const isLocal = LOCAL_HOST.test(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)) {
    throw new Stop(`${variable} is "${address}": it must be the https:// address of the admin Worker`);
  }
  const { request, Agent } = url.protocol === "https:" ? https : http;
  const agent = new Agent({ keepAlive: true });
  const headers = { Authorization: `Bearer ${token(isLocal)}` };
  const place = url.origin;

  /** Sends a request, and gives its answer with status 200 or 201. */
  async function ask(method, path, { type, body } = {}) {
    const sent = request(new URL(path, url), {
      method,
      agent,
      headers: { ...headers, ...(type && { "Content-Type": type }) },
      timeout: PATIENCE,
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", () => {}); // the wait for the answer fails too
    // A Worker may answer before it has read the whole body: the answer then says more than the failure to send.
    if (body) pipeline(body, sent, () => {});
    else sent.end();
    const [answer] = await once(sent, "response");
    if (answer.statusCode === 200 || answer.statusCode === 201) return { sent, answer };
    const problem = await refusal(answer);
    sent.destroy();
    throw new Stop(`${place} answered ${answer.statusCode}: ${problem}`);
  }

  /** The JSON of an answer. */
  async function json(method, path, content) {
    let found;
    try {
      const { answer } = await ask(method, path, content && { ...content, body: Readable.from([content.body]) });
      found = JSON.parse(await text(answer));
    } catch (error) {
      if (error instanceof Stop) throw error;
      if (error instanceof SyntaxError) throw new Stop(`${place} is not an admin Worker: its answer is not JSON`);
      throw new Stop(
        `${place} does not answer (${error.code ?? error.message}): is the admin Worker running there?`,
      );
    }
    return Object(found);
  }

  const read = (path) => json("GET", path);

  return {
    place,

    /** The rights of the token. */
    session: () => read("/session"),

    read,

    /** Sends a change as JSON, and gives the answer. */
    change: (method, path, value) => json(method, path, { type: "application/json", body: JSON.stringify(value) }),

    /**
     * Sends `entries`, an iterator of `{ line, … }` in which `line` is bytes, in as many requests as it needs. Calls
     * `answered` with each answer and its entry.
     */
    async importLines(entries, answered, { dry = false } = {}) {
      for (let next = await entries.next(); !next.done; next = await entries.next()) {
        await importPart(next.value, entries, answered, dry);
      }
    },
  };

  async function importPart(first, entries, answered, dry) {
    const waiting = new Map();
    let number = 0;
    let size = 0;
    let broken;
    const send = (entry) => {
      number += 1;
      size += entry.line.length + 1;
      waiting.set(number, entry);
      return Buffer.concat([entry.line, Buffer.from("\n")]);
    };
    async function* body() {
      yield send(first);
      while (number < PART.lines && size < PART.bytes) {
        const next = await entries.next().catch((error) => {
          broken = error;
          return { done: true }; // the lines before the problem still get their answers
        });
        if (next.done) return;
        yield send(next.value);
      }
    }
    try {
      const path = dry ? "/imports?dry=1" : "/imports";
      const { sent, answer } = await ask("POST", path, {
        type: "application/x-ndjson",
        body: Readable.from(body()),
      });
      for await (const { value } of lines(answer)) {
        const { line, ...result } = JSON.parse(value);
        if (!waiting.has(line)) throw new Stop(`${place} stopped the import: ${result.description ?? value}`);
        answered(result, waiting.get(line));
        waiting.delete(line);
      }
      if (waiting.size || !sent.writableEnded) throw new Lost();
    } catch (error) {
      if (error instanceof Stop || !isConnection(error)) throw error;
      throw new Stop(
        `The connection to ${place} was lost: run the same command again, which changes nothing that is stored`,
      );
    }
    if (broken) throw broken;
  }
}

/** Whether an error comes from the network, or from an answer that was cut off. */
const isConnection = (error) =>
  error instanceof Lost ||
  error instanceof SyntaxError ||
  error.message === "no answer" ||
  /^(E(CONN|PIPE|HOST|NET|AI|TIMED)|ERR_(STREAM|HTTP|SSL)|HPE_)/.test(error.code ?? "");

/** The reason that an answer gives. */
async function refusal(answer) {
  let description = "";
  try {
    ({ description } = JSON.parse(await text(answer)));
  } catch {}
  if (description) return description;
  return answer.statusCode === 404 ? "there is no admin Worker" : "this is not an answer of the admin Worker";
}

function token(isLocal) {
  const value = (isLocal ? knownToken() : process.env.ADMIN_TOKEN)?.trim();
  if (!value) throw new Stop("ADMIN_TOKEN is missing: set it in the environment to the token of the admin Worker");
  if (!/^[\x21-\x7e]+$/.test(value)) throw new Stop("ADMIN_TOKEN must consist of visible ASCII characters");
  return value;
}

module.exports = { admin, PART };
