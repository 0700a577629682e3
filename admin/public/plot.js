// The plot of the sign-ups, drawn by uPlot, with the same numbers as a table.

import { element } from "./dom.js";
import { number, table } from "./parts.js";
import UPlot from "./uplot.js";

const HEIGHT = 260;

/** The series: the name, the label and the dashes of the line, which tell the two apart without their colours. */
const SERIES = [
  { name: "users", label: "Users" },
  { name: "accounts", label: "Accounts by name", dash: [6, 4] },
];

const stamp = (at, isHourly) =>
  new Date(at)
    .toISOString()
    .slice(0, isHourly ? 16 : 10)
    .replace("T", " ");

const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });

/** The text of the axis at a time: the day, or the hour within the day. */
const mark = (seconds) =>
  seconds % 86_400 ? new Date(seconds * 1000).toISOString().slice(11, 16) : day.format(seconds * 1000);

/** A figure with a plot. `starts` are the beginnings of the hours or days, which `users` and `accounts` count. */
export function plot({ starts, users, accounts, isHourly }) {
  const canvas = element("div", { class: "plot", role: "img" });
  const values = { users, accounts };
  const legend = SERIES.map(({ name, label }) => {
    const value = element("span", { class: "value" });
    return { name, value, node: element("span", { class: `series series-${name}` }, label, " ", value) };
  });
  const moment = element("span", { class: "time" });
  const peak = users.reduce((best, value, at) => (value > users[best] ? at : best), 0);
  canvas.setAttribute(
    "aria-label",
    `Sign-ups from ${stamp(starts[0], isHourly)} to ${stamp(starts.at(-1), isHourly)}, at most ${number(users[peak])} users in ${isHourly ? "an hour" : "a day"}. The table below has every number.`,
  );
  /** Writes the numbers at `at` beside the names of the series, or none. */
  const point = (at) => {
    moment.textContent = at === null || at === undefined ? "UTC" : `${stamp(starts[at], isHourly)} UTC`;
    for (const { name, value } of legend)
      value.textContent = at === null || at === undefined ? "" : number(values[name][at]);
  };
  point(null);
  const draw = () => {
    const colour = (selector, part) => getComputedStyle(figure.querySelector(selector), part).color;
    const axis = {
      stroke: () => colour(".time"),
      grid: { stroke: () => colour(".lines"), width: 1 },
      ticks: { show: false },
    };
    const chart = new UPlot(
      {
        width: canvas.clientWidth,
        height: HEIGHT,
        tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        legend: { show: false },
        cursor: { y: false, drag: { setScale: false } },
        scales: { y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] } },
        axes: [
          { ...axis, grid: { show: false }, space: 64, values: (_, seconds) => seconds.map(mark) },
          {
            ...axis,
            size: 56,
            incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7],
          },
        ],
        series: [
          {},
          ...SERIES.map(({ name, dash }) => ({
            stroke: () => colour(`.series-${name}`, "::before"),
            width: 2,
            dash,
            points: { show: false },
          })),
        ],
        hooks: { setCursor: [({ cursor }) => point(cursor.idx)] },
      },
      [starts.map((at) => at / 1000), users, accounts],
      canvas,
    );
    return chart;
  };
  const figure = element(
    "figure",
    {},
    element(
      "figcaption",
      {},
      element("strong", {}, isHourly ? "Sign-ups by hour" : "Sign-ups by day"),
      legend.map(({ node }) => node),
      moment,
    ),
    canvas,
    element("span", { class: "lines", hidden: true }),
    numbers({ starts, users, accounts, isHourly }),
  );
  // uPlot needs the width that the page gives the plot, and draws again when that or the colours change.
  let chart = null;
  new ResizeObserver(() => {
    if (!canvas.clientWidth) return;
    chart ??= draw();
    chart.setSize({ width: canvas.clientWidth, height: HEIGHT });
  }).observe(canvas);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", function redraw() {
    if (figure.isConnected) chart?.redraw(false);
    else scheme.removeEventListener("change", redraw);
  });
  return figure;
}

/** The numbers of the plot, without the hours or days in which nobody signed up. */
function numbers({ starts, users, accounts, isHourly }) {
  const rows = starts.map((at, index) => ({ at, users: users[index], accounts: accounts[index] }));
  const counted = rows.filter((row) => row.users || row.accounts).reverse();
  return element(
    "details",
    {},
    element("summary", {}, "The numbers as a table"),
    table(
      "Sign-ups over time",
      [
        { label: isHourly ? "Hour (UTC)" : "Day (UTC)", cell: ({ at }) => stamp(at, isHourly), kind: "wide" },
        { label: "Users", cell: (row) => number(row.users), kind: "number" },
        { label: "Accounts by name", cell: (row) => number(row.accounts), kind: "number" },
      ],
      counted,
    ),
  );
}
