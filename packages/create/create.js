#!/usr/bin/env node
// `npm create edge-signup@latest my-sign-up` makes a folder with the built Worker and the operators' program.

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { parseArgs, styleText = (_, text) => text } = require("node:util");

const TEMPLATE = path.join(__dirname, "template");
const USAGE = `Usage: npm create edge-signup@latest FOLDER [-- --git]

Makes FOLDER with a sign-up service for Cloudflare: the built Worker, its settings, and the commands of operators.

  --git   make a git repository of it, with everything in a first commit
  --help  print this text`;

const bold = (text) => (process.stdout.isTTY && !process.env.NO_COLOR ? styleText("bold", text) : text);

function fail(text) {
  console.error(text);
  process.exit(1);
}

/** The Worker's name: that of the folder, in the characters that Cloudflare takes. */
function workerName(folder) {
  const name = path
    .basename(path.resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name.slice(0, 54).replace(/-+$/, "") || "edge-signup";
}

/** Gives the service its name, in the files that have it. */
function rename(folder, name) {
  const change = (file, edit) => {
    const text = fs.readFileSync(path.join(folder, file), "utf8");
    fs.writeFileSync(path.join(folder, file), edit(text));
  };
  change("wrangler.toml", (text) =>
    text
      .replace(/^name = ".*"$/m, `name = "${name}"`)
      .replace(/^database_name = ".*"$/m, `database_name = "${name}"`)
      .replace('"edge-signup-admin"', `"${name}-admin"`),
  );
  change("admin/wrangler.toml", (text) => text.replace(/^name = ".*"$/m, `name = "${name}-admin"`));
  change("package.json", (text) => `${JSON.stringify({ ...JSON.parse(text), name }, null, 2)}\n`);
  change("package-lock.json", (text) => {
    const lock = JSON.parse(text);
    lock.packages[""].name = name;
    return `${JSON.stringify({ ...lock, name }, null, 2)}\n`;
  });
}

function main() {
  let parsed;
  try {
    const options = { git: { type: "boolean" }, help: { type: "boolean", short: "h" } };
    parsed = parseArgs({ options, allowPositionals: true });
  } catch ({ message }) {
    fail(`${message}\n\n${USAGE}`);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (positionals.length !== 1) fail(USAGE);
  const [folder] = positionals;
  if (fs.existsSync(folder) && (!fs.statSync(folder).isDirectory() || fs.readdirSync(folder).length)) {
    fail(`${folder} exists already and is not an empty folder: choose another name`);
  }
  fs.cpSync(TEMPLATE, folder, { recursive: true });
  // npm leaves files of this name out of packages, so it has another name there.
  fs.renameSync(path.join(folder, "gitignore"), path.join(folder, ".gitignore"));
  const name = workerName(folder);
  rename(folder, name);
  if (values.git) {
    for (const args of [
      ["init", "--quiet"],
      ["add", "--all"],
      ["commit", "--quiet", "-m", "Start with edge-signup"],
    ]) {
      if (spawnSync("git", args, { cwd: folder, stdio: "inherit" }).status !== 0) {
        fail(`git ${args[0]} failed; the folder itself is complete`);
      }
    }
  }
  console.log(`Made ${folder}, with the Worker ${name}. The next steps:

  ${bold(`cd ${folder}`)}
  ${bold("npm install")}        installs wrangler, which serves and deploys the Worker
  ${bold("npm run dev")}        serves it on http://127.0.0.1:8787, and its admin on http://127.0.0.1:8788
  ${bold("npm run provision")}  makes the database and the block list on Cloudflare, once
  ${bold("npm run deploy")}     deploys it

README.md explains the rest. Put the folder under git: npm run upgrade needs it.`);
}

main();
