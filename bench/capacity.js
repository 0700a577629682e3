// Computes the tables and the plot of docs/scaling.md from the constants below, and writes them there.
//
//   node bench/capacity.js            writes docs/scaling.md and docs/scaling.svg
//   node bench/capacity.js --check    fails if one of them differs from what it would write
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { GREY, text } from "./plot.js";

const D1_LIMITS = "[D1's limits](https://developers.cloudflare.com/d1/platform/limits/)";
const D1_PRICES = "[D1's prices](https://developers.cloudflare.com/d1/platform/pricing/)";
const PRICES = "[the cost of a million sign-ups](operating.md#the-cost-of-a-million-sign-ups)";

const USER_BYTES = 285;
const DATABASE_GB = 10;
const ACCOUNT_GB = 1000;
const STATEMENT_MS = 5;
const STORAGE_PRICE = 0.75;
const STORAGE_INCLUDED_GB = 5;
const VARIABLE_BYTES = 5000;

/** The parts of the price of a million sign-ups: requests, CPU, KV keys of IPv4, D1 rows written and read, log events. */
const MILLION = [1 * 0.3, 80 * 0.02, 3 * 0.5, 3 * 1, 7 * 0.001, 1 * 0.6].reduce((sum, part) => sum + part);

const DATABASES = [1, 4, 16, 64, 1024];

const USERS = Math.floor((DATABASE_GB * 1e9) / USER_BYTES);
const PACE = 1000 / STATEMENT_MS;

/** The most databases whose bindings, `DB DB_1 DB_2 …`, fit into one variable. */
function mostNames() {
  let [count, bytes] = [0, -1];
  while (true) {
    bytes += (count === 0 ? "DB" : `DB_${count}`).length + 1;
    if (bytes > VARIABLE_BYTES) return count;
    count++;
  }
}

/** The limits that a line of the plot marks. */
const MARKS = [
  { at: ACCOUNT_GB / DATABASE_GB, label: "1 TB" },
  { at: mostNames(), label: "5 KB" },
];

/** A number with two digits that count, and a unit for large ones. */
function round(value) {
  const digits = Number(value.toPrecision(2));
  for (const [unit, size] of [
    ["billion", 1e9],
    ["million", 1e6],
  ]) {
    if (digits >= size) return `${Number((digits / size).toPrecision(2))} ${unit}`;
  }
  return digits.toLocaleString("en");
}

