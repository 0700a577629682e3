// Checks wrangler.toml, admin/wrangler.toml and .dev.vars before a command does its work. A setting under a wrong name or
// in a wrong table does nothing, and a guard would be off without notice.
"use strict";

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { parseEnv } = require("node:util");

const admin = require("./admin");
const { CONFIG, readAll } = require("./configuration");
const { shards } = require("./shards");
const { Stop } = require("./terminal");
const { call } = require("./wrangler");

const DEV_VARS = ".dev.vars";

/** The names that each Worker reads, by its file and by their kinds. A test compares them with the Workers' sources. */
const NAMES = {
  [CONFIG]: {
    setting: [
      "PASSWORD_MIN_LENGTH",
      "BLOCK_LIST_ON_ERROR",
      "ARGON2_MEMORY_KIB",
      "ARGON2_ITERATIONS",
      "CLIENTS",
      "PROOF_OF_WORK",
      "RESERVED_NAMES",
      "TURNSTILE_SITE_KEY",
      "TURNSTILE_HOSTNAMES",
      "TURNSTILE_ACTION",
      "TURNSTILE_URL",
      "BREACHED_PASSWORDS",
      "BREACHED_PASSWORDS_ON_ERROR",
      "BREACHED_PASSWORDS_URL",
      "SIGN_UP_HOOK",
      "SIGN_UP_HOOK_TIMEOUT",
      "SIGN_UP_HOOK_ON_ERROR",
      "CONFUSABLES",
      "SHARDS",
      "SERVICE_ID",
    ],
    secret: ["PASSWORD_PEPPER", "CHALLENGE_SECRET", "TURNSTILE_SECRET", "SIGN_UP_HOOK_SECRET"],
    limit: ["SIGN_UP_LIMIT", "CLIENT_LIMIT"],
    binding: { d1_databases: "DB", kv_namespaces: "BLOCKLIST" },
  },
  [admin.CONFIG]: {
    setting: ["ACCESS_TEAM", "ACCESS_AUD", "OUTCOMES_ACCOUNT", "OUTCOMES_DATASET", "OUTCOMES_URL"],
    secret: [
      "ADMIN_TOKEN",
      "ADMIN_READ_TOKEN",
      "PASSWORD_PEPPERS",
      "FIREBASE_SCRYPT",
      "OUTCOMES_TOKEN",
      "WEBHOOK_KEY",
    ],
    limit: ["WRONG_TOKENS"],
    // The admin has the bindings of the public Worker.
    binding: {},
  },
};

/** The Worker that each file is for. */
const WORKER = { [CONFIG]: "the public Worker", [admin.CONFIG]: "the admin" };

const KINDS = { setting: "a setting", secret: "a secret", limit: "a rate limit" };

/** The file and the kind of each name. */
const HOMES = Object.fromEntries(
  Object.entries(NAMES).flatMap(([file, names]) =>
    Object.keys(KINDS).flatMap((kind) => names[kind].map((name) => [name, { file, kind }])),
  ),
);

const KNOWN = Object.keys(HOMES);

/** The number of characters that must be added, removed or replaced to turn one text into the other. */
function distance(a, b) {
  let row = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
  }
  return row[b.length];
}

/** The entry of `names` that `name` is probably a misspelling of, in any letter case. */
function nearest(name, names) {
  const [closest, away] = names
    .map((known) => [known, distance(name.toUpperCase(), known)])
    .sort(([, a], [, b]) => a - b)[0];
  return away <= closest.length / 3 ? closest : undefined;
}

/** Says where `name` belongs, in the top level or in the environment `env`, to an operator who edits the file `here`. */
function home(name, env, here) {
  const { file, kind } = HOMES[name];
  const table = (name) => (env ? `env.${env}.${name}` : name);
  const there = file === here ? "" : ` of ${file}`;
  if (kind === "setting") return `it belongs under [${table("vars")}]${there}`;
  if (kind === "limit") return `it belongs in a [[${table("ratelimits")}]]${there}, as name = "${name}"`;
  const options = [...(file === CONFIG ? [] : [`--config ${file}`]), ...(env ? [`--env ${env}`] : [])];
  return `set it by ${["npx wrangler secret put", name, ...options].join(" ")}, and for ${call("dev")} in ${DEV_VARS}`;
}

/** Says which kind of name `name` is, and where it belongs. */
function described(name, env, here) {
  const { file, kind } = HOMES[name];
  return `which is ${KINDS[kind]}${file === here ? "" : ` of ${WORKER[file]}`}: ${home(name, env, here)}`;
}

/** The problems with a name among the variables of `place`, which may only have names that it `takes`. */
function variable(place, name, takes, env, here) {
  if (KNOWN.includes(name)) {
    return takes(HOMES[name]) ? [] : [`${place} has ${name}, ${described(name, env, here)}`];
  }
  const near = nearest(name, KNOWN);
  const where = near && !takes(HOMES[near]) ? ` Then ${home(near, env, here)}` : "";
  const advice = near
    ? `did you mean ${near}?${where}`
    : 'docs/operating.md, "Settings", docs/abuse.md and docs/admin.md have them all';
  return [`${place} has ${name}, which is not a setting: ${advice}`];
}

