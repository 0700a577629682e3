// The CSV of Clerk's dashboard, which has the digests of the passwords.
"use strict";

const { csv } = require("../sources");
const { unknown, bytes, pbkdf2 } = require("../hashes");

module.exports = {
  read: (stream) => csv(stream, ["primary_email_address", "password_digest", "password_hasher"]),
  username: "email",

  convert: (user) => ({
    email: user.primary_email_address,
    username: user.username,
    hash: user.password_digest && digest(user.password_hasher, user.password_digest),
    created: user.created_at,
  }),
};

function digest(hasher, text) {
  switch (hasher) {
    case "bcrypt":
    case "argon2i":
    case "argon2id":
    case "pbkdf2_sha256_django":
    case "bcrypt_sha256_django":
      return text;
    case "pbkdf2_sha256": {
      // It looks like Django's, but its salt is Base64.
      const [, iterations, salt, hash] = text.split("$");
      return pbkdf2("sha256", iterations, bytes(salt), bytes(hash));
    }
    default:
      throw unknown(hasher);
  }
}
