// Checks a running service from outside, over HTTP. All names that it signs up begin with one random prefix. At the end
// it prints the commands that remove them, one for each database.
"use strict";

const { createHash, randomBytes } = require("node:crypto");
const { once } = require("node:events");
const http = require("node:http");
const https = require("node:https");
const { setTimeout: sleep } = require("node:timers/promises");
const zlib = require("node:zlib");

const { databases } = require("../shards");
const { Stop, green, red } = require("../terminal");
const { call: command } = require("../wrangler");

/** The address of the service, and the client_id of the sign-ups. */
let service;
let CLIENT;

const PREFIX = `verify-${randomBytes(6).toString("hex")}-`;
// The longest password that a sign-up may have: it satisfies every minimum and is not known from data breaches.
const PASSWORD = randomBytes(512).toString("hex");
const TIME_LIMIT = 60_000;
const AT_ONCE = 20;
// Cloudflare does not compress a body of less than some 50 bytes. A name of this length makes the answer long
// enough, so that the checks see a compressed answer.
const LONG = "x".repeat(50);

const JSON_TYPE = { "Content-Type": "application/json" };
const ORIGIN = { Origin: "https://verify.example" };

// The headers of every answer. A list may have more names than these.
const COMMON = {
  "X-Frame-Options": "SAMEORIGIN",
  "X-XSS-Protection": "1; mode=block",
  "X-Content-Type-Options": "nosniff",
  "X-UA-Compatible": "chrome=1",
  "Access-Control-Request-Method": "*",
  "Cache-Control": "max-age=0, private, must-revalidate",
};
// The path of the rules. Its 200 is the one answer that may be kept.
const RULES = "/.well-known/edge-signup";
const COMMON_LISTS = {
  "Access-Control-Allow-Methods": "POST, PUT, DELETE, GET, OPTIONS",
  "Access-Control-Allow-Headers":
    "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition",
  "Access-Control-Expose-Headers": "ETag, X-Request-Id, X-Runtime, X-Error-Reason, Retry-After",
};

/** An answer differs from the expected answer. */
class Mismatch extends Error {
  constructor(expected, actual) {
    super(`expected ${expected}, got ${actual}`);
    Object.assign(this, { expected, actual });
  }
}

/** A guard of the service refuses a request of a check, so the check cannot be run. */
class Guarded extends Error {}

/** Sends a request that accepts compressed answers, as a browser's does, and gives the answer. */
async function call(method, path, { headers = {}, body = "" } = {}) {
  const own = {
    "Accept-Encoding": "gzip, br",
    ...headers,
    ...(body && { "Content-Length": Buffer.byteLength(body) }),
  };
  // A header is sent as UTF-8. Node writes each character of a string as one byte, so each byte becomes a character.
  const bytes = Object.entries(own).map(([name, value]) => [name, Buffer.from(String(value)).toString("latin1")]);
  const { request } = service.protocol === "https:" ? https : http;
  const sent = request(new URL(path, service), {
    method,
    headers: Object.fromEntries(bytes),
    timeout: TIME_LIMIT,
  });
  sent.on("timeout", () => sent.destroy(new Error(`no answer within ${TIME_LIMIT / 1000} seconds`)));
  // A server may answer and close the connection before it has read the whole body.
  sent.on("error", () => {});
  sent.end(body);
  const [response] = await once(sent, "response");
  const raw = Buffer.concat(await response.toArray());
  return {
    method,
    path,
    status: response.statusCode,
    headers: response.headers,
    size: raw.length,
    body: decoded(raw, response.headers["content-encoding"]).toString(),
  };
}

function decoded(raw, encoding) {
  if (encoding === undefined || raw.length === 0) return raw;
  if (encoding === "gzip") return zlib.gunzipSync(raw);
  if (encoding === "br") return zlib.brotliDecompressSync(raw);
  throw new Mismatch("Content-Encoding: gzip, br or none", encoding);
}

