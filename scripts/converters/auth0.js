// The export of password hashes that Auth0's support makes: NDJSON, with one user on each line.
"use strict";

const { ndjson } = require("../sources");
const { Failure, unknown, bytes, scrypt } = require("../hashes");

module.exports = {
  read: (stream) => ndjson(stream),
  username: "email",

  convert: (user) => ({
    email: user.email ?? identifier(user, "email"),
    username: user.username ?? identifier(user, "username"),
    hash: user.passwordHash ?? custom(user.custom_password_hash),
    created: user.created_at?.$date ?? user.created_at ?? birth(user._id?.$oid),
  }),
};

/** Newer exports may have the names of a user only here. */
const identifier = ({ identifiers }, type) => identifiers?.find?.((entry) => entry.type === type)?.value;

/** The first four bytes of the id are the time at which the user was made, in seconds. */
const birth = (id) => (/^[0-9a-f]{24}$/.test(id) ? Number.parseInt(id.slice(0, 8), 16) * 1000 : undefined);

/** The hash of a user who was imported into Auth0, and has not signed in there since. */
function custom(given) {
  if (!given) return undefined;
  const { algorithm, hash, salt, password } = given;
  if ((password?.encoding ?? "utf8") !== "utf8")
    throw new Failure("The password must be hashed as UTF-8", "password_hash");
  switch (algorithm) {
    case "bcrypt":
    case "argon2":
    case "pbkdf2":
      return hash.value;
    case "scrypt": {
      const { cost = 16384, blockSize = 8, parallelization = 1 } = given;
      const salted =
        (salt.encoding ?? "utf8") === "utf8" ? Buffer.from(salt.value) : bytes(salt.value, salt.encoding);
      return scrypt(cost, blockSize, parallelization, salted, bytes(hash.value, hash.encoding));
    }
    default:
      throw unknown(algorithm);
  }
}
