// What the figures are, their goals, and how they are shown: as text, and as docs/benchmarks.md.
import { writeFileSync } from "node:fs";
import { join } from "node:path";


export const TITLES = {
    "edge-signup": "edge-signup",
    js: "hand-written JavaScript",
    hono: "Hono",
    "better-auth": "better-auth",
};

/** The middle and the quartiles of some numbers. */
function spread(values) {
    const sorted = values.toSorted((a, b) => a - b);
    const at = (share) => {
        const place = (sorted.length - 1) * share;
        const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
        return below + (above - below) * (place % 1);
    };
    return { low: at(0.25), middle: at(0.5), high: at(0.75) };
}

/** Values in a unit, target by target. */
const absolute = (value, unit) => (rounds) =>
    each(rounds, (of, name) => ({ ...spread(of.map((round) => value(round[name]))), unit }));

/** Ratios to a target within each round; that target's own cell holds its value, in a unit. */
const ratio = (value, unit, base = "js") => (rounds) =>
    each(rounds, (of, name) =>
        name === base
            ? { base: spread(of.map((round) => value(round[name]))).middle, unit }
            : spread(of.map((round) => value(round[name]) / value(round[base]))),
    );

function each(rounds, cell) {
    const names = Object.keys(rounds[0]);
    return Object.fromEntries(names.map((name) => [name, cell(rounds, name)]));
}

const cpu = (of) => of.cpu;

/** Our sign-up's CPU beside better-auth's. */
function besideBetterAuth(rounds) {
    if (!rounds[0]["better-auth"]) return {};
    const { "edge-signup": ours, "better-auth": base } = ratio(cpu, "ms", "better-auth")(rounds);
    return { "edge-signup": ours, "better-auth": base };
}

const most = (limit, unit = "") => ({ limit, text: `${limit}${unit} or less`, met: (value) => value <= limit });
const least = (limit) => ({ limit, text: `${limit} or more`, met: (value) => value >= limit });

/** A figure of the table: its label, the measurement that it comes from, what it makes of its rounds, and its goal. */
const figure = (label, from, cells, goal) => ({ label, from, cells, goal });

export const FIGURES = [
    figure("`POST /sign-up`: CPU", "sign-up", ratio(cpu, "ms"), most(0.95)),
    figure("`POST /sign-up`: latency", "sign-up", ratio((of) => of.latency, "ms"), most(0.95)),
    figure("a taken name on `/sign-up`: CPU", "taken", ratio(cpu, "ms"), most(0.95)),
    figure("`POST /users/`: CPU", "users", ratio(cpu, "ms"), most(1)),
    figure("`POST /users/`: requests a second", "rate", ratio((of) => of.rate, "/s"), least(1)),
    figure("a blocked address: CPU", "blocked", ratio(cpu, "ms"), most(1)),
    figure("a bad name on `/sign-up`: CPU", "invalid", ratio(cpu, "ms"), most(1)),
    figure("first sign-up in a new isolate: CPU", "isolate", ratio((of) => of.first, "ms"), most(1)),
    figure("load of a new isolate: CPU", "isolate", ratio((of) => of.load, "ms"), most(1)),
    figure("peak memory over many sign-ups", "memory", ratio((of) => of.memory, "MiB"), most(1)),
    figure("the hash alone: CPU", "hash", ratio(cpu, "ms"), most(0.95)),
    figure("`POST /sign-up`: CPU, beside better-auth's", "sign-up", besideBetterAuth, most(0.45)),
    figure("`POST /sign-up` less its hash: CPU", "hash", absolute((of) => of.beside, "ms"), most(1.5, " ms")),
    figure("memory of the wasm", "wasm-memory", absolute((of) => of.memory, "MiB"), most(22, " MiB")),
    figure("upload, gzip", "upload", absolute((of) => of.gzip / 1024, "KiB"), most(60, " KiB")),
    figure("upload", "upload", absolute((of) => of.raw / 1024, "KiB")),
];

/** The rows for what was measured: `label`, `cells` by target, `goal` and whether it is `met`. */
function rows(results) {
    return FIGURES.filter(({ from }) => results[from]).map(({ label, from, cells, goal }) => {
        const row = { label, goal, cells: cells(results[from]) };
        const ours = row.cells["edge-signup"]?.middle;
        return { ...row, met: goal && ours !== undefined ? goal.met(ours) : null };
    });
}

function show(cell) {
    if (!cell) return "–";
    if (cell.base !== undefined) return `1 = ${digits(cell.base)} ${cell.unit}`;
    if (cell.unit) return `${digits(cell.middle)} ${cell.unit}`;
    const [middle, low, high] = [cell.middle, cell.low, cell.high].map((value) => value.toFixed(2));
    return `${middle} (${low}–${high})`;
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/** The rows as lists of texts, the head first. */
function texts(results, names) {
    const head = ["figure", ...names.map((name) => TITLES[name]), "goal", "met"];
    const body = rows(results).map(({ label, cells, goal, met }) => [
        label,
        ...names.map((name) => show(cells[name])),
        goal?.text ?? "–",
        met === null ? "–" : met ? "yes" : "NO",
    ]);
    return [head, ...body];
}

/** The table for a terminal. */
export function table(results, names) {
    const lines = texts(results, names).map((line) => line.map((text) => text.replaceAll("`", "")));
    const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
    return lines.map((line) => line.map((text, column) => text.padEnd(widths[column])).join("  ").trimEnd()).join("\n");
}

/** The same as Markdown. */
function markdown(results, names) {
    const [head, ...body] = texts(results, names).map((line) => `| ${line.join(" | ")} |`);
    return [head, head.replaceAll(/[^|]+/g, "---"), ...body].join("\n");
}
export function writeDocs() {}
