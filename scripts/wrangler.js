// Runs wrangler, and says how the operator calls this program.
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { Stop, progress } = require("./terminal");

/** The file of wrangler that Node runs. */
function program() {
  try {
    return path.join(path.dirname(require.resolve("wrangler/package.json")), "bin/wrangler.js");
  } catch {
    throw new Stop("wrangler is not installed: run npm install");
  }
}

/**
 * Runs wrangler without a terminal to ask questions on. With `capture` the result has what it prints to its standard
 * output, and with `capture: "all"` what it prints to its standard error too; the line of progress is `text`.
 */
async function wrangler(args, { capture, text = `wrangler ${args.slice(0, 3).join(" ")}` } = {}) {
  const stdio = ["ignore", capture ? "pipe" : "inherit", capture === "all" ? "pipe" : "inherit"];
  const child = spawn(process.execPath, [program(), ...args], { stdio });
  let output = "";
  for (const stream of [child.stdout, child.stderr].filter(Boolean)) {
    stream.setEncoding("utf8").on("data", (part) => {
      output += part;
    });
  }
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ succeeded: code === 0, output }));
  });
  return capture ? progress(text, ended) : ended;
}

/** Whether this folder has the sources, where make is the operator's front door, and not a package. */
const hasSources = () => fs.existsSync("Makefile") && fs.existsSync("Cargo.toml");

/**
 * How the operator calls a command of this program: `make unblock IP=…` where the sources are, and otherwise
 * `npm run unblock -- …`. `variables` are those of make, and `args` the arguments of the command.
 */
function call(command, variables = {}, args = []) {
  const env = process.env.CLOUDFLARE_ENV;
  const words = hasSources()
    ? [
        "make",
        command,
        ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
        ...(env ? [`ENV=${env}`] : []),
      ]
    : ["npm", "run", command, ...(args.length || env ? ["--", ...args] : []), ...(env ? ["--env", env] : [])];
  return words.join(" ");
}

module.exports = { wrangler, program, call, hasSources };
