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
const CONFIG = `${FOLDER}/wrangler.toml`;
/** The token of this machine's admin, which `edge-signup dev` makes. */
const TOKEN = ".admin-token";

/** Whether there is an admin. */
const exists = () => fs.existsSync(CONFIG);

/** Whether the commands serve and deploy the admin too. ADMIN=no leaves it out. */
const isWanted = () => process.env.ADMIN !== "no" && exists();

/** admin/wrangler.toml as an object. */
const readConfig = () => readAll(fs.readFileSync(CONFIG, "utf8"), CONFIG);

/**
 * The admin's own tables for the command's environment. In this file an environment inherits all others from the top
 * level, its variables and limits too.
 */
function ownOfAdmin() {
  const env = process.env.CLOUDFLARE_ENV;
  const { env: environments = {}, ...top } = readConfig();
  return env ? { ...top, name: `${top.name}-${env}`, ...environments[env] } : top;
}

/** Writes a file that only its owner may read, because the settings of this machine may be secrets. */
function write(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** Writes a configuration for wrangler which is the same with and without `--env`, and gives its path. */
function writeConfig(file, config) {
  const env = process.env.CLOUDFLARE_ENV;
  return write(file, JSON.stringify(env ? { ...config, env: { [env]: config } } : config, null, 2));
}

/**
 * Writes the whole configuration of the admin to `file`, and gives its path. `all` is the configuration of the public
 * Worker.
 */
function derive(file, all = readAll()) {
  const { d1_databases = [], kv_namespaces = [], vars } = own(all);
  const admin = ownOfAdmin();
  // wrangler reads the paths relative to the folder of the file. It runs the build in the folder of the command, and
  // looks for the sources from there too.
  const within = (place) => path.resolve(FOLDER, place);
  const { assets, build } = admin;
  return writeConfig(file, {
    ...admin,
    main: within(admin.main),
    ...(assets && { assets: { ...assets, directory: within(assets.directory) } }),
    ...(build && { build: { ...build, watch_dir: build.watch_dir.map((dir) => path.join(FOLDER, dir)) } }),
    d1_databases: d1_databases.map(({ migrations_dir, migrations_table, ...database }) => database),
    kv_namespaces,
    vars: { ...vars, ...admin.vars },
  });
}

/** The text of .dev.vars, whose variables both Workers have on this machine. */
function variables() {
  const env = process.env.CLOUDFLARE_ENV;
  const file = [env && `.dev.vars.${env}`, ".dev.vars"].find((file) => file && fs.existsSync(file));
  return file ? fs.readFileSync(file, "utf8") : "";
}

/**
 * Writes the configuration of the admin for `edge-signup dev`. The variables of this machine are in a file that wrangler
 * reads with the configuration: those of .dev.vars, the token, and the key of the events' keys, if .dev.vars has none.
 */
function deriveLocally(file, all) {
  const token = localToken();
  const quote = ["'", "`"].find((quote) => !token.includes(quote)) ?? '"';
  const line = (name, value) => `${name}=${quote}${value}${quote}\n`;
  const text = `${line("WEBHOOK_KEY", `local-${token}`)}${variables()}\n${line("ADMIN_TOKEN", token)}`;
  write(path.join(path.dirname(file), ".dev.vars"), text);
  return derive(file, all);
}

/** The token of this machine's admin, if there is one: that of the environment, of .dev.vars, or of its own file. */
const knownToken = () =>
  process.env.ADMIN_TOKEN ||
  parseEnv(variables()).ADMIN_TOKEN ||
  (fs.existsSync(TOKEN) ? fs.readFileSync(TOKEN, "utf8").trim() : undefined);

/** The same token, or a new one in its own file. */
function localToken() {
  const known = knownToken();
  const token = known || randomBytes(24).toString("base64url");
  if (!known) write(TOKEN, `${token}\n`);
  if (/^[\x21-\x7e]{32,256}$/.test(token)) return token;
  throw new Stop("ADMIN_TOKEN must have 32 to 256 characters, all of them visible ASCII");
}

module.exports = {
  CONFIG,
  TOKEN,
  exists,
  isWanted,
  readConfig,
  ownOfAdmin,
  writeConfig,
  derive,
  deriveLocally,
  knownToken,
  localToken,
};