const dollars = (value) => `$${value < 10 ? value.toFixed(2) : round(value)}`;
const gigabytes = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} TB` : `${value} GB`);

/** The figures of so many databases, when all of them are full. */
function capacity(databases) {
  const stored = databases * DATABASE_GB;
  return {
    databases,
    users: databases * USERS,
    pace: databases * PACE,
    stored,
    storage: (stored - STORAGE_INCLUDED_GB) * STORAGE_PRICE,
    signUps: ((databases * USERS) / 1e6) * MILLION,
  };
}

const rows = DATABASES.map(capacity);

const CONSTANTS = [
  ["constant", "value", "from"],
  ["a user in the database, with its index", `${USER_BYTES} bytes`, "[measured](benchmarks.md#many-databases)"],
  ["a database", `${DATABASE_GB} GB`, D1_LIMITS],
  [
    "a statement occupies its database for",
    `${STATEMENT_MS} ms`,
    "assumed; `npx wrangler d1 insights` shows yours",
  ],
  [
    "storage, each month",
    `$${STORAGE_PRICE} a GB, ${STORAGE_INCLUDED_GB} GB included`,
    `${D1_PRICES}, November 2026`,
  ],
  ["a million sign-ups", `$${MILLION.toFixed(2)}`, `${PRICES}, November 2026`],
];

const CAPACITY = [
  ["databases", "users", "sign-ups a second", "stored", "storage, each month", "all their sign-ups together"],
  ...rows.map(({ databases, users, pace, stored, storage, signUps }) => [
    databases.toLocaleString("en"),
    round(users),
    Math.round(pace).toLocaleString("en"),
    gigabytes(stored),
    dollars(storage),
    dollars(signUps),
  ]),
];

function markdown(lines) {
  const [head, ...body] = lines.map((line) => `| ${line.join(" | ")} |`);
  return [head, head.replaceAll(/[^|]+/g, "---"), ...body].join("\n");
}

const PANEL = 270;
const GAP = 25;
const LEFT = 12;
const TOP = 60;
const HEIGHT = 200;
const BLUE = "#2f81f7";
const MOST = 4096;

/** Draws one figure over the number of databases, both by their logarithms. */
function panel(at, title, value, show) {
  const left = LEFT + at * (PANEL + GAP);
  const x = (databases) => left + (Math.log(databases) / Math.log(MOST)) * PANEL;
  const [least, most] = [value(capacity(1)), value(capacity(MOST))];
  const y = (amount) => TOP + 0.9 * HEIGHT * (1 - Math.log(amount / least) / Math.log(most / least));
  const line = (from, to) => `M${x(from).toFixed(1)} ${to}`;
  const points = rows.map((row) => [x(row.databases), y(value(row)), show(value(row))]);
  return [
    text(left, 20, title),
    `<path d="M${left} ${TOP}V${TOP + HEIGHT}H${left + PANEL}" fill="none" stroke="${GREY}"/>`,
    ...MARKS.flatMap(({ at, label }) => [
      `<path d="${line(at, TOP)}V${TOP + HEIGHT}" stroke="${GREY}" stroke-dasharray="3 3"/>`,
      text(x(at).toFixed(1), TOP - 6, label, 'text-anchor="middle" font-size="10"'),
    ]),
    `<path d="M${points.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L")}" fill="none" stroke="${BLUE}"/>`,
    ...points.flatMap(([px, py, amount], n) => {
      // The labels stay clear of the axis and of the marks.
      const isOuter = n < 2 || n === points.length - 1;
      const [dx, dy, anchor] = isOuter ? [6, 14, "start"] : [-6, -4, "end"];
      const label = `text-anchor="${anchor}" font-size="11"`;
      return [
        `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3.5" fill="${BLUE}"/>`,
        text((px + dx).toFixed(1), (py + dy).toFixed(1), amount, label),
      ];
    }),
    ...DATABASES.map((count) =>
      text(
        x(count).toFixed(1),
        TOP + HEIGHT + 16,
        count.toLocaleString("en"),
        'text-anchor="middle" font-size="11"',
      ),
    ),
  ];
}

function plot() {
  const shapes = [
    ...panel(0, "users", ({ users }) => users, round),
    ...panel(1, "sign-ups a second", ({ pace }) => pace, round),
    ...panel(2, "storage, dollars each month", ({ storage }) => storage, dollars),
  ];
  const [width, height] = [LEFT + 3 * (PANEL + GAP), TOP + HEIGHT + 30];
  const style = `font-family="system-ui, sans-serif" font-size="13" fill="${GREY}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${style}>
${shapes.join("\n")}
</svg>
`;
}

const here = (path) => join(import.meta.dirname, path);
const read = (path) => readFileSync(here(path), "utf8");

/** The document with each table, which begins with the table's first cells, replaced. */
const withTables = (document) =>
  [CONSTANTS, CAPACITY].reduce((page, table) => {
    const [first, second] = table[0];
    const old = new RegExp(`^\\| ${first} \\| ${second} \\|.*?(?=\\n\\n)`, "ms");
    if (!old.test(page)) throw new Error(`docs/scaling.md has no table of ${first}`);
    return page.replace(old, () => markdown(table));
  }, document);

const documents = {
  "../docs/scaling.md": withTables(read("../docs/scaling.md")),
  "../docs/scaling.svg": plot(),
};

if (process.argv[2] === "--check") {
  for (const [path, content] of Object.entries(documents)) {
    if (read(path) !== content) throw new Error(`${path} is out of date: run node bench/capacity.js`);
  }
  // The other document that has the price of a million sign-ups.
  const price = `$${MILLION.toFixed(2)} (IPv4)`;
  if (!read("../docs/operating.md").includes(price)) throw new Error(`docs/operating.md should have ${price}`);
} else {
  for (const [path, content] of Object.entries(documents)) writeFileSync(here(path), content);
  console.log(`${mostNames()} names of databases fit into one variable`);
}
