// The command `import`, against a stand-in for the admin Worker.

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const test = require("node:test");

const { PART } = require("../../scripts/admin-client");
const { lines } = require("../../scripts/sources");
const { bar, ticker } = require("../../scripts/terminal");

const PROGRAM = path.join(__dirname, "../../scripts/edge-signup.js");
const TOKEN = "a-token-of-the-admin-worker-32-bytes";
const BCRYPT = "$2a$10$ivb0u84iB/YvaJVIZoCt2uEgRqZHMRg8q4fdAAI6JOdx4hQbm61AW";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-signup-"));
test.after(() => fs.rmSync(folder, { recursive: true }));

const line = (username, more) => JSON.stringify({ client_id: "shop", username, password_hash: BCRYPT, ...more });

/** A file with this content. */
function file(content, name = `${Math.random()}.ndjson`) {
  const place = path.join(folder, name);
  fs.writeFileSync(place, content);
  return place;
}

/**
 * Serves what an import needs of the admin Worker, until the test ends. After `limit` answers it ends
 * the connection, or with `silent` gives no further answer.
 */
async function standIn(t, { limit = Infinity, silent, session = { write: true }, refuse } = {}) {
  const users = new Map();
  const requests = [];
  const answer = (number, text, dry) => {
    let user;
    try {
      user = JSON.parse(text);
    } catch {
      return { line: number, status: "invalid", description: "The line must be JSON" };
    }
    const field = ["client_id", "username", "password_hash"].find((name) => typeof user[name] !== "string");
    if (field) return { line: number, status: "invalid", field, description: `${field} must be given` };
    const key = `${user.client_id}\n${user.username.toLowerCase()}`;
    if (users.has(key)) return { line: number, status: "taken" };
    if (dry) return { line: number, status: "valid" };
    users.set(key, user);
    return { line: number, status: "stored", id: users.size };
  };
  const serve = async (request, response) => {
    const { method, url, headers } = request;
    const json = (status, body) => {
      response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
    };
    if (refuse) return json(refuse.status, refuse.body);
    if (headers.authorization !== `Bearer ${TOKEN}`) {
      return json(401, { description: "The token is wrong", code: "401" });
    }
    if (url === "/session") return json(200, { actor: "admin-token", version: "0.1.0", ...session });
    assert.match(`${method} ${url}`, /^POST \/imports(\?dry=1)?$/);
    assert.equal(headers["content-type"], "application/x-ndjson");
    requests.push(url);
    for await (const { place, value } of lines(request)) {
      if (place.line > limit && !silent) return response.destroy();
      if (place.line <= limit)
        response.write(`${JSON.stringify(answer(place.line, value, url.endsWith("?dry=1")))}\n`);
    }
    response.end();
  };
  const server = http.createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, users, requests };
}

/** Runs the command, and gives its exit code and output. */
async function run(args, env = { ADMIN_TOKEN: TOKEN }, program = PROGRAM) {
  const { ADMIN_TOKEN: _, ...others } = process.env;
  const child = spawn(process.execPath, [program, "import", ...args], { env: { ...others, ...env } });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (text) => {
      output[stream] += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, ...output };
}

test("a file is stored, and the same command again stores nothing", async (t) => {
  const { url, users } = await standIn(t);
  const users3 = file(
    `${line("ada", { created_at: "2024-01-15T10:30:00Z" })}\n\n${line("grace")}\r\n${line("Ada")}`,
  );
  const first = await run([users3, "--url", url]);
  assert.deepEqual(first, { code: 0, stdout: "Stored: 2\nTaken: 1\nInvalid: 0\n", stderr: "" });
  assert.equal(users.get("shop\nada").created_at, "2024-01-15T10:30:00Z");
  const again = await run([users3, "--url", url]);
  assert.deepEqual(again, { code: 0, stdout: "Stored: 0\nTaken: 3\nInvalid: 0\n", stderr: "" });
});