/** The problems with settings outside of the table of variables, where the Worker does not read them. */
function misplaced(file, table, path, env, isList = false) {
  if (Array.isArray(table)) return table.flatMap((entry) => misplaced(file, entry, path, env, true));
  if (typeof table !== "object" || table === null) return [];
  const name = isList ? `[[${path.join(".")}]]` : `[${path.join(".")}]`;
  const place = path.length ? `in ${name}` : "above the first table";
  return Object.entries(table).flatMap(([key, value]) => {
    // A key with lower-case letters is wrangler's own, unless it spells the name of a setting.
    const near = /[a-z]/.test(key) ? KNOWN.find((known) => known === key.toUpperCase()) : nearest(key, KNOWN);
    if (!near) return misplaced(file, value, [...path, key], env);
    const where = home(near, env, file);
    const advice = near === key ? where : `did you mean ${near}? Then ${where}`;
    return [`${file}: ${key} stands ${place}, where it does nothing: ${advice}`];
  });
}

/** The problems of the top level of `file`, or of one environment, which may take a domain of the top level over. */
function tables(file, config, env, top) {
  const table = (name) => (env ? `env.${env}.${name}` : name);
  const { vars = {}, env: _, ...others } = config;
  const isSetting = (home) => home.file === file && home.kind === "setting";
  const problems = Object.keys(vars).flatMap((name) =>
    variable(`${file}: [${table("vars")}]`, name, isSetting, env, file),
  );
  problems.push(...misplaced(file, others, env ? ["env", env] : [], env));
  const domain = top && !config.routes && top.routes?.find?.((route) => route.custom_domain)?.pattern;
  if (domain) {
    problems.push(
      `${file}: [env.${env}] would take the domain ${domain} over: it needs routes of its own, or routes = []`,
    );
  }
  for (const { name } of entriesOf(config, "ratelimits")) problems.push(...limit(file, name, env));
  return problems;
}

/** The entries of a list of tables. */
const entriesOf = (config, name) => (Array.isArray(config[name]) ? config[name] : []);

/** The problems with the name of a rate limit. */
function limit(file, name, env) {
  const { limit: names } = NAMES[file];
  if (typeof name !== "string" || names.includes(name)) return [];
  const table = env ? `env.${env}.ratelimits` : "ratelimits";
  if (HOMES[name]?.kind === "limit") return [`${file}: [[${table}]] has ${name}, ${described(name, env, file)}`];
  const near = nearest(name, names);
  const advice = near ? `did you mean ${near}?` : `it knows ${names.join(" and ")}`;
  return [`${file}: [[${table}]] has the name ${name}, which the Worker does not know: ${advice}`];
}

/** The problems with the databases and the namespace of the public Worker, in the top level or in an environment. */
function bindings(config, env) {
  const table = (name) => (env ? `env.${env}.${name}` : name);
  const { vars = {} } = config;
  const problems = [];
  for (const [name, binding] of Object.entries(NAMES[CONFIG].binding)) {
    if (name === "d1_databases" && vars.SHARDS !== undefined) continue;
    if (entriesOf(config, name).some((entry) => entry.binding === binding)) continue;
    const reason = env ? ": an environment does not inherit it from the top level" : ", and the Worker needs it";
    problems.push(`${CONFIG} has no [[${table(name)}]] with binding = "${binding}"${reason}`);
  }
  return [...problems, ...unlisted(vars, entriesOf(config, "d1_databases"), table)];
}

/** The problems of the admin's file. `envs` are the environments of wrangler.toml, which are the admin's too. */
function ofAdmin(envs) {
  const { CONFIG: file } = admin;
  const config = admin.readConfig();
  const own = config.env ?? {};
  const problems = tables(file, config);
  for (const env of envs) problems.push(...tables(file, own[env] ?? {}, env, config));
  const unknown = Object.keys(own).filter((env) => !envs.includes(env));
  problems.push(...unknown.map((env) => `${file} has an environment "${env}", which ${CONFIG} does not have`));
  for (const table of [config, ...Object.values(own)]) {
    for (const name of Object.keys(NAMES[CONFIG].binding).filter((name) => name in table)) {
      problems.push(`${file} has ${name}, which do nothing: the admin has those of ${CONFIG}`);
    }
  }
  return problems;
}

