// Prints THIRD-PARTY.md: for each crate and npm package of the SBOM its licence, and then the texts that they come with,
// each once.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const sbom = JSON.parse(fs.readFileSync(path.join(__dirname, "sbom.cdx.json"), "utf8"));
const metadata = ["metadata", "--format-version=1", "--all-features", "--locked", "--offline"];
const { packages } = JSON.parse(execFileSync("cargo", metadata, { encoding: "utf8", maxBuffer: 1 << 30 }));

/** The folder of a crate from crates.io, or of an npm package. */
function folderOf({ name, version, purl }) {
  if (purl.startsWith("pkg:npm/")) return `node_modules/${name}`;
  const found = packages.find((known) => known.name === name && known.version === version && known.source);
  return found && path.dirname(found.manifest_path);
}

/** The texts of the licences and notices in a folder. */
function textsOf(folder) {
  const files = fs
    .readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|copyright|notice|unlicense)/i.test(file));
  const places = files.map((file) => path.join(folder, file)).filter((place) => fs.statSync(place).isFile());
  return places.sort().map((place) => fs.readFileSync(place, "utf8").replaceAll("\r\n", "\n").trim());
}

const all = sbom.components
  .map((component) => ({
    title: `${component.name} ${component.version}`,
    licence: component.licenses
      ?.map(({ expression, license }) => expression ?? license.id ?? license.name)
      .join(" AND "),
    folder: folderOf(component),
  }))
  .filter(({ folder }) => folder);

const users = new Map();
for (const { title, licence, folder } of all) {
  if (!licence) throw new Error(`${title} names no licence`);
  for (const text of textsOf(folder)) users.set(text, [...(users.get(text) ?? []), title]);
}

console.log(`# Third-party software

The WebAssembly of the Workers is made of these crates of https://crates.io, and the page of the admin has uPlot of
https://www.npmjs.com, each under the licence that stands beside it. The texts of the licences and notices that they come
with follow. \`sbom.cdx.json\` has the same list for programs.
`);
for (const { title, licence } of all) console.log(`- ${title}: ${licence}`);
for (const [text, titles] of users) console.log(`\n## ${titles.join(", ")}\n\n\`\`\`\n${text}\n\`\`\``);
