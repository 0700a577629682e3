// Fills dist/ with the ready-made packages, from what was built: the folder `edge-signup`, which can serve as a template
// repository, and the npm package `create-edge-signup`, which copies that folder. `make package` calls this script.

const { execFileSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const { parse } = require("smol-toml");

const { NAMES, load } = require("../../scripts/edge-signup");
const { forNpm } = require("./words");

const VERSION = fs.readFileSync("Cargo.toml", "utf8").match(/^version = "(.*)"$/m)[1];
/** Every file gets the time of the commit, so that two builds of a commit are the same. */
const TIME = new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000);
const FOLDER = "dist/edge-signup";
const STAGE = "target/package";

/** The ids that the deploy button replaces, and `npm run provision`. */
const ZEROS = { database_id: "00000000-0000-0000-0000-000000000000", id: "0".repeat(32) };

const read = (file) => fs.readFileSync(file, "utf8");
const readJson = (file) => JSON.parse(read(file));

function write(file, content) {
  const place = path.join(FOLDER, file);
  fs.mkdirSync(path.dirname(place), { recursive: true });
  fs.writeFileSync(place, content);
}

const writeJson = (file, value) => write(file, `${JSON.stringify(value, null, 2)}\n`);
const copy = (file, to = file) => fs.cpSync(file, path.join(FOLDER, to), { recursive: true, dereference: true });

/** The text of a configuration without the build, and with the commands of npm in its comments. */
function withoutBuild(file) {
  const paragraphs = read(file).split("\n\n");
  return forNpm(paragraphs.filter((paragraph) => !/^\[build\]$/m.test(paragraph)).join("\n\n"));
}

/** wrangler.toml with ids for the deploy button. */
const configuration = () =>
  withoutBuild("wrangler.toml")
    .replace(/^name = .*$/m, 'name = "edge-signup"')
    .replace(/^(database_name = ).*$/m, '$1"edge-signup"')
    .replace(/^(database_)?id = .*\n/gm, "")
    .replace(/^binding = "DB"\n/m, (line) => `${line}database_id = "${ZEROS.database_id}"\n`)
    .replace(/^binding = "BLOCKLIST"(\n|$)/m, (line) => `${line.trimEnd()}\nid = "${ZEROS.id}"\n`)
    .replace(
      / make then builds the Worker with the table of\n# look-alike characters\./,
      " The commands then use\n# the Worker with the table of look-alike characters.",
    );

/** admin/wrangler.toml. */
const configurationOfAdmin = () =>
  withoutBuild("admin/wrangler.toml").replace(/^name = .*$/m, 'name = "edge-signup-admin"');

/** The descriptions of the bindings and secrets, for the person who uses the deploy button. */
const BINDINGS = {
  DB: { description: "Users and accounts. The location of the database cannot be changed later." },
  BLOCKLIST: { description: "The blocked addresses and ranges. `npm run block` adds one." },
  CHALLENGE_SECRET: {
    description: "Only for PROOF_OF_WORK: at least 32 bytes, such as `openssl rand -hex 32` prints.",
  },
  TURNSTILE_SECRET: { description: "Only for Turnstile: the secret of your widget." },
  SIGN_UP_HOOK_SECRET: { description: "Only for SIGN_UP_HOOK: whsec_ and 24 to 64 bytes in Base64." },
  PASSWORD_PEPPER: { description: "Optional: a secret that goes into every hash. Read docs/operating.md first." },
};

function packageJson() {
  const { devDependencies, allowScripts } = readJson("package.json");
  const only = (names) => Object.fromEntries(names.map((name) => [name, devDependencies[name]]));
  return {
    name: "edge-signup",
    version: VERSION,
    private: true,
    description: "A sign-up service for Cloudflare, ready to deploy",
    license: "MIT OR Apache-2.0",
    engines: { node: ">=20" },
    scripts: Object.fromEntries(NAMES.map((name) => [name, `node scripts/edge-signup.js ${name}`])),
    // wrangler serves and deploys; node is a version that wrangler takes; smol-toml reads wrangler.toml. csv-parse and
    // @streamparser/json read files of any size for an import, piece by piece; neither needs a further package.
    devDependencies: only(["@streamparser/json", "csv-parse", "node", "smol-toml", "wrangler"]),
    allowScripts,
    cloudflare: { bindings: BINDINGS },
  };
}

/** The lock of the packages that the folder needs, with the versions that were tested. */
function lock() {
  const folder = path.join(STAGE, "lock");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.copyFileSync("package-lock.json", path.join(folder, "package-lock.json"));
  fs.copyFileSync(path.join(FOLDER, "package.json"), path.join(folder, "package.json"));
  const options = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["install", "--prefer-offline", ...options], { cwd: folder, stdio: "inherit" });
  return readJson(path.join(folder, "package-lock.json"));
}

/** All files below a folder, in order. */
const filesOf = (folder) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .sort();

/** Gives every file its mode and the time of the commit. */
function settle(folder) {
  for (const file of filesOf(folder)) {
    const place = path.join(folder, file);
    fs.chmodSync(place, /(edge-signup|create)\.js$/.test(file) ? 0o755 : 0o644);
    fs.utimesSync(place, TIME, TIME);
  }
}

