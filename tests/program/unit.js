// The rules of the operators' program and of the packages that do no work: `node --test tests/program/unit.js`.

const assert = require("node:assert/strict");
const { execFileSync, spawn, spawnSync } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const test = require("node:test");

const { forNpm } = require("../../packages/create/words");
const { NAMES, load } = require("../../scripts/edge-signup");
const { plan } = require("../../scripts/exchange");

const PROGRAM = path.join(__dirname, "../../scripts/edge-signup.js");
const run = (...args) => spawnSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8" });

test("every command has a summary, and explains itself and its options", () => {
  const list = execFileSync(process.execPath, [PROGRAM, "--help"], { encoding: "utf8" });
  for (const name of NAMES) {
    const { summary, options, arguments: names = [] } = load(name);
    assert.match(list, new RegExp(`^  ${name}\\b.*  ${summary.replace(/[.()]/g, "\\$&")}$`, "m"));
    const { status, stdout } = run(name, "--help");
    assert.equal(status, 0);
    for (const word of [summary, ...Object.keys(options ?? {}).map((option) => `--${option}`)]) {
      assert.ok(stdout.includes(word), `${name}: ${word}`);
    }
    for (const argument of names) assert.ok(stdout.includes(argument.replace("?", "")), `${name}: ${argument}`);
  }
});

test("a mistake on the command line is explained and ends with 2", () => {
  for (const [args, sentence] of [
    [["blok"], '"blok" is not a command'],
    [["block"], "IP is missing: edge-signup block --help"],
    [["block", "a", "b"], "b is one argument too many"],
    [["blocked", "--remte"], "Unknown option '--remte'"],
  ]) {
    const { status, stderr } = run(...args);
    assert.equal(status, 2);
    assert.ok(stderr.startsWith(sentence), stderr);
    assert.ok(!stderr.includes("\x1b"), "no colours outside of a terminal");
  }
});

