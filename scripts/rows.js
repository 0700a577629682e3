// Prints the rows of what `wrangler d1 execute --json` answers on the standard input, a row a line. Where there are none,
// it fails, or says NONE. `make client`, `make clients` and `make client-disable` call this.
"use strict";

const fs = require("node:fs");

const text = fs.readFileSync(0, "utf8");
// An error is no array; its text says what failed.
const answer = text.startsWith("[") ? JSON.parse(text) : undefined;
if (!answer) console.error(text.trim());
const rows = answer?.[0].results ?? [];
for (const row of rows) console.log(Object.values(row).join("\t"));
const { NONE } = process.env;
if (answer && !rows.length && NONE) console.error(NONE);
process.exitCode = rows.length || (answer && NONE) ? 0 : 1;
