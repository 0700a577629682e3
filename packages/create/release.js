// Checks that a version can be released, writes its heading into the changelog, and tags the commit. `make release` has
// run the checks, the tests and the packing before. Nothing is published from here.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");

const version = process.argv[2] ?? "";
const git = (...args) => execFileSync("git", args, { encoding: "utf8" }).trim();

function fail(text) {
  console.error(text);
  process.exit(1);
}

if (!/^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/.test(version))
  fail(`VERSION is "${version}": it must be as in VERSION=1.2.3`);
const branch = git("rev-parse", "--abbrev-ref", "HEAD");
if (branch !== "main") fail(`The branch is ${branch}: a release is made on main`);
const changes = git("status", "--porcelain");
if (changes) fail(`Commit these changes first:\n${changes}`);
if (git("tag", "--list", `v${version}`)) fail(`The tag v${version} exists already`);

// The Worker answers with its version, so a version must be set before the tests, and not by this script.
for (const file of ["Cargo.toml", "worker/Cargo.toml", "admin/Cargo.toml", "tools/Cargo.toml"]) {
  const [, found] = fs.readFileSync(file, "utf8").match(/^version = "(.*)"$/m);
  if (found !== version)
    fail(`${file} has the version ${found}: set it to ${version}, and run make release again`);
}
// The tests and the package have the settings with which the project comes.
if (fs.readFileSync("wrangler.toml", "utf8") !== fs.readFileSync("tests/wrangler.toml", "utf8"))
  fail("wrangler.toml differs from tests/wrangler.toml: make them equal, and run make release again");
const packed = `dist/create-edge-signup-${version}.tgz`;
if (!fs.existsSync(packed)) fail(`${packed} is missing: run make package`);
execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: "dist/edge-signup", stdio: "inherit" });

const log = fs.readFileSync("CHANGELOG.md", "utf8");
const [, unreleased] = log.match(/^## \[Unreleased\]\n([\s\S]*?)(?=^## \[|(?![\s\S]))/m) ?? [];
if (!unreleased?.trim()) fail("CHANGELOG.md has nothing under [Unreleased]");
const heading = `## [${version}] - ${new Date().toISOString().slice(0, 10)}`;
fs.writeFileSync("CHANGELOG.md", log.replace("## [Unreleased]\n", `## [Unreleased]\n\n${heading}\n`));
git("commit", "--quiet", "--message", `Release ${version}`, "CHANGELOG.md");
git("tag", "--annotate", `v${version}`, "--message", `Release ${version}`);
console.log(`==> Tagged v${version}. ${packed} and dist/edge-signup/ are its packages. Nothing was published: to publish,
git push --follow-tags
npm publish ${packed}`);
