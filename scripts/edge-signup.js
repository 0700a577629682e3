#!/usr/bin/env node
// The operators' program: `edge-signup COMMAND`. The Makefile and the npm scripts of a package call it, always for the
// folder that this file's folder is in. Each file of commands/ is a command:
//
//   summary      one line for the list of commands
//   arguments    the names of its arguments, in order; one that ends in "?" may be missing
//   options      its options, as parseArgs takes them, each with a `help`, and a `value` that names what it takes
//   rest         says what the arguments after `--` are for, if the command passes them on
//   settings     whether wrangler.toml must be good before the command runs: true, or a function of the options
//   run          does the work, with the arguments and options by their names; a thrown `Stop` ends it with a sentence
//
// It needs Node 20 or later, and no package of npm before a command needs one.
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");

const { Stop, bold, red } = require("./terminal");

const FOLDER = path.join(__dirname, "commands");
/** The names of all commands. A new file is a new command. */
const NAMES = fs
  .readdirSync(FOLDER)
  .filter((file) => file.endsWith(".js"))
  .map((file) => path.basename(file, ".js"))
  .sort();

const load = (name) => require(path.join(FOLDER, name));

/** The options of every command. */
const COMMON = {
  env: { type: "string", value: "NAME", help: "the environment of wrangler.toml; by default its top level" },
  help: { type: "boolean", short: "h", help: "print this text" },
};

/** Lines with two columns. */
function table(rows) {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

function listCommands() {
  const rows = NAMES.map((name) => [[name, ...argumentsOf(load(name))].join(" "), load(name).summary]);
  return `Usage: edge-signup COMMAND [OPTION]…\n\n${table(rows)}\n\nedge-signup COMMAND --help explains a command.`;
}

const argumentsOf = ({ arguments: names = [] }) =>
  names.map((name) => (name.endsWith("?") ? `[${name.slice(0, -1)}]` : name));

function explain(name, command) {
  const rows = Object.entries({ ...command.options, ...COMMON }).map(([option, { value, help }]) => [
    `--${option}${value ? ` ${value}` : ""}`,
    help,
  ]);
  const usage = ["edge-signup", name, ...argumentsOf(command), "[OPTION]…", ...(command.rest ? ["[-- …]"] : [])];
  const rest = command.rest ? `\n\nThe arguments after -- are ${command.rest}.` : "";
  return `Usage: ${usage.join(" ")}\n\n${bold(command.summary)}${rest}\n\n${table(rows)}`;
}

/** The values of the command line. An argument such as PORT=9000 before `--` is a variable, as it is for make. */
function read(name, command, given) {
  const end = given.includes("--") ? given.indexOf("--") : given.length;
  const own = given.slice(0, end).filter((argument) => {
    const [, variable, value] = argument.match(/^(PORT|STATE|ENV|DATABASES|ADMIN)=(.*)$/s) ?? [];
    if (variable) process.env[variable] = value;
    return !variable;
  });
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...COMMON }).map(([option, { type, short }]) => [
      option,
      { type, ...(short && { short }) },
    ]),
  );
  const how = `edge-signup ${name} --help explains the command`;
  let parsed;
  try {
    parsed = parseArgs({ args: [...own, ...given.slice(end)], options, allowPositionals: true });
  } catch ({ message }) {
    throw new Stop(`${message}: ${how}`, 2);
  }
  const { values, positionals } = parsed;
  if (values.help) return { values };
  const names = command.arguments ?? [];
  const missing = names[positionals.length];
  if (missing && !missing.endsWith("?")) throw new Stop(`${missing} is missing: ${how}`, 2);
  const rest = positionals.splice(names.length);
  if (rest.length && !command.rest) throw new Stop(`${rest[0]} is one argument too many: ${how}`, 2);
  names.forEach((name, place) => {
    values[name.replace("?", "")] = positionals[place];
  });
  return { values, rest };
}

/** Sets what wrangler and Node read from the environment. wrangler stays offline, and its files go below the folder. */
function prepare(root) {
  const { ENV, CLOUDFLARE_ENV = "" } = process.env;
  Object.assign(process.env, {
    // Some shells set an ENV of their own, the path of a file.
    CLOUDFLARE_ENV: ENV && !ENV.includes("/") ? ENV : CLOUDFLARE_ENV,
    PATH: [path.join(root, "node_modules/.bin"), process.env.PATH].join(path.delimiter),
    PORT: process.env.PORT || "8787",
    STATE: process.env.STATE || ".wrangler/state",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_LOG_PATH: path.join(root, ".wrangler/logs"),
    WRANGLER_REGISTRY_PATH: path.join(root, ".wrangler/registry"),
    // Node keeps the compiled code of wrangler, so each command starts in two thirds of the time.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE || path.join(root, ".wrangler/compiled"),
  });
  require("node:module").enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
}

/** wrangler needs a later Node than this program: the one that npm installed beside wrangler. */
function inLaterNode(root) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return undefined;
  const node = path.join(root, "node_modules/node/bin/node");
  if (!fs.existsSync(node)) return undefined;
  return spawnSync(node, process.argv.slice(1), { stdio: "inherit" }).status ?? 1;
}

async function main() {
  const root = path.resolve(process.argv[1], "../..");
  const [name, ...given] = process.argv.slice(2);
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(listCommands());
    return name === undefined ? 2 : 0;
  }
  if (!NAMES.includes(name)) throw new Stop(`"${name}" is not a command.\n\n${listCommands()}`, 2);
  const command = load(name);
  const { values, rest } = read(name, command, given);
  if (values.help) {
    console.log(explain(name, command));
    return 0;
  }
  const later = inLaterNode(root);
  if (later !== undefined) return later;
  process.chdir(root);
  prepare(root);
  if (values.env !== undefined) process.env.CLOUDFLARE_ENV = values.env;
  const { settings } = command;
  if (typeof settings === "function" ? settings(values) : settings) require("./settings").check();
  return (await command.run(values, rest)) ?? 0;
}

module.exports = { NAMES, load };

if (require.main === module) {
  main()
    .catch((error) => {
      if (!(error instanceof Stop)) throw error;
      console.error(red(error.message, process.stderr));
      return error.code;
    })
    // Without this, wrangler would look for a newer version of itself after a warning.
    .then((code) => process.exit(code));
}