test("invalid lines end the command with 1, and have their places in the file", async (t) => {
  const { url, users } = await standIn(t);
  const bad = Array.from({ length: 12 }, () => '{"client_id":"shop"}').join("\n");
  const failures = path.join(folder, "failures.ndjson");
  const given = file(`${line("ada")}\n\n{\n${bad}\n${line("ada")}\n`);
  const { code, stdout } = await run([given, "--url", url, "--failures", failures]);
  assert.equal(code, 1);
  const shown = stdout.split("\n");
  assert.deepEqual(shown.slice(0, 5), [
    "Stored: 1",
    "Taken: 1",
    "Invalid: 13",
    "  line 3: The line must be JSON",
    "  line 4: username must be given",
  ]);
  assert.equal(shown.filter((text) => text.startsWith("  line ")).length, 10);
  assert.ok(stdout.endsWith(`\n  and 3 more, all of which are in ${failures}\n`), stdout);
  assert.equal(users.size, 1);
  const written = fs.readFileSync(failures, "utf8").trim().split("\n").map(JSON.parse);
  assert.equal(written.length, 14);
  assert.deepEqual(written[1], {
    line: 4,
    status: "invalid",
    field: "username",
    description: "username must be given",
  });
  assert.deepEqual(written[13], { line: 16, status: "taken" });
  const without = await run([given, "--url", url]);
  assert.match(without.stdout, /\n {2}and 3 more, all of which FAILURES=FILE writes to a file\n$/);
});

test("the failures never go into the file that is imported", async (t) => {
  const { url, users } = await standIn(t);
  const given = file(line("ada"));
  const link = path.join(folder, "link.ndjson");
  fs.symlinkSync(given, link);
  for (const failures of [given, link]) {
    const { code, stderr } = await run([given, "--url", url, "--failures", failures]);
    assert.equal(code, 1);
    assert.equal(stderr, `FAILURES is "${failures}", which is the file of the users itself: name another file\n`);
    assert.deepEqual([fs.readFileSync(given, "utf8"), users.size], [line("ada"), 0]);
  }
});

test("a dry run stores nothing", async (t) => {
  const { url, users } = await standIn(t);
  const { code, stdout } = await run([file(line("ada")), "--url", url, "--dry"]);
  assert.deepEqual([code, stdout, users.size], [0, "Valid: 1\nTaken: 0\nInvalid: 0\n", 0]);
});

test("the export of another system is converted, and its failures do not stop the others", async (t) => {
  const { url, users } = await standIn(t);
  const failures = path.join(folder, "keycloak.ndjson");
  const given = path.join(__dirname, "fixtures/keycloak.json");
  const args = [given, "--url", url, "--from", "keycloak", "--client", "shop", "--username", "email"];
  const { code, stdout } = await run([...args, "--failures", failures]);
  assert.equal(code, 1);
  assert.ok(
    stdout.startsWith("Stored: 3\nTaken: 0\nInvalid: 3\n  users[3]: The user has no password\n  users[4]: "),
    stdout,
  );
  assert.deepEqual(
    [...users.keys()],
    ["ada", "grace", "hedy"].map((name) => `shop\n${name}@example.com`),
  );
  const [first] = fs
    .readFileSync(failures, "utf8")
    .split("\n")
    .map((text) => text && JSON.parse(text));
  const description = "The user has no password";
  assert.deepEqual(first, { place: "users[3]", status: "invalid", field: "password_hash", description });
});

test("a long file takes several requests, and little memory", async (t) => {
  const { url, users, requests } = await standIn(t);
  const count = 2 * PART.lines + 1;
  const given = file(
    Array.from({ length: count }, (_, n) => (n === PART.lines ? "{" : line(`user-${n}`))).join("\n"),
  );
  const env = { ADMIN_TOKEN: TOKEN, NODE_OPTIONS: "--max-old-space-size=24" };
  const { code, stdout, stderr } = await run([given, "--url", url], env);
  assert.equal(stderr, "");
  assert.equal(stdout, `Stored: 20,000\nTaken: 0\nInvalid: 1\n  line ${PART.lines + 1}: The line must be JSON\n`);
  assert.deepEqual([code, users.size, requests.length], [1, count - 1, 3]);
});

test("a lost connection is said in one sentence, and the command can be run again", async (t) => {
  const given = file(Array.from({ length: 2000 }, (_, n) => line(`user-${n}`)).join("\n"));
  for (const silent of [false, true]) {
    const { url } = await standIn(t, { limit: 1000, silent });
    const { code, stdout, stderr } = await run([given, "--url", url]);
    assert.equal(code, 1);
    assert.match(stdout, silent ? /^Stored: 1,000\n/ : /^Stored: [0-9,]+\nTaken: 0\nInvalid: 0\n$/);
    const sentence = "was lost: run the same command again, which changes nothing that is stored\n";
    assert.equal(stderr, `The connection to ${url} ${sentence}`);
  }
});

test("the service on this machine is the default, with a token of its own", async (t) => {
  const { url, users } = await standIn(t);
  const root = path.join(folder, "root");
  fs.mkdirSync(root);
  fs.symlinkSync(path.dirname(PROGRAM), path.join(root, "scripts"));
  fs.writeFileSync(path.join(root, ".admin-token"), `${TOKEN}\n`);
  const program = path.join(root, "scripts/edge-signup.js");
  const { code, stderr } = await run([file(line("ada"))], { PORT: `${new URL(url).port - 1}` }, program);
  assert.deepEqual([code, stderr, users.size], [0, "", 1]);
  const remote = await run([file(line("ada")), "--url", "https://127.0.0.1.example.com"], {}, program);
  assert.match(remote.stderr, /^ADMIN_TOKEN is missing/);
});

