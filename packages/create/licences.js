// Prints THIRD-PARTY.md: for each crate of the SBOM its licence, as cargo-cyclonedx found it, and then the texts that the
// crates themselves come with, each once.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const sbom = JSON.parse(fs.readFileSync(path.join(__dirname, "sbom.cdx.json"), "utf8"));
const metadata = ["metadata", "--format-version=1", "--all-features", "--locked", "--offline"];
const { packages } = JSON.parse(execFileSync("cargo", metadata, { encoding: "utf8", maxBuffer: 1 << 30 }));

/** The texts of a crate's licences and notices. */
function textsOf({ manifest_path: manifest }) {
  const folder = path.dirname(manifest);
  const files = fs
    .readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|copyright|notice|unlicense)/i.test(file));
  const places = files.map((file) => path.join(folder, file)).filter((place) => fs.statSync(place).isFile());
  return places.sort().map((place) => fs.readFileSync(place, "utf8").replaceAll("\r\n", "\n").trim());
}

const crates = sbom.components
  .map(({ name, version, licenses }) => ({
    title: `${name} ${version}`,
    licence: licenses?.map(({ expression, license }) => expression ?? license.id ?? license.name).join(" AND "),
    found: packages.find((known) => known.name === name && known.version === version),
  }))
  .filter(({ found }) => found?.source);

const users = new Map();
for (const { title, licence, found } of crates) {
  if (!licence) throw new Error(`${title} names no licence`);
  for (const text of textsOf(found)) users.set(text, [...(users.get(text) ?? []), title]);
}

console.log(`# Third-party software

The Worker's WebAssembly is made of these crates of https://crates.io, each under the licence that stands beside it. The
texts of the licences and notices that the crates come with follow. \`sbom.cdx.json\` lists the same crates for
programs.
`);
for (const { title, licence } of crates) console.log(`- ${title}: ${licence}`);
for (const [text, titles] of users) console.log(`\n## ${titles.join(", ")}\n\n\`\`\`\n${text}\n\`\`\``);
