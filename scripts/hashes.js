// Writes the parts of a password hash, as other systems export them, in a form that the service takes. The Worker checks
// the result: these functions only bring the parts into their places.
"use strict";

const FIELD = "password_hash";

/** A user that cannot be converted; `field` is the member of the line that is at fault. */
class Failure extends Error {
  constructor(description, field) {
    super(description);
    this.field = field;
  }
}

const unknown = (form) => new Failure(`The form of the password hash is unknown: ${JSON.stringify(form)}`, FIELD);

/** Base64 as a PHC string has it: the standard alphabet, without padding. */
const b64 = (bytes) => bytes.toString("base64").replace(/=+$/, "");

/** The bytes of a text in Base64, in either alphabet, or in hexadecimal digits. */
function bytes(text, encoding = "base64") {
  const alphabet = encoding === "hex" ? /^([0-9a-f]{2})+$/i : /^[\w+/-]+={0,2}$/;
  if (typeof text !== "string" || !alphabet.test(text)) {
    throw new Failure(`A salt or a hash must be ${encoding === "hex" ? "hexadecimal" : "Base64"}`, FIELD);
  }
  return Buffer.from(text, encoding);
}

const pbkdf2 = (digest, iterations, salt, hash) =>
  `$pbkdf2-${digest}$i=${iterations},l=${hash.length}$${b64(salt)}$${b64(hash)}`;

/** `n` is the number itself; the string has its logarithm. */
const scrypt = (n, r, p, salt, hash) => `$scrypt$ln=${Math.log2(n)},r=${r},p=${p}$${b64(salt)}$${b64(hash)}`;

const argon2 = ({ type, version, memory, iterations, lanes }, salt, hash) =>
  `$argon2${type}$v=${version}$m=${memory},t=${iterations},p=${lanes}$${b64(salt)}$${b64(hash)}`;

/** Firebase's own scrypt. Its signer key and salt separator belong to the project, and are a secret of the Worker. */
const firebase = (ln, r, salt, hash) => `$firebase-scrypt$ln=${ln},r=${r}$${b64(salt)}$${b64(hash)}`;

module.exports = { Failure, unknown, bytes, pbkdf2, scrypt, argon2, firebase };
