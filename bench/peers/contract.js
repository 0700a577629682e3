// The contract in JavaScript, for both hand-written peers: the block list, the rules for each field, the hash and
// the statements. Each peer turns the replies into HTTP itself.
import Argon2 from "@phi-ag/argon2";
import argon2Module from "@phi-ag/argon2/argon2.wasm";

import { internalError, invalid, problem, unavailable } from "./replies.js";

const BODY_LIMIT = 16 * 1024;
const ARGON2 = { memoryCost: 19456, timeCost: 2, parallelism: 1, hashLength: 32 };

const argon2 = new Argon2(new WebAssembly.Instance(argon2Module));
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// The block list

/** Gives a refusal, or `undefined` if the address may pass. */
export async function admit(address, blockList) {
  const keys = blockKeys(address ?? "");
  if (!keys) return problem(403, "unverified", "address_unverified", "Your IP address could not be verified.");
  let entries;
  try {
    entries = await blockList.get(keys);
  } catch (error) {
    return unavailable(`block list: ${error}`);
  }
  for (const key of keys) {
    const cause = entries.get(key);
    if (cause) return { ...problem(403, "blocked", "address_blocked", "Your IP address was blocked."), cause };
  }
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

function blockKeys(address) {
  if (IPV4.test(address)) {
    const [a, b, c] = address.split(".");
    return [address, `${a}.${b}.${c}.0/24`, `${a}.${b}.0.0/16`];
  }
  if (!/^[0-9A-Fa-f:.]+$/.test(address)) return null;
  const canonical = hostname(address);
  if (!canonical) return null;
  const [head, tail = ""] = canonical.split("::");
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const groups = [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  if (groups.slice(0, 6).join() === "0,0,0,0,0,ffff") {
    const [high, low] = groups.slice(6).map((group) => parseInt(group, 16));
    return blockKeys([high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  const [a, b, c, d] = groups;
  const d56 = (parseInt(d, 16) & 0xff00).toString(16);
  const ranges = [
    [[a, b, c, d], 64],
    [[a, b, c, d56], 56],
    [[a, b, c], 48],
    [[a, b], 32],
  ];
  return [canonical, ...ranges.map(([prefix, length]) => `${hostname(`${prefix.join(":")}::`)}/${length}`)];
}

/** An IPv6 address in its canonical form. */
const hostname = (address) => URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);

// Fields

const NOT_IN_NAME = /[^\p{L}\p{M}\p{N}\p{P}\p{S}]/u;
const LEADING_MARK = /^\p{M}/u;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const SPACE = /\p{Zs}/gu;
const PASSWORD = /^(?:(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}\p{P}\p{S} ])*$/u;
const VISIBLE_ASCII = /^[!-~]+$/;

function parseUsername(raw) {
  const text = raw.normalize("NFC");
  if (text === "" || (text.length > 254 && [...text].length > 254)) {
    return { reason: "username_length", error: "must have 1 to 254 characters" };
  }
  const stray = NOT_IN_NAME.exec(text)?.[0].codePointAt(0);
  if (stray !== undefined) {
    const code = `U+${stray.toString(16).toUpperCase().padStart(4, "0")}`;
    return {
      reason: "username_characters",
      error: `must consist of letters, marks, numbers, punctuation and symbols, and ${code} is none of them`,
    };
  }
  if (LEADING_MARK.test(text)) {
    return { reason: "username_leading_mark", error: "must not begin with a combining mark" };
  }
  const key = text.normalize("NFKC").toLowerCase().replace(IGNORABLE, "").normalize("NFKC");
  return key === "" ? { reason: "username_invisible", error: "must have a visible character" } : { text, key };
}

function parsePassword(raw) {
  const text = raw.replace(SPACE, " ").normalize("NFC");
  if (text === "") return { reason: "password_too_short", error: "must not be empty" };
  const bytes = encoder.encode(text).length;
  if (bytes > 1024) return { reason: "password_too_long", error: "must have at most 1024 bytes" };
  if (!PASSWORD.test(text)) {
    return {
      reason: "password_characters",
      error: "must not hold control, invisible or unassigned characters (RFC 8265)",
    };
  }
  return { text, bytes };
}

function isVisibleAscii(raw, limit) {
  return raw.length <= limit && VISIBLE_ASCII.test(raw);
}

/** The text of a header, which is raw or in the extended form of RFC 8187; `null` if it is in neither form. */
function decodeHeader(raw) {
  const extended = /^utf-8'[^']*'(.*)$/i.exec(raw);
  if (!extended) return raw.includes("\ufffd") ? null : raw;
  try {
    return decodeURIComponent(extended[1]);
  } catch {
    return null;
  }
}

// POST /sign-up

const INSERT_USER = `
    INSERT INTO users (client_id, username, username_key, password_hash, request_key) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (client_id, username_key)
    DO UPDATE SET request_key = request_key
    WHERE request_key = excluded.request_key AND created_at > unixepoch() - 86400
    RETURNING id, username`;

export async function signUp(request, env, id) {
  const requestKey = request.headers.get("Idempotency-Key") ?? `request-id:${id}`;
  if (!isVisibleAscii(requestKey, 255)) {
    return invalid("idempotency_key_invalid", "must be 1 to 255 visible ASCII characters", "Idempotency-Key");
  }
  if (!/^\s*application\/json\s*(?:;|$)/i.test(request.headers.get("Content-Type") ?? "")) {
    return problem(415, "not_json", "content_type_not_json", "The Content-Type must be application/json");
  }
  const bytes = await readBody(request);
  if (!bytes) return problem(413, "too_large", "body_too_large", `The body must have at most ${BODY_LIMIT} bytes`);

  let text, body;
  try {
    text = decoder.decode(bytes);
  } catch {
    return invalid("body_encoding", "The body must be UTF-8");
  }
  if (!text.trimStart().startsWith("{")) return invalid("body_not_object", "The body must be a JSON object");
  try {
    body = JSON.parse(text);
  } catch {
    return invalid("body_not_json", "The body must be valid JSON");
  }
  for (const field of ["username", "password", "client_id"]) {
    if (typeof body[field] !== "string" || !body[field].isWellFormed()) {
      return invalid(`${field}_missing`, "must be given, as a string of Unicode characters", field);
    }
  }
  const username = parseUsername(body.username);
  if (username.error) return invalid(username.reason, username.error, "username");
  const password = parsePassword(body.password);
  if (password.error) return invalid(password.reason, password.error, "password");
  if (!isVisibleAscii(body.client_id, 128)) {
    return invalid("client_id_invalid", "must be 1 to 128 visible ASCII characters", "client_id");
  }

  // The library hashes as many bytes as the string has UTF-16 units, so it is padded to one unit for each byte.
  const { encoded } = argon2.hash(password.text.padEnd(password.bytes, "\0"), ARGON2);
  return insert(env.DB, INSERT_USER, [body.client_id, username.text, username.key, encoded, requestKey], (row) =>
    row
      ? { status: 200, outcome: "created", body: { user: { id: row.id, username: row.username } } }
      : {
          status: 409,
          outcome: "taken",
          reason: "username_taken",
          body: { username: username.text, code: "409", description: "Username already in use" },
        },
  );
}

/** The bytes of the body, or `null` if the body is larger than the limit. */
async function readBody(request) {
  const announced = request.headers.get("Content-Length");
  if (announced !== null) return Number(announced) > BODY_LIMIT ? null : request.bytes();
  const body = new Uint8Array(BODY_LIMIT);
  let length = 0;
  for await (const chunk of request.body ?? []) {
    if (length + chunk.length > BODY_LIMIT) return null;
    body.set(chunk, length);
    length += chunk.length;
  }
  return body.subarray(0, length);
}

// POST /users/

const INSERT_ACCOUNT = `
    INSERT INTO accounts (name, name_key, privacy, request_key) VALUES (?, ?, ?, ?)
    ON CONFLICT (name_key)
    DO UPDATE SET request_key = request_key
    WHERE request_key = excluded.request_key AND created_at > unixepoch() - 86400
    RETURNING name, privacy`;

const PRIVACY = new Map([
  ["public", "Public"],
  ["private", "Private"],
]);

export async function createAccount(request, env, id) {
  const name = request.headers.get("Username");
  const privacy = request.headers.get("Privacy");
  const refuse = (reason, description) => ({
    status: 400,
    outcome: "invalid",
    reason,
    body: { name, privacy, code: "400", description },
  });
  const requestKey = request.headers.get("Idempotency-Key") ?? `request-id:${id}`;
  if (!isVisibleAscii(requestKey, 255)) return refuse("idempotency_key_invalid", "Idempotency-Key was invalid");
  if (name === null) return refuse("username_missing", "Username was missing");
  const decoded = decodeHeader(name);
  if (decoded === null) return refuse("username_encoding", "Username was invalid");
  const username = parseUsername(decoded);
  if (username.error) return refuse(username.reason, "Username was invalid");
  const stored = PRIVACY.get(privacy === null ? "public" : decodeHeader(privacy)?.toLowerCase());
  if (!stored) return refuse("privacy_invalid", "Privacy was invalid");
  return insert(env.DB, INSERT_ACCOUNT, [username.text, username.key, stored, requestKey], (row) =>
    row
      ? { status: 201, outcome: "created", body: { name: row.name, privacy: row.privacy } }
      : { status: 409, outcome: "taken", reason: "username_taken", body: { name: username.text, code: "409" } },
  );
}

// The database

const TRANSIENT =
  /Network connection lost|storage caused object to be reset|reset because its code was updated|Cannot resolve D1 DB due to transient issue/;
const OURS = /SQLITE_ERROR|SQLITE_CONSTRAINT|SQLITE_MISMATCH|D1_TYPE_ERROR/;

/** Runs a statement, repeats it after a transient failure, and gives the result of `reply` for its row. */
async function insert(database, statement, values, reply) {
  for (const pause of [50, 250, null]) {
    try {
      return reply(
        await database
          .prepare(statement)
          .bind(...values)
          .first(),
      );
    } catch (error) {
      if (pause !== null && TRANSIENT.test(error.message)) {
        await scheduler.wait(pause);
      } else {
        return OURS.test(error.message) ? internalError(error) : unavailable(`database: ${error.message}`);
      }
    }
  }
}
