// The forms of password hashes that an import takes. The Worker checks them: these functions only bring the forms of
// other systems into them.
"use strict";

/** A user that cannot be converted; `field` is the member of the line that is at fault. */
class Failure extends Error {
  constructor(description, field) {
    super(description);
    this.field = field;
  }
}

const unknown = (form) =>
  new Failure(`The form of the password hash is unknown: ${JSON.stringify(String(form).slice(0, 40))}`, FIELD);
const FIELD = "password_hash";

/** Base64 as a PHC string has it: the standard alphabet, without padding. */
const b64 = (bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, "");

/** The bytes of a text in Base64, in either alphabet, or in hexadecimal digits. */
function bytes(text, encoding = "base64") {
  const alphabet = encoding === "hex" ? /^([0-9a-f]{2})+$/i : /^[\w+/-]+={0,2}$/;
  if (typeof text !== "string" || !alphabet.test(text)) {
    throw new Failure(`A salt or a hash must be ${encoding === "hex" ? "hexadecimal" : "Base64"}`, FIELD);
  }
  return Buffer.from(text, encoding);
}

/** A whole number above 0. */
function count(value) {
  if (!/^[1-9][0-9]{0,9}$/.test(String(value))) {
    throw new Failure("A cost of the password hash must be a whole number above 0", FIELD);
  }
  return Number(value);
}

const pbkdf2 = (digest, iterations, salt, hash) =>
  `$pbkdf2-${digest}$i=${count(iterations)},l=${hash.length}$${b64(salt)}$${b64(hash)}`;

/** `n` is the number itself, as most systems store it; the string has its logarithm. */
function scrypt(n, r, p, salt, hash) {
  const ln = Math.log2(count(n));
  if (!Number.isInteger(ln)) throw new Failure("N of the scrypt hash must be a power of two", FIELD);
  return `$scrypt$ln=${ln},r=${count(r)},p=${count(p)}$${b64(salt)}$${b64(hash)}`;
}

const argon2 = ({ type, version, memory, iterations, lanes }, salt, hash) =>
  `$argon2${type}$v=${version}$m=${count(memory)},t=${count(iterations)},p=${count(lanes)}$${b64(salt)}$${b64(hash)}`;

/** Firebase's own scrypt. Its signer key and salt separator belong to the project, and are a secret of the Worker. */
const firebase = (ln, r, salt, hash) => `$firebase-scrypt$ln=${count(ln)},r=${count(r)}$${b64(salt)}$${b64(hash)}`;

/** A hash that stands in the file as it is: bcrypt, or a PHC string of Argon2. */
function asItIs(text) {
  if (/^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$/.test(text) || /^\$argon2(id|i|d)\$/.test(text)) return text;
  throw unknown(text.split("$").slice(0, 2).join("$"));
}

/** A hash as Django stores it, `algorithm$…`. A salt is the text itself, and is not Base64. */
function django(text) {
  const [algorithm, ...parts] = text.split("$");
  const convert = DJANGO[algorithm];
  if (!convert) throw unknown(algorithm);
  return convert(...parts);
}

const DJANGO = {
  pbkdf2_sha256: (iterations, salt, hash) => pbkdf2("sha256", iterations, salt, bytes(hash)),
  pbkdf2_sha1: (iterations, salt, hash) => pbkdf2("sha1", iterations, salt, bytes(hash)),
  scrypt: (n, salt, r, p, hash) => scrypt(n, r, p, salt, bytes(hash)),
  argon2: (...parts) => asItIs(`$${parts.join("$")}`),
  bcrypt: (_empty, ...parts) => asItIs(`$${parts.join("$")}`),
};

module.exports = { Failure, unknown, bytes, pbkdf2, scrypt, argon2, firebase, asItIs, django };
