// Makes what Cloudflare Access makes: two RSA keys and the JWTs on standard input, {"name": {"head", "claims", "key"}}. Its
// `key` is the number of the key that signs the JWT; `text` signs it with the text of the first public key, and `none`
// leaves the signature out. Prints {"keys": […], "tokens": {…}}.
const { createHmac, generateKeyPairSync, sign } = require("node:crypto");
const { readFileSync } = require("node:fs");

const pairs = [0, 1].map(() => generateKeyPairSync("rsa", { modulusLength: 2048 }));
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function signature(key, signed) {
  if (key === "none") return "";
  if (key === "text") {
    const secret = pairs[0].publicKey.export({ type: "spki", format: "pem" });
    return createHmac("sha256", secret).update(signed).digest("base64url");
  }
  return sign("sha256", Buffer.from(signed), pairs[key].privateKey).toString("base64url");
}

const wanted = Object.entries(JSON.parse(readFileSync(0, "utf8")));
const tokens = wanted.map(([name, { head, claims, key }]) => {
  const signed = `${encoded(head)}.${encoded(claims)}`;
  return [name, `${signed}.${signature(key, signed)}`];
});
const keys = pairs.map(({ publicKey }, n) => ({
  ...publicKey.export({ format: "jwk" }),
  kid: `key-${n}`,
  alg: "RS256",
  use: "sig",
}));
console.log(JSON.stringify({ keys, tokens: Object.fromEntries(tokens) }));
