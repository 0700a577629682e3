// The tables. A row of the first table computes its cells from the rounds of a measurement, and may have a goal. The
// others compare the hash with those of other programs, count the calls between wasm and JavaScript, and compare the
// Worker with itself on more databases.
export const TITLES = {
  "edge-signup": "edge-signup",
  js: "hand-written JavaScript",
  hono: "Hono",
  "better-auth": "better-auth",
};

/** The median and the quartiles of numbers. */
function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => {
    const place = (sorted.length - 1) * share;
    const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return below + (above - below) * (place % 1);
  };
  return { low: at(0.25), middle: at(0.5), high: at(0.75) };
}

/** Makes a cell for each target that has this value, from the value of every round. */
const each = (value, cell) => (rounds) => {
  const of = (name) => rounds.map((round) => round[name][value]);
  const names = Object.keys(rounds[0]).filter((name) => rounds[0][name][value] !== undefined);
  return Object.fromEntries(names.map((name) => [name, cell(name, of)]));
};

/** Cells of values in a unit. */
const absolute = (value, unit) => each(value, (name, of) => ({ ...spread(of(name)), unit }));

/** Cells of ratios to `base` within the same round. The cell of `base` itself has the absolute value. */
const ratio = (value, unit, base = "js") =>
  each(value, (name, of) => {
    if (name === base) return { base: spread(of(base)).middle, unit };
    return spread(of(name).map((own, round) => own / of(base)[round]));
  });

/** The ratio of our sign-up's CPU to better-auth's. */
function besideBetterAuth(rounds) {
  if (!rounds[0]["better-auth"]) return {};
  const { "edge-signup": ours, "better-auth": base } = ratio("cpu", "ms", "better-auth")(rounds);
  return { "edge-signup": ours, "better-auth": base };
}

// A ratio is compared with its goal as it is shown, with two digits after the point.
const less = (limit) => ({ text: `${limit.toFixed(2)} or less`, met: (value) => value.toFixed(2) <= limit });
const more = (limit) => ({ text: `${limit.toFixed(2)} or more`, met: (value) => value.toFixed(2) >= limit });
const lessIn = (limit, unit) => ({ text: `${limit} ${unit} or less`, met: (value) => value <= limit });

/** A row: its label, its measurement, the function that makes cells from the rounds, and its goal. */
const row = (label, from, cells, goal) => ({ label, from, cells, goal });

const CPU = ratio("cpu", "ms");

const ROWS = [
  row("`POST /sign-up`: CPU", "sign-up", CPU, less(0.78)),
  row("`POST /sign-up`: latency", "sign-up", ratio("latency", "ms"), less(0.78)),
  row("a taken name on `/sign-up`: CPU", "taken", CPU, less(0.78)),
  row("`POST /users/`: CPU", "users", CPU, less(1)),
  row("`POST /users/`: requests a second, more is better", "rate", ratio("rate", "/s"), more(1)),
  row("`POST /users/` after 200,000 requests: CPU", "steady", CPU),
  row("a blocked address: CPU", "blocked", CPU, less(1)),
  row("a bad name on `/sign-up`: CPU", "invalid", CPU, less(1)),
  row("first sign-up in a new isolate: CPU", "isolate", ratio("first", "ms"), less(0.97)),
  row("load of a new isolate: CPU", "isolate", ratio("load", "ms"), less(0.95)),
  row("peak memory over many sign-ups", "memory", ratio("peak", "MiB"), less(1.03)),
  row("the hash alone: CPU", "hash", CPU, less(0.75)),
  row("`POST /sign-up`: CPU, beside better-auth's", "sign-up", besideBetterAuth, less(0.45)),
  row("`POST /sign-up` less its hash: CPU", "beside", absolute("beside", "ms")),
  row("memory of the wasm", "wasm-memory", absolute("wasm", "MiB"), lessIn(22, "MiB")),
  row("the wasm and its JavaScript, `gzip -9`", "upload", absolute("built", "KB"), lessIn(90, "KB")),
  row("upload, gzip", "upload", absolute("gzip", "KB")),
  row("upload", "upload", absolute("raw", "KB")),
];

/**
 * The rows that have results: the `label`, the measurement that they are `from`, the `cells` by target, the `goal`, and
 * whether the goal is `met`.
 */
export function rows(results) {
  return ROWS.filter(({ from }) => results[from]).map(({ label, from, cells: make, goal }) => {
    const cells = make(results[from]);
    const ours = cells["edge-signup"]?.middle;
    return { label, from, cells, goal, met: goal && ours !== undefined ? goal.met(ours) : null };
  });
}

