// Prints the SBOM of a package: the crates of both Workers, as cargo-cyclonedx lists them in the files that are given, and
// the npm package in the page of the admin. It leaves out the parts that differ from build to build: the serial number, the
// time at which the SBOM was made, and the folder of this clone.

const fs = require("node:fs");

const [first, ...others] = process.argv.slice(2).map((file) => {
  const text = fs.readFileSync(file, "utf8").replaceAll(`file://${process.cwd()}`, "file://.");
  return JSON.parse(text);
});
const { serialNumber, ...sbom } = first;
delete sbom.metadata.timestamp;

/** The entries of all lists, each reference once, in the order of the references. */
function union(lists, reference) {
  const all = new Map(lists.flat().map((entry) => [entry[reference], entry]));
  return [...all.values()].sort((a, b) => (a[reference] < b[reference] ? -1 : 1));
}

function uplot() {
  const folder = "node_modules/uplot";
  const { name, version, description, license } = JSON.parse(fs.readFileSync(`${folder}/package.json`, "utf8"));
  const purl = `pkg:npm/${name}@${version}`;
  const licenses = [{ license: { id: license } }];
  return { type: "library", "bom-ref": purl, name, version, description, scope: "required", licenses, purl };
}

const components = others.flatMap(({ metadata, components }) => [metadata.component, ...components]);
sbom.components = union([sbom.components, components, [uplot()]], "bom-ref");
sbom.dependencies = union([sbom.dependencies, ...others.map(({ dependencies }) => dependencies)], "ref");
console.log(JSON.stringify(sbom, null, 2));