test("a value that a command cannot use is named with its variable", () => {
  const env = { ...process.env, ADMIN_TOKEN: "x".repeat(32), WAIT: "2m" };
  for (const [args, sentence] of [
    [["verify", "http://127.0.0.1:9", "--wait", "2m"], 'WAIT is "2m": it must be a number of seconds'],
    [["verify", "http://127.0.0.1:9"], 'WAIT is "2m": it must be a number of seconds'],
    [["deploy", "--dry", "--wait=-1"], 'WAIT is "-1": it must be a number of seconds'],
    [["deploy", "--dry"], 'WAIT is "2m": it must be a number of seconds'],
    [
      ["webhooks", "--admin", "ftp://a.example"],
      'ADMIN_URL is "ftp://a.example": it must be the https:// address',
    ],
    [["webhook", "--admin", "ftp://a.example", "https://b.example"], 'ADMIN_URL is "ftp://a.example": it must be'],
    [["breached-list", "--from", "nothing", "--output", "list"], "The passwords could not be read: ENOENT"],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
      encoding: "utf8",
      env,
      timeout: 20_000,
    });
    assert.ok(status > 0 && stderr.startsWith(sentence), `${args.join(" ")}: ${status} ${stderr}`);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

test("a service is verified with nothing but Node", async (t) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "edge-signup-"));
  t.after(() => fs.rmSync(root, { recursive: true }));
  fs.cpSync(path.dirname(PROGRAM), path.join(root, "scripts"), { recursive: true });
  fs.copyFileSync(path.join(__dirname, "../wrangler.toml"), path.join(root, "wrangler.toml"));
  const server = http.createServer((_, answer) => answer.writeHead(400, { "X-Request-Id": "a" }).end());
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}`;
  const child = spawn(process.execPath, [path.join(root, "scripts/edge-signup.js"), "verify", url]);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part) => (text += part));
  const [code] = await once(child, "close");
  assert.equal(code, 1);
  assert.match(
    text,
    /this command removes them, and it must run for each other database of the service too:\nnpx /,
  );
  assert.match(text, /: ok \d+, failed \d+, not run 0, warnings \d+\n$/);
});

test("the settings are checked again after a change of a rule, and a package has the words of npm", (t) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "edge-signup-"));
  t.after(() => fs.rmSync(root, { recursive: true }));
  const scripts = path.join(root, "scripts");
  fs.cpSync(path.dirname(PROGRAM), scripts, { recursive: true });
  fs.symlinkSync(path.join(__dirname, "../../node_modules"), path.join(root, "node_modules"));
  const settings = path.join(root, "wrangler.toml");
  const text =
    'name = "a"\ncompatibility_date = "2026-11-17"\n[[d1_databases]]\nbinding = "DB"\ndatabase_name = "a"\n' +
    '[[kv_namespaces]]\nbinding = "BLOCKLIST"\n[vars]\nPASSWORD_MIN_LENGTH = "1"\n';
  const check = () =>
    spawnSync(process.execPath, [path.join(scripts, "edge-signup.js"), "settings"], { encoding: "utf8" });
  const fingerprint = () => fs.readFileSync(path.join(root, ".wrangler/settings"), "utf8");

  fs.writeFileSync(settings, text);
  assert.equal(check().status, 0);
  let before = fingerprint();
  assert.equal(check().status, 0);
  assert.equal(fingerprint(), before);
  for (const file of ["shards.js", "admin.js", "configuration.js", "tools/index_bg.wasm"]) {
    fs.appendFileSync(path.join(scripts, file), file.endsWith(".js") ? "// later\n" : "\0\x02\x01a");
    assert.equal(check().status, 0);
    assert.notEqual(fingerprint(), before, file);
    before = fingerprint();
  }

  fs.writeFileSync(settings, `${text}CHALLENGE_SECRET = "x"\nSERVICE_ID = "A"\n`);
  const { status, stderr } = check();
  assert.equal(status, 1);
  assert.match(stderr, /and for npm run dev in \.dev\.vars/);
  assert.match(stderr, /digits and small letters, as npm run grow writes it/);
  assert.doesNotMatch(stderr, /\bmake\b/);
});

test("the commands of make are worded as those of npm", () => {
  for (const [make, npm] of [
    ["`make block`", "`npm run block`"],
    [
      'make block IP=203.0.113.7 REASON="spam it" TTL=60 REMOTE=1 ENV=staging  # x',
      'npm run block -- 203.0.113.7 --reason "spam it" --ttl 60 --remote --env staging  # x',
    ],
    ["REMOTE=1 make blocked > blocked.txt", "npm run --silent blocked -- --remote > blocked.txt"],
    ["STATE=/tmp/x make dev", "npm run dev -- --state /tmp/x"],
    ["make client-disable ID=demo; make clients", "npm run client-disable -- demo; npm run clients"],
    ["make verify URL=https://a.example CLIENT_ID=demo", "npm run verify -- https://a.example --client demo"],
    ["make deploy DRY=1", "npm run deploy -- --dry"],
    [
      'make import FILE="$file" FROM=firebase CLIENT_ID=shop MEM_COST=14 DRY=1',
      'npm run import -- "$file" --from firebase --client shop --mem-cost 14 --dry',
    ],
    ["make build; make tests; to make client", "make build; make tests; to npm run client"],
  ]) {
    assert.equal(forNpm(make), npm);
  }
});

test("a package without a file that make builds is not made", (t) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "edge-signup-"));
  t.after(() => fs.rmSync(root, { recursive: true }));
  const project = path.join(__dirname, "../..");
  for (const name of ["Cargo.toml", "packages", "scripts", "admin", "wrangler.toml"])
    fs.symlinkSync(path.join(project, name), path.join(root, name));
  const { parse } = require("smol-toml");
  const { assets } = parse(fs.readFileSync(path.join(project, "wrangler.toml"), "utf8"));
  fs.mkdirSync(path.join(root, "public"));
  for (const page of assets.run_worker_first.filter((page) => /^!.+[.]/.test(page)))
    fs.writeFileSync(path.join(root, "public", page.slice(1)), "");
  for (const file of ["solver.js", "edge-sign-up.de.js"]) fs.rmSync(path.join(root, "public", file));
  const { status, stderr } = spawnSync(process.execPath, ["packages/create/assemble.js"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.equal(status, 1);
  for (const file of ["public/solver.js", "public/edge-sign-up.de.js", "public/gallery"])
    assert.ok(stderr.includes(` ${file}`), stderr);
  assert.ok(!stderr.includes("public/client.js") && !fs.existsSync(path.join(root, "dist")), stderr);
});

test("an upgrade replaces what was packed, and keeps what the operator changed", (t) => {
  const before = process.cwd();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-signup-"));
  t.after(() => {
    process.chdir(before);
    fs.rmSync(folder, { recursive: true });
  });
  process.chdir(folder);
  const sum = (text) => require("node:crypto").createHash("sha256").update(text).digest("hex");
  const now = {
    same: "1",
    older: "1",
    mine: "mine",
    both: "mine",
    gone: "1",
    "gone-mine": "mine",
    "wrangler.toml": "mine",
  };
  for (const [file, text] of Object.entries(now)) fs.writeFileSync(file, text);
  const packed = (files) => Object.fromEntries(Object.entries(files).map(([file, text]) => [file, sum(text)]));
  const files = plan(
    packed({
      same: "1",
      older: "1",
      mine: "1",
      both: "1",
      gone: "1",
      "gone-mine": "1",
      lost: "1",
      "wrangler.toml": "1",
    }),
    packed({ same: "1", older: "2", mine: "1", both: "2", new: "1", lost: "1", "wrangler.toml": "2" }),
  );
  assert.deepEqual(files, {
    added: ["new"],
    changed: ["older", "lost"],
    replaced: ["both"],
    kept: ["mine", "gone-mine"],
    removed: ["gone"],
  });
});