// The faults of the headers that all answers share, and the changes by Cloudflare's edge. Each is noted once, with
// the first answer that had it and the number of such answers.
const problems = new Map();
const changes = new Map();
const requestIds = new Set();

function note(notes, text, { method, path, status }, actual) {
  const known = notes.get(text) ?? { first: `${method} ${path}: ${status}, ${actual}`, times: 0 };
  notes.set(text, { ...known, times: known.times + 1 });
}

/** Whether a list of header names has all `names`. */
const includes = (list, names) => {
  const has = new Set((list ?? "").toLowerCase().split(/\s*,\s*/));
  return names
    .toLowerCase()
    .split(", ")
    .every((name) => has.has(name));
};

/** Checks the headers that all answers share. */
function look(answer) {
  const { path, status, headers, body, size } = answer;
  const common = path === RULES && status === 200 ? { ...COMMON, "Cache-Control": "public, max-age=60" } : COMMON;
  const header = (name) => headers[name.toLowerCase()];
  const should = (name, expected, isSo) => {
    if (!isSo) note(problems, `${name} should be ${expected}`, answer, `${name}: ${header(name) ?? "none"}`);
  };
  for (const [name, value] of Object.entries(common)) should(name, value, header(name) === value);
  for (const [name, list] of Object.entries(COMMON_LISTS)) should(name, list, includes(header(name), list));
  // If the client lists origins, the answer depends on the origin of the page, and `Vary` says so.
  const allowed = header("Access-Control-Allow-Origin");
  should("Access-Control-Allow-Origin", "*", allowed === "*" || includes(header("Vary"), "Origin"));
  const id = header("X-Request-Id") ?? "";
  should(
    "X-Request-Id",
    "a UUID of version 4",
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id),
  );
  should("X-Request-Id", "a new one for each request", !id || !requestIds.has(id));
  requestIds.add(id);
  should("X-Runtime", "seconds with six decimals", /^\d+\.\d{6}$/.test(header("X-Runtime") ?? ""));
  const reason = header("X-Error-Reason");
  if (status < 400) should("X-Error-Reason", "missing, because this is not an error", !reason);
  else should("X-Error-Reason", "a word, because this is an error", /^[a-z_]+$/.test(reason ?? ""));
  if (status === 204) return;

  const type = "application/json; charset=utf-8";
  should("Content-Type", type, header("Content-Type") === type);
  const length = header("Content-Length");
  if (length === undefined)
    note(
      changes,
      "a body has no Content-Length",
      answer,
      `Content-Encoding: ${header("Content-Encoding") ?? "none"}`,
    );
  else should("Content-Length", "the body's size", Number(length) === size);
  const etag = `"${createHash("md5").update(body).digest("hex")}"`;
  if (status !== 200 && status !== 201) should("ETag", "missing, because this is an error", !header("ETag"));
  else if (header("ETag") === `W/${etag}`) note(changes, "an ETag is weak", answer, `ETag: ${header("ETag")}`);
  else should("ETag", "the MD5 of the body in double quotes", header("ETag") === etag);
}

/** Sends a request and checks the headers of the answer. */
async function ask(method, path, message) {
  const answer = await call(method, path, message);
  look(answer);
  return answer;
}

const text = ({ status, body }) => `${status} ${body}`.trim();

/** Whether an answer is a guard's refusal. */
function guard({ headers }) {
  return /^(proof|captcha_token)_|^(client_id_unknown|origin_refused|rate_limited)$|_denied$/.test(
    headers["x-error-reason"],
  );
}

/** Expects an answer to have this status and this body, which is a text or a pattern. */
function expect(answer, status, body) {
  const isSo = body instanceof RegExp ? body.test(answer.body) : body === answer.body;
  if (answer.status === status && isSo) return;
  if (guard(answer)) throw new Guarded(text(answer));
  throw new Mismatch(`${status} ${body instanceof RegExp ? body.source : body}`.trim(), text(answer));
}