function show(cell) {
  if (!cell) return "–";
  if (cell.base !== undefined) return `1 = ${digits(cell.base)} ${cell.unit}`;
  const form = cell.unit ? digits : (value) => value.toFixed(2);
  const [middle, low, high] = [cell.middle, cell.low, cell.high].map(form);
  const unit = cell.unit ? ` ${cell.unit}` : "";
  return low === high ? middle + unit : `${middle}${unit} (${low}–${high})`;
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/** The rows as lists of texts; the first one is the head of the table. */
export function texts(results, names) {
  const head = ["figure", ...names.map((name) => TITLES[name]), "goal", "met"];
  const body = rows(results).map(({ label, cells, goal, met }) => [
    label,
    ...names.map((name) => show(cells[name])),
    goal?.text ?? "–",
    met === null ? "–" : met ? "yes" : "NO",
  ]);
  return [head, ...body];
}

const HASHES = {
  "edge-signup": "edge-signup",
  js: "`@phi-ag/argon2`",
  node: "Node's `crypto.argon2`",
  native: "native `argon2`",
};

/** The hash beside those of other programs, in the same form. */
export function hashTexts({ hash: rounds }) {
  const cells = CPU(rounds);
  return [
    ["the hash alone", ...Object.values(HASHES)],
    ["CPU", ...Object.keys(HASHES).map((name) => show(cells[name]))],
  ];
}

const CROSSINGS = {
  blocked: "403, a blocked address",
  invalid: "400, a bad name on `/sign-up`",
  users: "201, `/users/`",
  "sign-up": "200, `/sign-up`",
};

/** The counts of calls, in the same form. */
function crossingTexts({ crossings: [counts] }) {
  const head = ["request", "wasm to JavaScript", "JavaScript to wasm", "allocations in the wasm", "`TextDecoder`"];
  const body = Object.entries(CROSSINGS).map(([kind, label]) => {
    const { toJs, toWasm, allocations, decoded } = counts[kind];
    return [label, toJs, toWasm, allocations, decoded].map(String);
  });
  return [head, ...body];
}

/** The most databases, up to which the pace is at least 0.9 of that of one database for each. */
function kept(cells) {
  const isKept = (count) => cells[count].base !== undefined || cells[count].middle.toFixed(2) >= 0.9 * count;
  const counts = Object.keys(cells);
  const missed = counts.findIndex((count) => !isKept(count));
  return missed < 0 ? "yes" : `up to ${counts[missed - 1]}`;
}

/** The pace of several databases, in the same form. */
export function shardTexts({ shards: rounds }) {
  const rates = ratio("rate", "/s", "1")(rounds);
  const busy = each("busy", (name, of) => ({ ...spread(of(name).map((share) => 100 * share)), unit: "%" }))(
    rounds,
  );
  const counts = Object.keys(rates);
  return [
    ["databases", ...counts, "goal for N databases", "met"],
    ["`POST /users/`: requests a second", ...counts.map((n) => show(rates[n])), "0.90 × N or more", kept(rates)],
    ["processors in use", ...counts.map((n) => show(busy[n])), "–", "–"],
  ];
}

/** The cost of frozen generations, in the same form. */
export function frozenTexts(results) {
  const line = (label, from, value) => {
    const cells = ratio(value, "ms", "0")(results[from]);
    return [label, ...Object.values(cells).map(show)];
  };
  return [
    ["frozen generations", ...Object.keys(results["frozen-users"][0])],
    line("`POST /sign-up`: CPU", "frozen-sign-up", "cpu"),
    line("`POST /sign-up`: latency", "frozen-sign-up", "latency"),
    line("`POST /users/`: CPU", "frozen-users", "cpu"),
    line("`POST /users/`: latency", "frozen-users", "latency"),
  ];
}

/** The latency with rows in the table, in the same form. */
export function rowTexts({ rows: rounds }) {
  const cells = ratio("latency", "ms", "0")(rounds);
  return [
    ["accounts in the database", ...Object.keys(cells).map((count) => Number(count).toLocaleString("en"))],
    ["`POST /users/`: latency", ...Object.values(cells).map(show)],
  ];
}

/** The bytes of a row with its indexes, in the same form. */
export function byteTexts({ bytes: rounds }) {
  const cells = absolute("bytes", "bytes")(rounds);
  return [
    ["stored by", "`POST /sign-up`", "`POST /users/`"],
    ["a row and its index", show(cells.users), show(cells.accounts)],
  ];
}

/** The tables for a terminal. */
export function printed(results, names) {
  const tables = [
    rows(results).length > 0 && texts(results, names),
    results.hash && hashTexts(results),
    results.crossings && crossingTexts(results),
    results.shards && shardTexts(results),
    results.rows && frozenTexts(results),
    results.rows && rowTexts(results),
    results.rows && byteTexts(results),
  ];
  return tables.filter(Boolean).map(aligned).join("\n\n");
}

function aligned(table) {
  const lines = table.map((line) => line.map((text) => text.replaceAll("`", "")));
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const padded = (line) => line.map((text, column) => text.padEnd(widths[column])).join("  ");
  return lines.map((line) => padded(line).trimEnd()).join("\n");
}
