// Brings a newer version of a package into the operator's folder.
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { Stop } = require("../terminal");
const { hasSources } = require("../wrangler");

/** The output of a git command in this folder, or undefined if git fails. */
function git(...args) {
  const { status, stdout } = spawnSync("git", args, { encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

/** An upgrade can be undone only if git has the folder as it was before. */
function requireCleanTree() {
  // A folder that git ignores may be below the folder of another repository, so the question is for a file.
  if (git("ls-files", "--error-unmatch", "package.json") === undefined) {
    throw new Stop(
      "This folder is not under git, so an upgrade could not be undone: run git init, git add --all and git commit -m Before, and then this command again",
    );
  }
  if (git("status", "--porcelain", "--", ".") !== "") {
    throw new Stop(
      "Some files are not committed, so an upgrade could not be undone: git status shows them. Commit them, and then run this command again",
    );
  }
}

/** Calls `use` with the folder of the newer version: a folder or a file of this machine, or a version on npm. */
function withTemplate(from, use) {
  if (from && fs.existsSync(path.join(from, "SHA256SUMS"))) return use(path.resolve(from));
  const spec = from && fs.existsSync(from) ? path.resolve(from) : `create-edge-signup@${from ?? "latest"}`;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-signup-"));
  try {
    const options = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const args = ["install", ...options, "--prefix", folder, spec];
    // On Windows npm is a script of the shell, which splits a text without quotes at its spaces.
    const inShell = process.platform === "win32";
    const { status } = spawnSync("npm", inShell ? args.map((argument) => `"${argument}"`) : args, {
      stdio: "inherit",
      shell: inShell,
    });
    if (status !== 0) throw new Stop(`npm could not install ${spec}: fix the problem that it reports`);
    return use(path.join(folder, "node_modules/create-edge-signup/template"));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = {
  summary: "bring a newer version into this folder",
  options: {
    from: {
      type: "string",
      value: "PACKAGE",
      help: "the file or the folder of a package, or a version on npm; by default the latest there",
    },
  },
  settings: false,

  run({ from }) {
    if (hasSources()) throw new Stop("This folder has the sources: git pull brings a newer version");
    requireCleanTree();
    // The newer version says how its files come into a folder, so a mistake of this version stays without effect.
    withTemplate(from, (template) => require(path.join(template, "scripts/exchange.js")).exchange(template));
  },
};