/** The problems with the variables that list the databases. */
function unlisted(vars, entries, table) {
  const problems = [];
  const place = `${CONFIG}: [${table("vars")}]`;
  const { SERVICE_ID: service, SHARDS: list } = vars;
  if (service !== undefined && !/^[0-9a-z]{1,64}$/.test(service)) {
    problems.push(
      `${place}: SERVICE_ID is "${service}": it must be 1 to 64 digits and small letters, as ${call("grow")} writes it`,
    );
  }
  // The rules of SHARDS, which are those of the Worker, have the same rule for SERVICE_ID.
  if (list === undefined || problems.length > 0) return problems;
  try {
    const known = entries.map(({ binding }) => binding);
    const missing = shards(vars).flatMap(({ binding }) => (known.includes(binding) ? [] : [binding]));
    if (missing.length) {
      const advice = `it needs a [[${table("d1_databases")}]] with that binding`;
      problems.push(`${place}: SHARDS names ${missing.join(" and ")}, which no database has: ${advice}`);
    }
  } catch ({ message }) {
    problems.push(`${place}: ${message}`);
  }
  return problems;
}

/** All problems that this file knows about, each as a sentence. */
function problems() {
  const config = readAll();
  const found = [];
  const envs = Object.entries(config.env ?? {});
  const wanted = process.env.CLOUDFLARE_ENV;
  if (wanted && !envs.some(([env]) => env === wanted)) {
    const known = envs.map(([env]) => env).join(", ");
    const advice = known
      ? `ENV may be ${known}, or left out`
      : 'docs/operating.md, "Environments and pipelines", says how to add an environment';
    found.push(`${CONFIG} has no environment "${wanted}": ${advice}`);
  }
  const parts = [[config], ...envs.map(([env, own]) => [own, env, config])];
  for (const [own, env, top] of parts) found.push(...tables(CONFIG, own, env, top), ...bindings(own, env));
  if (admin.exists()) found.push(...ofAdmin(envs.map(([env]) => env)));
  const isVariable = ({ kind }) => kind !== "limit";
  for (const file of [DEV_VARS, ...envs.map(([env]) => `${DEV_VARS}.${env}`)].filter(fs.existsSync)) {
    const names = Object.keys(parseEnv(fs.readFileSync(file, "utf8")));
    found.push(...names.flatMap((name) => variable(file, name, isVariable, undefined, CONFIG)));
    // The commands find the databases in wrangler.toml, so the Worker must find the same ones.
    const moved = names.filter((name) => ["SHARDS", "SERVICE_ID"].includes(name));
    found.push(...moved.map((name) => `${file} has ${name}, which must stand in ${CONFIG}, beside the databases`));
  }
  return found;
}

/** The files with the secrets of this machine: .dev.vars, and .dev.vars.staging for an environment `staging`. */
const variableFiles = () =>
  fs
    .readdirSync(".")
    .filter((file) => file.startsWith(DEV_VARS))
    .sort();

/** Asks wrangler whether it takes the configuration. wrangler's warnings go to standard error. */
function askWrangler() {
  const streams = [process.stdout, process.stderr];
  const writes = streams.map(({ write }) => write);
  let said = false;
  for (const stream of streams) {
    const { write } = stream;
    // wrangler's warnings belong to the messages of the check, and not to the output of the command.
    stream.write = (...args) => {
      said = true;
      return write.apply(process.stderr, args);
    };
  }
  try {
    require("wrangler").unstable_readConfig({ config: CONFIG });
    return { said };
  } catch ({ message }) {
    return { said, problem: message };
  } finally {
    streams.forEach((stream, place) => {
      stream.write = writes[place];
    });
  }
}

/** The file that has the fingerprint of the settings that were last found good. */
const CHECKED = ".wrangler/settings";

/** The files with the rules of the check: this program's own, and the one that has the version of wrangler. */
function rules() {
  const own = ["settings.js", "admin.js", "configuration.js", "shards.js", "tools/index_bg.wasm"];
  const files = own.map((file) => path.join(__dirname, file));
  try {
    files.push(require.resolve("wrangler/package.json"));
  } catch {
    // The check itself says that wrangler is missing.
  }
  return files;
}

/** A fingerprint of the settings and of the rules of the check. */
function fingerprint() {
  const hash = createHash("sha256").update(`${process.env.CLOUDFLARE_ENV}`);
  for (const file of [...rules(), CONFIG, admin.CONFIG, ...variableFiles()].filter(fs.existsSync)) {
    hash.update(`\0${file}\0`).update(fs.readFileSync(file));
  }
  return hash.digest("hex");
}

/**
 * Stops the command if a setting is wrong. Settings that were found good are not checked again, unless wrangler had a
 * warning, which is then repeated.
 */
function check() {
  const current = fingerprint();
  if (fs.existsSync(CHECKED) && fs.readFileSync(CHECKED, "utf8") === current) return;
  fs.rmSync(CHECKED, { force: true });
  const found = problems();
  // wrangler takes most of a second to start, so it is only asked about a file that is good so far.
  const { said, problem } = found.length ? {} : askWrangler();
  if (problem) found.push(problem);
  if (found.length) throw new Stop(found.join("\n"));
  if (said) return;
  fs.mkdirSync(".wrangler", { recursive: true });
  fs.writeFileSync(CHECKED, current);
}

module.exports = { NAMES, variableFiles, check };