/** Stops if a file is missing that make builds: the folders are copied as they are. */
function requireBuilt() {
  const { assets } = parse(read("wrangler.toml"));
  const pages = assets.run_worker_first.filter((page) => page.startsWith("!")).map((page) => page.slice(1));
  const isPage = (page) => ["", ".html", "index.html"].some((end) => fs.existsSync(`public${page}${end}`));
  const others = [
    ...["console.css", "dom.js", "favicon.svg", "uplot.css", "uplot.js"].map((file) => `admin/public/${file}`),
    ...["index.js", "index_bg.wasm"].map((file) => `scripts/tools/${file}`),
  ];
  const missing = [
    ...pages.filter((page) => page !== "/" && !isPage(page)).map((page) => `public${page}`),
    ...others.filter((file) => !fs.existsSync(file)),
  ];
  if (!missing.length) return;
  console.error(`A package needs files that are missing, and make package builds them: ${missing.join(" ")}`);
  process.exit(1);
}

function assembleFolder() {
  requireBuilt();
  fs.rmSync("dist", { recursive: true, force: true });
  for (const file of [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "admin/index.js",
    "admin/public",
    "admin/streams.js",
    "data",
    "migrations",
    "public",
    "worker/index.js",
    "worker/serve.js",
  ])
    copy(file);
  for (const file of fs.readdirSync("scripts").filter((file) => !/^(link-wasm|requirements\.txt)$/.test(file)))
    copy(`scripts/${file}`);
  for (const file of ["index.js", "index_bg.wasm"]) {
    copy(`build/${file}`);
    copy(`target/confusables/${file}`, `build/confusables/${file}`);
    copy(`build/admin/${file}`);
  }
  write(
    "worker/confusables.js",
    read("worker/index.js").replace("../build/index.js", "../build/confusables/index.js"),
  );
  const documents = [
    "abuse.md",
    "admin.md",
    "api.md",
    "events.md",
    "moving-in.md",
    "operating.md",
    "threats.md",
    "verifying.md",
  ];
  for (const file of documents) write(`docs/${file}`, forNpm(read(`docs/${file}`)));
  copy("docs/username_keys.json");
  for (const [folder, text] of Object.entries({ ".": configuration(), admin: configurationOfAdmin() })) {
    write(`${folder}/wrangler.toml`, text);
    write(`${folder}/wrangler.example.toml`, text);
  }
  const commands = NAMES.map((name) => `| \`${name}\` | ${load(name).summary} |`).join("\n");
  write("README.md", read("packages/create/README.md").replace("{{commands}}", commands));
  write(".gitignore", read("packages/create/gitignore"));
  write(".dev.vars.example", read("packages/create/dev.vars.example"));
  for (const file of ["THIRD-PARTY.md", "sbom.cdx.json"]) copy(`packages/create/${file}`, file);
  writeJson("package.json", packageJson());
  writeJson("package-lock.json", lock());

  const sum = (file) =>
    createHash("sha256")
      .update(fs.readFileSync(path.join(FOLDER, file)))
      .digest("hex");
  const lines = filesOf(FOLDER).map((file) => `${sum(file)}  ${file}\n`);
  write("SHA256SUMS", lines.join(""));
  settle(FOLDER);
}

function assemblePackage() {
  const folder = path.join(STAGE, "create-edge-signup");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.cpSync(FOLDER, path.join(folder, "template"), { recursive: true });
  // npm leaves files of this name out of packages.
  fs.renameSync(path.join(folder, "template/.gitignore"), path.join(folder, "template/gitignore"));
  for (const file of ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.md", "sbom.cdx.json", "README.md"])
    fs.cpSync(path.join(FOLDER, file), path.join(folder, file));
  fs.cpSync("packages/create/create.js", path.join(folder, "create.js"));
  const description = {
    name: "create-edge-signup",
    version: VERSION,
    description: "Makes a sign-up service for Cloudflare: a built Worker, and the commands of operators",
    license: "MIT OR Apache-2.0",
    keywords: ["cloudflare", "workers", "sign-up", "d1", "argon2"],
    engines: { node: ">=20" },
    bin: { "create-edge-signup": "create.js" },
    files: ["create.js", "template", "THIRD-PARTY.md", "sbom.cdx.json"],
  };
  fs.writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(description, null, 2)}\n`);
  settle(folder);
  execFileSync("npm", ["pack", "--silent", "--pack-destination", path.resolve("dist"), path.resolve(folder)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

assembleFolder();
assemblePackage();
for (const file of fs.readdirSync("dist")) {
  if (!file.endsWith(".tgz")) continue;
  const bytes = fs.readFileSync(path.join("dist", file));
  const digest = createHash("sha256").update(bytes).digest("hex");
  fs.writeFileSync("dist/SHA256SUMS", `${digest}  ${file}\n`);
  console.log(`==> dist/${file} has ${(bytes.length / 1000).toFixed(1)} KB, SHA-256 ${digest}`);
}
console.log(`==> ${FOLDER} has the same files, and ${NAMES.length} commands`);
