// The JSON of `firebase auth:export`. The command writes a hash only for the scrypt of Firebase itself.
"use strict";

const { json } = require("../sources");
const { bytes, firebase } = require("../hashes");

module.exports = {
  read: (stream) => json(stream, "users"),
  username: "email",

  convert: (user, { rounds = "8", "mem-cost": memory = "14" }) => ({
    email: user.email,
    hash: user.passwordHash && firebase(memory, rounds, bytes(user.salt), bytes(user.passwordHash)),
    created: user.createdAt,
  }),
};
