// Checks wrangler.toml and .dev.vars before a command does its work. A setting under a wrong name or in a wrong table
// does nothing, and a guard would be off without notice.
"use strict";

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const { parseEnv } = require("node:util");

const { CONFIG, readAll } = require("./configuration");
const { shards } = require("./shards");
const { Stop } = require("./terminal");

const DEV_VARS = ".dev.vars";

/** The names that the Worker reads, by their kinds. A test compares them with the Worker's sources. */
const NAMES = {
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
};

const KNOWN = [...NAMES.setting, ...NAMES.secret, ...NAMES.limit];

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

/** Says where `name` belongs, in the top level or in the environment `env`. */
function home(name, env) {
  const table = (name) => (env ? `env.${env}.${name}` : name);
  if (NAMES.setting.includes(name)) return `it belongs under [${table("vars")}]`;
  if (NAMES.limit.includes(name)) return `it belongs in a [[${table("ratelimits")}]], as name = "${name}"`;
  return `set it by npx wrangler secret put ${name}${env ? ` --env ${env}` : ""}, and for make dev in ${DEV_VARS}`;
}

/** The problems with a name among the variables of `place`, which may only have names of `kinds`. */
function variable(place, name, kinds, env) {
  if (kinds.some((kind) => NAMES[kind].includes(name))) return [];
  if (KNOWN.includes(name)) {
    const kind = NAMES.secret.includes(name) ? "a secret" : "a rate limit";
    return [`${place} has ${name}, which is ${kind}: ${home(name, env)}`];
  }
  const near = nearest(name, KNOWN);
  const advice = near ? `did you mean ${near}?` : 'docs/operating.md, "Settings", and docs/abuse.md have them all';
  return [`${place} has ${name}, which is not a setting: ${advice}`];
}

/** The problems with settings outside of the table of variables, where the Worker does not read them. */
function misplaced(table, path, env, isList = false) {
  if (Array.isArray(table)) return table.flatMap((entry) => misplaced(entry, path, env, true));
  if (typeof table !== "object" || table === null) return [];
  const name = isList ? `[[${path.join(".")}]]` : `[${path.join(".")}]`;
  const place = path.length ? `in ${name}` : "above the first table";
  return Object.entries(table).flatMap(([key, value]) => {
    // A key with lower-case letters is wrangler's own, unless it spells the name of a setting.
    const near = /[a-z]/.test(key) ? KNOWN.find((known) => known === key.toUpperCase()) : nearest(key, KNOWN);
    if (!near) return misplaced(value, [...path, key], env);
    const advice = near === key ? home(key, env) : `did you mean ${near}? Then ${home(near, env)}`;
    return [`${CONFIG}: ${key} stands ${place}, where it does nothing: ${advice}`];
  });
}

/** The problems of the top level, or of one environment, which inherits neither variables nor bindings. */
function tables(config, env, top) {
  const table = (name) => (env ? `env.${env}.${name}` : name);
  const { vars = {}, env: _, ...others } = config;
  const problems = Object.keys(vars).flatMap((name) =>
    variable(`${CONFIG}: [${table("vars")}]`, name, ["setting"], env),
  );
  problems.push(...misplaced(others, env ? ["env", env] : [], env));
  const domain = top && !config.routes && top.routes?.find?.((route) => route.custom_domain)?.pattern;
  if (domain) {
    problems.push(
      `${CONFIG}: [env.${env}] would take the domain ${domain} over: it needs routes of its own, or routes = []`,
    );
  }
  const entries = (name) => (Array.isArray(config[name]) ? config[name] : []);
  for (const { name } of entries("ratelimits")) {
    if (typeof name !== "string" || NAMES.limit.includes(name)) continue;
    const near = nearest(name, NAMES.limit);
    const advice = near ? `did you mean ${near}?` : `it knows ${NAMES.limit.join(" and ")}`;
    problems.push(
      `${CONFIG}: [[${table("ratelimits")}]] has the name ${name}, which the Worker does not know: ${advice}`,
    );
  }
  for (const [name, binding] of Object.entries(NAMES.binding)) {
    if (name === "d1_databases" && vars.SHARDS !== undefined) continue;
    if (entries(name).some((entry) => entry.binding === binding)) continue;
    const reason = env ? ": an environment does not inherit it from the top level" : ", and the Worker needs it";
    problems.push(`${CONFIG} has no [[${table(name)}]] with binding = "${binding}"${reason}`);
  }
  problems.push(...unlisted(vars, entries("d1_databases"), table));
  return problems;
}

/** The problems with the variables that list the databases. */
function unlisted(vars, entries, table) {
  const problems = [];
  const place = `${CONFIG}: [${table("vars")}]`;
  const { SERVICE_ID: service, SHARDS: list } = vars;
  if (service !== undefined && !/^[0-9a-z]{1,64}$/.test(service)) {
    problems.push(
      `${place}: SERVICE_ID is "${service}": it must be 1 to 64 digits and small letters, as make grow writes it`,
    );
  }
  if (list === undefined) return problems;
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
  found.push(...tables(config), ...envs.flatMap(([env, own]) => tables(own, env, config)));
  for (const file of [DEV_VARS, ...envs.map(([env]) => `${DEV_VARS}.${env}`)].filter(fs.existsSync)) {
    const names = Object.keys(parseEnv(fs.readFileSync(file, "utf8")));
    found.push(...names.flatMap((name) => variable(file, name, ["setting", "secret"])));
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

/** Says whether wrangler takes the configuration, which prints its warnings. */
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

/** A fingerprint of everything that the check reads. */
function fingerprint() {
  const hash = createHash("sha256").update(`${process.env.CLOUDFLARE_ENV}\0${fs.readFileSync(__filename)}`);
  for (const file of [CONFIG, ...variableFiles()].filter(fs.existsSync)) {
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

module.exports = { NAMES, CONFIG, variableFiles, check };