/** Expects a header of an answer to have this value. `isSo` takes the place of the comparison. */
function expectHeader({ headers }, name, expected, isSo = headers[name.toLowerCase()] === expected) {
  if (!isSo) throw new Mismatch(`${name}: ${expected}`, headers[name.toLowerCase()] ?? "none");
}

/** Expects the answers to have these statuses, each so many times. */
function expectStatuses(answers, expected) {
  const refused = answers.find(guard);
  if (refused) throw new Guarded(text(refused));
  const count = {};
  for (const { status } of answers) count[status] = (count[status] ?? 0) + 1;
  const words = (counts) =>
    Object.entries(counts)
      .map(([status, times]) => `${times} times ${status}`)
      .join(", ");
  if (words(count) !== words(expected)) throw new Mismatch(words(expected), words(count));
}

const atOnce = (request) => Promise.all(Array.from({ length: AT_ONCE }, (_, n) => request(n)));

const signUpBody = (name) => JSON.stringify({ username: PREFIX + name, password: PASSWORD, client_id: CLIENT });
const signUp = (name, headers = {}, path = "/sign-up") =>
  ask("POST", path, { headers: { ...JSON_TYPE, ...headers }, body: signUpBody(name) });
const createAccount = (name, headers = {}, path = "/users/") =>
  ask("POST", path, { headers: { ...(name && { Username: name }), ...headers } });

