// The JSON of Django's `dumpdata auth.user`, or of a user model of one's own.
"use strict";

const { json } = require("../sources");

module.exports = {
  read: (stream) => json(stream),
  username: "username",

  convert(row) {
    // A dump of a whole application has rows of other models too.
    if (row.fields?.password === undefined) return undefined;
    const { username, email, password, date_joined: created } = row.fields;
    // An unusable password begins with "!".
    return { email, username, hash: password.startsWith("!") ? "" : password, created };
  },
};
