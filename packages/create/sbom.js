// Prints an SBOM of cargo-cyclonedx without the parts that differ from build to build: its serial number, the time at
// which it was made, and the folder of this clone.

const fs = require("node:fs");

const text = fs.readFileSync(process.argv[2], "utf8").replaceAll(`file://${process.cwd()}`, "file://.");
const { serialNumber, ...sbom } = JSON.parse(text);
delete sbom.metadata.timestamp;
console.log(JSON.stringify(sbom, null, 2));