const escaped = (name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const signedUp = (name) =>
  new RegExp(`^\\{"user":\\{"id":[1-9][0-9]*,"username":"${escaped(PREFIX + name)}"\\}\\}$`);
const taken = (name) => `{"username":"${PREFIX}${name}","code":"409","description":"Username already in use"}`;
const created = (name, privacy = "Public") => `{"name":"${PREFIX}${name}","privacy":"${privacy}"}`;
const nameTaken = (name) => `{"name":"${name}","code":"409"}`;
const problem = (code, description, field) =>
  `{"description":"${description}","code":"${code}"${field ? `,"field":"${field}"` : ""}}`;

// With proof of work on, the sentence also names /challenge.
const NOT_FOUND = /^\{"description":"There is nothing here: the paths are [^"]+","code":"404"\}$/;
const NOT_ALLOWED = problem(405, "This path takes POST and OPTIONS only");
const TOO_LARGE = problem(413, "The body must have at most 16384 bytes");
const NOT_JSON = problem(415, "The Content-Type must be application/json");

const wide = (name) => name.replace(/[a-z]/g, (c) => String.fromCodePoint(c.codePointAt(0) + 0xfee0));

const CHECKS = {
  "a preflight from another origin": async () => {
    const asked = { ...ORIGIN, "Access-Control-Request-Method": "POST" };
    for (const path of ["/sign-up", "/users/"]) {
      const answer = await ask("OPTIONS", path, { headers: asked });
      expect(answer, 204, "");
      expectHeader(answer, "Access-Control-Max-Age", "86400");
      const names = "Content-Type, Username, Privacy, Idempotency-Key";
      const allowed = answer.headers["access-control-allow-headers"];
      expectHeader(answer, "Access-Control-Allow-Headers", names, includes(allowed, names));
      if (!answer.headers["access-control-allow-origin"] && includes(answer.headers.vary, "Origin")) {
        throw new Guarded("the registered clients list origins, and this one is not among them");
      }
      expectHeader(answer, "Access-Control-Allow-Origin", "*");
    }
  },
  "an unknown path gets 404": async () => {
    for (const path of [`/${PREFIX}`, "/sign-up/x", "/user"]) expect(await ask("POST", path), 404, NOT_FOUND);
  },
  "another method gets 405": async () => {
    for (const path of ["/sign-up", "/users/"]) {
      for (const method of ["GET", "PUT", "DELETE"]) {
        const answer = await ask(method, path);
        expect(answer, 405, NOT_ALLOWED);
        expectHeader(answer, "Allow", "POST, OPTIONS");
      }
    }
  },
  "the rules of the service can be read": async () => {
    expect(await ask("GET", RULES), 200, /^\{"version":"[^"]+","username":\{"max_characters":\d+\},/);
  },
  "a body over 16 KiB gets 413": async () => {
    const body = signUpBody("large");
    for (const size of [16385, 100_000]) {
      expect(await ask("POST", "/sign-up", { headers: JSON_TYPE, body: body.padEnd(size) }), 413, TOO_LARGE);
    }
  },
  "a body of another type gets 415": async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      expect(await signUp("type", { "Content-Type": type }), 415, NOT_JSON);
    }
  },
  "a bad sign-up gets 400, and the answer says what would be right": async () => {
    const given = "must be given, as a string of Unicode characters";
    const graphic = "username must consist of letters, marks, numbers, punctuation and symbols, and";
    const changed = (members) => JSON.stringify({ ...JSON.parse(signUpBody("bad")), ...members });
    for (const [body, description, field] of [
      ["", "The body must be a JSON object"],
      ["[]", "The body must be a JSON object"],
      ["{", "The body must be valid JSON"],
      [Buffer.from([0x7b, 0xff, 0x7d]), "The body must be UTF-8"],
      ['{"username":"a","username":"b"}', "The body must have each of username, password and client_id once"],
      ["{}", `username ${given}`, "username"],
      [changed({ username: 1 }), `username ${given}`, "username"],
      [changed({ username: "" }), "username must have 1 to 254 characters", "username"],
      [changed({ username: "x".repeat(255) }), "username must have 1 to 254 characters", "username"],
      [changed({ username: "a b" }), `${graphic} U+0020 is none of them`, "username"],
      [changed({ password: undefined }), `password ${given}`, "password"],
      [changed({ password: `${PASSWORD}x` }), "password must have at most 1024 bytes", "password"],
      [changed({ client_id: "a b" }), "client_id must be 1 to 128 visible ASCII characters", "client_id"],
    ]) {
      expect(await ask("POST", "/sign-up", { headers: JSON_TYPE, body }), 400, problem(400, description, field));
    }
    const key = problem(400, "Idempotency-Key must be 1 to 255 visible ASCII characters", "Idempotency-Key");
    expect(await signUp("bad", { "Idempotency-Key": "a b" }), 400, key);
  },
  "bad headers of an account get 400, and the answer repeats them": async () => {
    for (const [name, privacy, description] of [
      [undefined, undefined, "Username was missing"],
      ["a b", "Private", "Username was invalid"],
      ["x".repeat(255), undefined, "Username was invalid"],
      ["UTF-8''%E2%98", undefined, "Username was invalid"],
      [`${PREFIX}bad`, "Friends", "Privacy was invalid"],
    ]) {
      const body = JSON.stringify({ name: name ?? null, privacy: privacy ?? null, code: "400", description });
      expect(await createAccount(name, privacy && { Privacy: privacy }), 400, body);
    }
  },
  "a sign-up gets an id": async () => {
    expect(await signUp("one"), 200, signedUp("one"));
    expect(await signUp("slash", {}, "/sign-up/"), 200, signedUp("slash"));
  },
  "a page of another origin can read the answer to its sign-up": async () => {
    const answer = await signUp("page", ORIGIN);
    expect(answer, 200, signedUp("page"));
    const own = [ORIGIN.Origin, "*"];
    expectHeader(
      answer,
      "Access-Control-Allow-Origin",
      "*",
      own.includes(answer.headers["access-control-allow-origin"]),
    );
  },
  "a sign-up with a long name, and one with letters of several scripts": async () => {
    for (const name of [LONG, "☃-Zoë-имя-名前"]) expect(await signUp(name), 200, signedUp(name));
  },
  "a name is signed up once, in any spelling": async () => {
    expect(await signUp("spelling"), 200, signedUp("spelling"));
    for (const other of ["spelling", "SPELLING", wide("spelling")]) expect(await signUp(other), 409, taken(other));
  },
  "a sign-up repeated with its key gets the first answer": async () => {
    const key = { "Idempotency-Key": `${PREFIX}retry` };
    const first = await signUp("retry", key);
    expect(first, 200, signedUp("retry"));
    expect(await signUp("retry", key), 200, first.body);
    expect(await signUp("retry", { "Idempotency-Key": `${PREFIX}other` }), 409, taken("retry"));
    expect(await signUp("retry"), 409, taken("retry"));
  },
  [`of ${AT_ONCE} sign-ups with one name at once, one succeeds`]: async () => {
    expectStatuses(await atOnce(() => signUp("race")), { 200: 1, 409: AT_ONCE - 1 });
  },
  [`${AT_ONCE} repeats of a sign-up at once get the same answer`]: async () => {
    const answers = await atOnce(() => signUp("repeats", { "Idempotency-Key": `${PREFIX}repeats` }));
    expectStatuses(answers, { 200: AT_ONCE });
    for (const answer of answers) expect(answer, 200, answers[0].body);
  },
  "an account is public or private, on every path": async () => {
    expect(await createAccount(`${PREFIX}one`), 201, created("one"));
    expect(await createAccount(`${PREFIX}two`, { Privacy: "private" }, "/users"), 201, created("two", "Private"));
    expect(
      await createAccount(`${PREFIX}three`, { Privacy: "PUBLIC" }, "/connectmypairs/users/"),
      201,
      created("three"),
    );
    expect(await createAccount(`${PREFIX}four`, {}, "/connectmypairs/users"), 201, created("four"));
  },
  "a name in raw UTF-8": async () => {
    const name = "raw-☃-Zoë-名前";
    expect(await createAccount(PREFIX + name), 201, created(name));
    expect(await createAccount(PREFIX + name), 409, nameTaken(PREFIX + name));
  },
  "a name in the form of RFC 8187": async () => {
    const name = "extended-☃-Zoë-名前";
    const sent = `UTF-8''${encodeURIComponent(PREFIX + name)}`;
    expect(await createAccount(sent, { Privacy: "utf-8'en'private", ...ORIGIN }), 201, created(name, "Private"));
    expect(await createAccount(PREFIX + name), 409, nameTaken(PREFIX + name));
  },
  "an account's name is taken once, in any spelling": async () => {
    const name = `${PREFIX}spelling`;
    expect(await createAccount(name), 201, created("spelling"));
    for (const other of [name, name.toUpperCase(), wide(name)])
      expect(await createAccount(other), 409, nameTaken(other));
  },
  "an account repeated with its key gets the first answer": async () => {
    const key = { "Idempotency-Key": `${PREFIX}retry` };
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await createAccount(`${PREFIX}retry`, key), 201, created("retry"));
    }
    expect(await createAccount(`${PREFIX}retry`), 409, nameTaken(`${PREFIX}retry`));
  },
  [`of ${AT_ONCE} accounts with one name at once, one is created`]: async () => {
    expectStatuses(await atOnce(() => createAccount(`${PREFIX}race`)), { 201: 1, 409: AT_ONCE - 1 });
  },
  [`${AT_ONCE} repeats of an account at once get the same answer`]: async () => {
    const key = { "Idempotency-Key": `${PREFIX}repeats` };
    expectStatuses(await atOnce(() => createAccount(`${PREFIX}repeats`, key)), { 201: AT_ONCE });
  },
};

