// The converters of an import: the fixtures are exports of each system, and most hashes in them are of one password.

const assert = require("node:assert/strict");
const { createCipheriv, pbkdf2Sync, scryptSync } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { Readable } = require("node:stream");
const test = require("node:test");

const { SYSTEMS, convert } = require("../../scripts/conversion");
const { lines, csv, json } = require("../../scripts/sources");

// A time without a zone must not depend on the zone of the machine.
process.env.TZ = "Asia/Tokyo";

const PASSWORD = "correct horse";
// The project and the password of the example that https://github.com/firebase/scrypt has.
const SIGNER_KEY = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";
const SALT_SEPARATOR = "Bw==";
const FIREBASE_PASSWORD = "user1password";

const BCRYPT_2A = "$2a$10$ivb0u84iB/YvaJVIZoCt2uEgRqZHMRg8q4fdAAI6JOdx4hQbm61AW";
const BCRYPT_2B = "$2b$10$eRFoBc/FJPErdZGPHEeCxuwqjbXPEd.8.uDiL3gOjd19nMFwbY4eG";
const ARGON2ID =
  "$argon2id$v=19$m=7168,t=5,p=1$wFTQOJE/qxAbKSbSkTXsOA$jVbTpA5R/RlGWmxdSsLCydga2c0X0X7JUwiVA8fA3yU";
const ARGON2I = "$argon2i$v=19$m=4096,t=3,p=1$yzytZwR9ITic6mhEnpr73g$mhF0rBWdLLiiNT6SCNjXQyuZim6aGa6JZ4pdnSrmSIk";

const file = (name) => fs.createReadStream(path.join(__dirname, "fixtures", name));
/** A stream of a text, in pieces of a few bytes. */
const pieces = (text, size = 3) => {
  const bytes = Buffer.from(text);
  return Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, n * size + size)),
    { objectMode: false },
  );
};

/** The lines and the failures of a stream, as `[place, username, hash, time]` and `[place, failure, field]`. */
async function converted(stream, options) {
  const all = { lines: [], failures: [] };
  for await (const { place, line, failure, field } of convert(stream, { client: "shop", ...options })) {
    const where = place.line ?? place.place;
    if (!line) all.failures.push([where, failure, ...(field ? [field] : [])]);
    else {
      const { client_id, username, password_hash, created_at, ...more } = JSON.parse(line);
      assert.deepEqual([client_id, more], ["shop", {}]);
      all.lines.push([where, username, password_hash, ...(created_at ? [created_at] : [])]);
    }
  }
  return all;
}

/** Whether a password has this hash, by the rules of its form. */
function verifies(text, password) {
  const [, form, costs, salt, hash] = text.split("$");
  const { i, l, ln, r, p } = Object.fromEntries(costs.split(",").map((cost) => cost.split("=")));
  const salted = Buffer.from(salt, "base64");
  const expected = Buffer.from(hash, "base64");
  assert.ok(!/[=_-]/.test(salt + hash), "Base64 of a PHC string");
  const [, digest] = form.match(/^pbkdf2-(sha\d+)$/) ?? [];
  if (digest) {
    assert.equal(Number(l), expected.length);
    return pbkdf2Sync(password, salted, Number(i), expected.length, digest).equals(expected);
  }
  if (form === "scrypt") {
    return scryptSync(password, salted, expected.length, { N: 2 ** ln, r: +r, p: +p }).equals(expected);
  }
  assert.equal(form, "firebase-scrypt");
  const full = Buffer.concat([salted, Buffer.from(SALT_SEPARATOR, "base64")]);
  const key = scryptSync(password, full, 32, { N: 2 ** ln, r: +r, p: 1 });
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(SIGNER_KEY, "base64").equals(expected);
}

const UNKNOWN = (form) => [`The form of the password hash is unknown: "${form}"`, "password_hash"];
const NO_PASSWORD = ["The user has no password", "password_hash"];
const BORN = "2024-01-15T10:30:00Z";

test("each system has a fixture and a section of the document", () => {
  const fixtures = fs.readdirSync(path.join(__dirname, "fixtures")).map((name) => path.parse(name).name);
  assert.deepEqual(SYSTEMS, fixtures.sort());
  const document = fs.readFileSync(path.join(__dirname, "../../docs/moving-in.md"), "utf8");
  for (const system of SYSTEMS) assert.ok(document.includes(`FROM=${system}`), system);
});

