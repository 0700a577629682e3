// The JSON of a realm with its users, from `kc.sh export`.
"use strict";

const { json } = require("../sources");
const { unknown, bytes, pbkdf2, argon2 } = require("../hashes");

module.exports = {
  read: (stream) => json(stream, "users"),
  username: "username",

  convert: (user) => ({
    email: user.email,
    username: user.username,
    hash: hash(user.credentials?.find(({ type }) => type === "password")),
    created: user.createdTimestamp,
  }),
};

const VERSIONS = { 1.3: 19, "1.0": 16 };

function hash(credential) {
  if (!credential) return undefined;
  if (!credential.secretData || !credential.credentialData) throw unknown("a credential without credentialData");
  const { value, salt } = JSON.parse(credential.secretData);
  const { algorithm, hashIterations: iterations, additionalParameters } = JSON.parse(credential.credentialData);
  const [, digest] = algorithm.match(/^pbkdf2-(sha256|sha512)$/) ?? [];
  if (digest) return pbkdf2(digest, iterations, bytes(salt), bytes(value));
  if (algorithm === "pbkdf2") return pbkdf2("sha1", iterations, bytes(salt), bytes(value));
  if (algorithm !== "argon2") throw unknown(algorithm);
  const [type, version, memory, lanes] = ["type", "version", "memory", "parallelism"].map(
    (name) => additionalParameters?.[name]?.[0],
  );
  if (!/^(id|i|d)$/.test(type) || !VERSIONS[version]) throw unknown(`argon2${type} ${version}`);
  return argon2({ type, version: VERSIONS[version], memory, iterations, lanes }, bytes(salt), bytes(value));
}