const count = { ok: 0, FAILED: 0, "not run": 0, warning: 0 };

function say(outcome, name, ...details) {
  count[outcome]++;
  const colour = { ok: green, FAILED: red }[outcome] ?? String;
  console.log([colour(outcome.padEnd(9)) + name, ...details.map((detail) => " ".repeat(9) + detail)].join("\n"));
}

async function check(name, run) {
  try {
    await run();
    say("ok", name);
  } catch (error) {
    if (error instanceof Guarded) say("not run", name, `a guard of the service is on: ${error.message}`);
    else if (error instanceof Mismatch)
      say("FAILED", name, `expected ${error.expected}`, `actual   ${error.actual}`);
    else say("FAILED", name, `actual   ${error.code ?? error.name}: ${error.message}`);
  }
}

/** Whether the service answers, and reads a sign-up from this address. */
async function isReady(wait) {
  const until = Date.now() + wait * 1000;
  for (;;) {
    const answer = await call("POST", "/sign-up", { headers: JSON_TYPE, body: "{}" }).catch((error) => error);
    if (answer.status === 400 && answer.headers["x-request-id"]) return true;
    if (Date.now() >= until) {
      const actual = answer instanceof Error ? `${answer.code ?? answer.name}: ${answer.message}` : text(answer);
      say(
        "FAILED",
        "the service is ready: a sign-up without members gets 400",
        `actual   ${actual.slice(0, 300)}`,
      );
      return false;
    }
    await sleep(2000);
  }
}