test("Auth0", async () => {
  const { lines, failures } = await converted(file("auth0.ndjson"), { from: "auth0" });
  const [, , grace, hedy] = lines;
  assert.deepEqual(lines, [
    [1, "ada@example.com", BCRYPT_2B, "2019-12-06T18:36:12Z"],
    [2, "euclid@example.com", BCRYPT_2A, "2024-01-15T10:28:40Z"],
    [3, "grace@example.com", grace[2], "2024-01-15T10:28:40Z"],
    [4, "hedy@example.com", hedy[2], "2024-01-15T10:28:40Z"],
    [5, "mary@example.com", ARGON2ID, "2024-01-15T10:28:40Z"],
  ]);
  assert.ok(grace[2].startsWith("$pbkdf2-sha512$i=1000,l=32$") && verifies(grace[2], PASSWORD));
  assert.ok(hedy[2].startsWith("$scrypt$ln=14,r=8,p=1$") && verifies(hedy[2], PASSWORD));
  assert.deepEqual(failures, [
    [6, ...UNKNOWN("md5")],
    [7, ...NO_PASSWORD],
    [9, "The line must be JSON"],
  ]);
});

test("Clerk", async () => {
  const { lines, failures } = await converted(file("clerk.csv"), { from: "clerk" });
  const [, , hedy, mary] = lines;
  assert.deepEqual(lines, [
    [2, "ada@example.com", BCRYPT_2B],
    [3, "grace@example.com", ARGON2ID],
    [4, "hedy@example.com", hedy[2]],
    [5, "mary@example.com", mary[2]],
  ]);
  assert.match(hedy[2], /^pbkdf2_sha256\$1000\$RIjNkmL1CqYqxw2fJrqT9S\$/);
  assert.ok(verifies(mary[2], PASSWORD));
  assert.deepEqual(failures, [
    [7, ...NO_PASSWORD],
    [8, ...UNKNOWN("awscognito")],
    [9, "The row must have as many columns as the first line"],
  ]);
  const names = await converted(file("clerk.csv"), { from: "clerk", username: "username" });
  assert.deepEqual(
    names.lines.map(([, name]) => name),
    ["ada", "grace", "hedy", "mary"],
  );
});

test("Firebase", async () => {
  const { lines, failures } = await converted(file("firebase.json"), { from: "firebase" });
  const [ada] = lines;
  assert.deepEqual(lines, [
    ["users[0]", "ada@example.com", ada[2], "2024-01-01T00:00:00Z"],
    ["users[1]", "grace@example.com", ada[2], "2024-01-01T00:00:00Z"],
  ]);
  assert.ok(ada[2].startsWith("$firebase-scrypt$ln=14,r=8$") && verifies(ada[2], FIREBASE_PASSWORD));
  assert.deepEqual(failures, [
    ["users[2]", ...NO_PASSWORD],
    ["users[3]", "The user has no email", "username"],
    ["users[4]", "A salt or a hash must be Base64", "password_hash"],
  ]);
  const other = await converted(file("firebase.json"), { from: "firebase", rounds: "4", "mem-cost": "12" });
  assert.ok(other.lines[0][2].startsWith("$firebase-scrypt$ln=12,r=4$"));
});

test("Supabase", async () => {
  const { lines, failures } = await converted(file("supabase.csv"), { from: "supabase" });
  const [, , hedy] = lines;
  assert.deepEqual(lines, [
    [2, "ada@example.com", BCRYPT_2A, BORN],
    [3, "grace@example.com", ARGON2I, BORN],
    [4, "hedy@example.com", hedy[2], BORN],
  ]);
  assert.ok(verifies(hedy[2], FIREBASE_PASSWORD));
  assert.deepEqual(failures, [
    [5, ...NO_PASSWORD],
    [6, "The user was deleted"],
    [7, "The user has no email", "username"],
  ]);
});

test("Django", async () => {
  const { lines, failures } = await converted(file("django.json"), { from: "django" });
  const rows = JSON.parse(fs.readFileSync(path.join(__dirname, "fixtures/django.json"), "utf8"));
  assert.deepEqual(
    lines,
    ["ada", "grace", "hedy", "mary", "joan"].map((name, n) => [`[${n}]`, name, rows[n].fields.password, BORN]),
  );
  assert.deepEqual(failures, [["[5]", ...NO_PASSWORD]]);
  const mails = await converted(file("django.json"), { from: "django", username: "email" });
  assert.equal(mails.lines[0][1], "ada@example.com");
});

