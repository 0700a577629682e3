// Reads the answer of `wrangler d1 execute --json` from the standard input and prints its rows, one on each line.
// Without rows it fails; if NONE is set, it prints NONE and succeeds. `make client`, `make clients` and
// `make client-disable` call this script.
"use strict";

const fs = require("node:fs");

const text = fs.readFileSync(0, "utf8");
// An answer that is not a JSON array is an error message of wrangler.
const answer = text.startsWith("[") ? JSON.parse(text) : undefined;
if (!answer) console.error(text.trim());
const rows = answer?.[0].results ?? [];
for (const row of rows) console.log(Object.values(row).join("\t"));
const { NONE } = process.env;
if (answer && !rows.length && NONE) console.error(NONE);
process.exitCode = rows.length || (answer && NONE) ? 0 : 1;
