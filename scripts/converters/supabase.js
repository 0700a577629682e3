// The table auth.users of Supabase, as COPY … TO … CSV HEADER of Postgres writes it.
"use strict";

const { csv } = require("../sources");
const { Failure, bytes, firebase } = require("../hashes");

module.exports = {
  read: (stream) => csv(stream, ["encrypted_password"]),
  username: "email",

  convert(user) {
    if (user.deleted_at) throw new Failure("The user was deleted");
    return {
      email: user.email,
      username: user.username,
      hash: user.encrypted_password && (moved(user.encrypted_password) ?? user.encrypted_password),
      created: user.created_at,
    };
  },
};

/** The hash of a user who came from Firebase, and has not signed in since. */
function moved(text) {
  const [, n, r, salt, hash] =
    text.match(/^\$fbscrypt\$v=1,n=([0-9]+),r=([0-9]+),p=1(?:,[^$]*)?\$([^$]+)\$([^$]+)$/) ?? [];
  return n && firebase(n, r, bytes(salt), bytes(hash));
}