function report(notes, outcome, ...advice) {
  for (const [text, { first, times }] of notes) {
    say(outcome, text, `first    ${first}`, `in all   ${times} answers`, ...advice);
  }
}

/** The bindings of the databases that wrangler.toml has, or undefined if it cannot be read. */
function bindings() {
  try {
    return databases().map(({ binding }) => binding);
  } catch {
    // This command also runs with nothing but Node, and a package of npm reads the file.
    return undefined;
  }
}

/** Prints the commands that remove the names of this run, one for each database. */
function sayHowToRemove() {
  const quoted = (value) => `'${value.replaceAll("'", "''")}'`;
  const sql =
    `DELETE FROM users WHERE client_id = ${quoted(CLIENT)} AND username_key GLOB '${PREFIX}*'; ` +
    `DELETE FROM accounts WHERE name_key GLOB '${PREFIX}*'`;
  const known = bindings();
  const all = known ?? ["DB"];
  const how = all.length > 1 ? "these commands remove them" : "this command removes them";
  const others = known ? "" : ", and it must run for each other database of the service too";
  console.log(`\nThe names of this run begin with ${PREFIX}; ${how}${others}:`);
  const env = process.env.CLOUDFLARE_ENV ? ` --env ${process.env.CLOUDFLARE_ENV}` : "";
  const text = sql.replace(/[\\"$`]/g, "\\$&");
  for (const binding of all) console.log(`npx wrangler d1 execute ${binding} --remote${env} --command "${text}"`);
}

/** A time in seconds, as WAIT or an option has it. An empty text is 0. */
function seconds(wait = "") {
  if (/^(\d{1,6}(\.\d+)?)?$/.test(wait)) return Number(wait);
  throw new Stop(`WAIT is "${wait}": it must be a number of seconds, such as 120`, 2);
}

async function run({ URL: address = "", client, wait = process.env.WAIT }) {
  const patience = seconds(wait);
  service = URL.canParse(address) ? new URL(address) : undefined;
  if (!/^https?:$/.test(service?.protocol)) {
    const example = "https://sign-up.example.com";
    throw new Stop(`Give the service's address, as in: ${command("verify", { URL: example }, [example])}`, 2);
  }
  CLIENT = client || process.env.CLIENT_ID || `${PREFIX}client`;
  if (await isReady(patience)) {
    for (const [name, run] of Object.entries(CHECKS)) await check(name, run);
    if (problems.size) report(problems, "FAILED");
    else say("ok", "every answer has the headers that all answers share");
    report(changes, "warning", 'see "What Cloudflare\'s edge changes" in docs/operating.md');
    sayHowToRemove();
  }
  const { ok, FAILED: failed, "not run": notRun, warning } = count;
  console.log(`\n${service.origin}: ok ${ok}, failed ${failed}, not run ${notRun}, warnings ${warning}`);
  return failed ? 1 : 0;
}

module.exports = {
  summary: "check a running service from outside",
  arguments: ["URL?"],
  options: {
    client: {
      type: "string",
      value: "ID",
      help: 'the client_id of the sign-ups; a service with CLIENTS = "registered" needs a registered one',
    },
    wait: { type: "string", value: "SECONDS", help: "the time until a new deployment must give its first answer" },
  },
  settings: () => Boolean(process.env.CLOUDFLARE_ENV),
  run,
  seconds,
};