test("a problem in the middle of a file is named after the answers for the lines before it", async (t) => {
  const { url, users } = await standIn(t);
  const rows = Array.from({ length: 2000 }, (_, n) => `user-${n}@example.com,${BCRYPT}`);
  const given = file(["email,encrypted_password", ...rows, '"'].join("\n"), "broken.csv");
  const { code, stdout, stderr } = await run([given, "--url", url, "--from", "supabase", "--client", "shop"]);
  assert.ok(users.size > 500);
  assert.deepEqual([code, stdout], [1, `Stored: ${users.size.toLocaleString("en")}\nTaken: 0\nInvalid: 0\n`]);
  assert.match(stderr, /^The file is not CSV: .*\n$/);
});

test("a file that cannot be sent, and a mistake in the options, are explained", async (t) => {
  const { url } = await standIn(t);
  const good = file(line("ada"));
  const missing = path.join(folder, "missing.ndjson");
  for (const [args, sentence] of [
    [[missing], `There is no file ${missing}`],
    [[folder], `${folder} is a folder: name a file in it`],
    [[file("")], " is empty"],
    [[file("\n \n")], " has no users"],
    [[good, "--from", "okta"], 'FROM is "okta": it must be one of auth0, clerk, '],
    [[good, "--from", "auth0"], "CLIENT_ID is missing"],
    [[good, "--client", "shop"], "CLIENT_ID needs FROM"],
    [[good, "--from", "auth0", "--client", "shop", "--username", "phone"], 'USERNAME is "phone"'],
    [[file("a,b\n1,2\n"), "--from", "clerk", "--client", "shop"], "primary_email_address and password_digest and"],
  ]) {
    const { code, stderr } = await run([...args, "--url", url]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(sentence) && stderr.endsWith("\n") && !stderr.includes(" at "), stderr);
  }
});

test("an admin Worker that refuses, or is not there, is explained", async (t) => {
  const good = file(line("ada"));
  const refusing = (status, description) =>
    standIn(t, { refuse: { status, body: { description, code: `${status}` } } });
  const { url } = await standIn(t);
  const { url: closed } = await refusing(503, "ADMIN_TOKEN is not set");
  const { url: reader } = await standIn(t, { session: { write: false } });
  const { url: other } = await refusing(404);
  for (const [given, env, sentence] of [
    [url, { ADMIN_TOKEN: "wrong" }, `${url} answered 401: The token is wrong`],
    [closed, undefined, `${closed} answered 503: ADMIN_TOKEN is not set`],
    [reader, undefined, "This token may only read"],
    [other, undefined, `${other} answered 404: there is no admin Worker`],
    ["http://127.0.0.1:1", undefined, "http://127.0.0.1:1 does not answer (ECONNREFUSED)"],
    ["http://admin.example.com", undefined, "it must be the https:// address of the admin Worker"],
    ["admin.example.com", undefined, 'URL is "admin.example.com"'],
    ["https://admin.example.com", {}, "ADMIN_TOKEN is missing"],
    [url, { ADMIN_TOKEN: "a\nb" }, "ADMIN_TOKEN must consist of visible ASCII characters"],
  ]) {
    const { code, stderr } = await run([good, "--url", given], env);
    assert.equal(code, 1);
    assert.ok(stderr.includes(sentence) && !stderr.includes(TOKEN), stderr);
  }
});

test("progress is a bar on a terminal, and a line every few seconds elsewhere", (t) => {
  assert.equal(bar({ done: 0.5, text: "50 %" }, 20), "[██████░░░░░░] 50 %");
  assert.equal(bar({ text: "7 lines" }, 20), "7 lines");
  assert.equal(bar({ done: 0.5, text: "a long text" }, 10), "a long te");
  t.mock.timers.enable({ apis: ["setInterval"] });
  const written = [];
  t.mock.method(process.stderr, "write", (text) => written.push(text));
  Object.defineProperty(process.stderr, "isTTY", { value: false, configurable: true, writable: true });
  const stop = ticker(() => ({ text: "7 lines" }));
  t.mock.timers.tick(11_000);
  stop();
  t.mock.timers.tick(11_000);
  t.mock.restoreAll();
  assert.deepEqual(written, ["7 lines\n", "7 lines\n"]);
});
