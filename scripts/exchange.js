// Brings the files of a package into the operator's folder, which is the current one, and says what changed. The file
// SHA256SUMS has the checksums of the files as they were packed, so the operator's own changes are known.
"use strict";

const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const SUMS = "SHA256SUMS";
/** The configuration of each Worker, which is the operator's own, and the same file as it was packed. */
const CONFIGS = {
  "wrangler.toml": "wrangler.example.toml",
  "admin/wrangler.toml": "admin/wrangler.example.toml",
};
const OWN = [...Object.keys(CONFIGS), "package.json", "package-lock.json", ".gitignore"];

const sum = (file) =>
  fs.existsSync(file) ? createHash("sha256").update(fs.readFileSync(file)).digest("hex") : undefined;

/** The checksums by the names of the files. */
function sums(folder) {
  const file = path.join(folder, SUMS);
  if (!fs.existsSync(file)) return {};
  const lines = fs.readFileSync(file, "utf8").trim().split("\n");
  return Object.fromEntries(
    lines.map((line) =>
      line
        .split(/ {2}(.*)/s)
        .reverse()
        .slice(1),
    ),
  );
}

const json = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const writeJson = (file, value) => fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

/**
 * Sorts the files into those to add, change, replace, keep and remove. It compares each file as it was packed, as it is,
 * and as it is packed now.
 */
function plan(before, after) {
  const files = { added: [], changed: [], replaced: [], kept: [], removed: [] };
  for (const [file, next] of Object.entries(after)) {
    // A configuration is added where the version before had no such Worker.
    if (OWN.includes(file) && (file in before || !(file in CONFIGS) || fs.existsSync(file))) continue;
    const now = sum(file);
    if (now === next) continue;
    if (now === undefined) files[file in before ? "changed" : "added"].push(file);
    else if (now === before[file]) files.changed.push(file);
    else files[before[file] === next ? "kept" : "replaced"].push(file);
  }
  for (const [file, packed] of Object.entries(before)) {
    if (file in after || OWN.includes(file) || !fs.existsSync(file)) continue;
    files[sum(file) === packed ? "removed" : "kept"].push(file);
  }
  return files;
}

/** The lines by which the packed settings differ from those of the version before. */
function newSettings(template, example) {
  if (!fs.existsSync(example)) return "";
  const files = [example, path.join(template, example)];
  const { stdout } = spawnSync("git", ["diff", "--no-index", "--no-color", "--unified=1", ...files], {
    encoding: "utf8",
  });
  return (stdout ?? "").split("\n").slice(4).join("\n").trimEnd();
}

/** Names a new admin after the Worker, because two Workers of an account may not have the same name. */
function nameAdmin(file) {
  const [, name] = fs.readFileSync("wrangler.toml", "utf8").match(/^name = "(.*)"$/m) ?? [];
  if (!name) return;
  const text = fs.readFileSync(file, "utf8");
  fs.writeFileSync(file, text.replace(/^name = ".*"$/m, `name = "${name}-admin"`));
}

/** The newer package.json, with what the operator added to the older one. */
function mergePackage(template) {
  const next = json(path.join(template, "package.json"));
  const own = json("package.json");
  const merged = { ...own, ...next, name: own.name };
  for (const part of ["scripts", "dependencies", "devDependencies"]) {
    if (own[part] || next[part]) merged[part] = { ...own[part], ...next[part] };
  }
  writeJson("package.json", merged);
  const lock = json(path.join(template, "package-lock.json"));
  lock.name = own.name;
  lock.packages[""].name = own.name;
  writeJson("package-lock.json", lock);
  return [own.version, next.version];
}

/** Adds the lines to .gitignore that the newer one has: they keep secrets of this machine out of git. */
function ignore(template) {
  const linesOf = (file) => fs.readFileSync(file, "utf8").trimEnd().split("\n");
  // npm leaves files of this name out of packages, so it has another name there.
  const next = [".gitignore", "gitignore"].map((file) => path.join(template, file)).find(fs.existsSync);
  const own = fs.existsSync(".gitignore") ? linesOf(".gitignore") : [];
  const lines = [...own, ...linesOf(next).filter((line) => !own.includes(line))];
  if (lines.length > own.length) fs.writeFileSync(".gitignore", `${lines.join("\n")}\n`);
}

/** Brings the files of `template` into this folder, and prints what changed. */
function exchange(template) {
  const after = sums(template);
  const files = plan(sums("."), after);
  const settings = Object.entries(CONFIGS).map(([file, example]) => [file, newSettings(template, example)]);
  for (const file of [...files.added, ...files.changed, ...files.replaced]) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.copyFileSync(path.join(template, file), file);
  }
  for (const file of files.added.filter((file) => file === "admin/wrangler.toml")) nameAdmin(file);
  for (const file of files.removed) fs.rmSync(file);
  ignore(template);
  const [from, to] = mergePackage(template);
  fs.copyFileSync(path.join(template, SUMS), SUMS);

  console.log(`Upgraded from ${from} to ${to}`);
  const list = (title, names) => {
    if (names.length) console.log(`\n${title}:\n${names.map((name) => `  ${name}`).join("\n")}`);
  };
  const isMigration = (file) => file.startsWith("migrations/");
  list("New migrations, which npm run dev and npm run deploy apply", files.added.filter(isMigration));
  list(
    "New files",
    files.added.filter((file) => !isMigration(file)),
  );
  list("Changed files", files.changed);
  list("Removed files", files.removed);
  list("Replaced, though you had changed them; git diff shows your lines", files.replaced);
  list("Kept as you changed them", files.kept);
  for (const [file, lines] of settings.filter(([, lines]) => lines)) {
    console.log(
      `\nThe packed ${file} has other lines than before. Yours was left alone: copy the lines that you need.\n${lines}`,
    );
  }
  console.log(`
Now run npm install, try it with npm run dev, and commit it. git diff shows every line. To undo the upgrade instead:
git restore . ${files.added.length ? `&& git clean --force -- ${files.added.join(" ")}` : ""}`);
}

module.exports = { exchange, plan };