test("Keycloak", async () => {
  const { lines, failures } = await converted(file("keycloak.json"), { from: "keycloak" });
  const [ada, grace, hedy] = lines;
  assert.deepEqual(
    lines.map(([place, name, , time]) => [place, name, time]),
    ["ada", "grace", "hedy"].map((name, n) => [`users[${n}]`, name, BORN]),
  );
  assert.ok(ada[2].startsWith("$pbkdf2-sha256$i=27500,l=64$") && verifies(ada[2], PASSWORD));
  assert.ok(grace[2].startsWith("$pbkdf2-sha512$i=2100,l=64$") && verifies(grace[2], PASSWORD));
  assert.match(hedy[2], /^\$argon2id\$v=19\$m=7168,t=5,p=1\$AAECAwQFBgcICQoLDA0ODw\$[A-Za-z0-9+/]{43}$/);
  assert.deepEqual(failures, [
    ["users[3]", ...NO_PASSWORD],
    ["users[4]", ...UNKNOWN("a credential without credentialData")],
    ["users[5]", ...UNKNOWN("bcrypt")],
  ]);
});

test("users of an unknown form, and bytes that are not UTF-8, are failures of their own", async () => {
  const rows = (text) => converted(pieces(text), { from: "auth0" });
  const good = `{"email":"ada@example.com","passwordHash":"${BCRYPT_2A}"}`;
  for (const [row, failure] of [
    ["null", ["The user has an unknown form"]],
    ['{"email":1,"passwordHash":"x"}', ["The user has no email", "username"]],
    ['{"email":"a","custom_password_hash":{"algorithm":"scrypt"}}', ["The user has an unknown form"]],
    [
      `{"email":"a","custom_password_hash":{"algorithm":"bcrypt","password":{"encoding":"utf16le"},"hash":{"value":"x"}}}`,
      ["The password must be hashed as UTF-8", "password_hash"],
    ],
    [`{"email":"a\\ufffd","passwordHash":"${BCRYPT_2A}"}`, ["The email must be UTF-8", "username"]],
    [good.replace("{", '{"created_at":"soon",'), ["The time of the sign-up is unknown", "created_at"]],
  ]) {
    const { lines, failures } = await rows(`${row}\n${good}`);
    assert.deepEqual(failures, [[1, ...failure]]);
    assert.equal(lines.length, 1);
  }
});

test("a time is in UTC, with seconds", async () => {
  for (const time of [
    "2024-01-15T10:30:00.123Z",
    "2024-01-15T10:30:00.123456+00:00",
    "2024-01-15 12:30:00.123456+02",
    "2024-01-15 16:00:00+05:30",
    "2024-01-15 10:30:00",
    "2024-01-15T10:30:00.5",
    1705314600999,
    "1705314600999",
  ]) {
    const user = JSON.stringify({ email: "ada@example.com", passwordHash: BCRYPT_2A, created_at: time });
    const { lines } = await converted(pieces(user), { from: "auth0" });
    assert.equal(lines[0][3], BORN, time);
  }
});

test("a reader of lines knows their numbers, and does not keep a line that is too long", async () => {
  const read = async (text, size) => {
    const found = [];
    for await (const { place, value } of lines(pieces(text, size))) found.push([place.line, value?.toString()]);
    return found;
  };
  assert.deepEqual(await read("\ufeffa\r\n\n \t\nbü\nc"), [
    [1, "a\r"],
    [4, "bü"],
    [5, "c"],
  ]);
  assert.deepEqual(await read(`${"x".repeat((1 << 20) + 1)}\nb\n`, 1 << 16), [
    [1, undefined],
    [2, "b"],
  ]);
  assert.deepEqual(await read(""), []);
});

test("a file of another format is refused with a sentence", async () => {
  const all = async (entries) => {
    for await (const _ of entries);
  };
  for (const [entries, sentence] of [
    [csv(pieces("id,email\n1,a\n"), ["email", "password_digest"]), "password_digest is missing"],
    [csv(pieces('email\n"a\n'), ["email"]), "The file is not CSV"],
    [json(pieces('{"users":[{}'), "users"), "The file is not JSON: it ends too early"],
    [json(pieces("a,b\n"), "users"), "The file is not JSON"],
  ]) {
    await assert.rejects(all(entries), ({ message }) => message.includes(sentence));
  }
});
