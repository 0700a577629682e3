// The configuration of the admin Worker: that of admin/wrangler.toml, with the databases, the namespace and the settings
// of wrangler.toml. So an operator writes each of them once.
"use strict";

const { randomBytes } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { parseEnv } = require("node:util");

const { own, readAll } = require("./configuration");
const { Stop } = require("./terminal");

const FOLDER = "admin";
/** wrangler reads this file. It is beside admin/wrangler.toml, because the paths in it are relative to its folder. */
const DERIVED = `${FOLDER}/.wrangler.json`;
/** The token of this machine's admin, which `edge-signup dev` makes. */
const TOKEN = ".admin-token";

/** Whether the commands serve and deploy the admin too. ADMIN=no leaves it out. */
const isWanted = () => process.env.ADMIN !== "no";

/** The admin's own tables for the command's environment, which inherits the others from the top level, as always. */
function ownOfAdmin() {
  const file = `${FOLDER}/wrangler.toml`;
  const all = readAll(fs.readFileSync(file, "utf8"), file);
  const env = process.env.CLOUDFLARE_ENV;
  const { env: environments = {}, ...top } = all;
  return env ? { ...top, ...environments[env], name: environments[env]?.name ?? `${top.name}-${env}` } : top;
}

/** A configuration for wrangler that is the same with and without `--env`. */
function forEveryEnvironment(config) {
  const env = process.env.CLOUDFLARE_ENV;
  return JSON.stringify(env ? { ...config, env: { [env]: config } } : config, null, 2);
}

/**
 * Writes the whole configuration of the admin, and gives the path. `text` is that of the public Worker's configuration,
 * if it is not wrangler.toml's. `secrets` are variables of this machine alone. `file` must be in the folder of the admin.
 */
function derive({ text, secrets = {}, file = DERIVED } = {}) {
  const { d1_databases = [], kv_namespaces = [], vars } = own(readAll(text));
  const admin = ownOfAdmin();
  // wrangler runs the build in the folder of the command, and looks for the sources from there too.
  const build = admin.build && {
    ...admin.build,
    watch_dir: admin.build.watch_dir.map((dir) => path.join(FOLDER, dir)),
  };
  const config = {
    ...admin,
    ...(build && { build }),
    d1_databases: d1_databases.map(({ migrations_dir, migrations_table, ...database }) => database),
    kv_namespaces,
    vars: { ...vars, ...admin.vars, ...secrets },
  };
  fs.writeFileSync(file, forEveryEnvironment(config));
  return file;
}

/** The secrets that both Workers have on this machine: those of .dev.vars. */
function secretsOfMachine() {
  const env = process.env.CLOUDFLARE_ENV;
  const file = [env && `.dev.vars.${env}`, ".dev.vars"].find((file) => file && fs.existsSync(file));
  return file ? parseEnv(fs.readFileSync(file, "utf8")) : {};
}

/** The token for this machine's admin: ADMIN_TOKEN, or the one that was made before, or a new one. */
function localToken() {
  const given = process.env.ADMIN_TOKEN;
  if (given) {
    if (given.length < 32) throw new Stop("ADMIN_TOKEN must have at least 32 characters");
    return given;
  }
  if (!fs.existsSync(TOKEN))
    fs.writeFileSync(TOKEN, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  return fs.readFileSync(TOKEN, "utf8").trim();
}

/** The secrets that only the admin of this machine has: its token, and the key of the events' keys. */
const secretsOfAdmin = () => {
  const token = localToken();
  return { WEBHOOK_KEY: `local-${token}`, ...secretsOfMachine(), ADMIN_TOKEN: token };
};

module.exports = {
  FOLDER,
  DERIVED,
  TOKEN,
  isWanted,
  derive,
  forEveryEnvironment,
  ownOfAdmin,
  secretsOfAdmin,
  localToken,
};
