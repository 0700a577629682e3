// The overview: the sign-ups over time, by client and by outcome, and the newest users.

import * as api from "../api.js";
import { element } from "../dom.js";
import { choice, count, empty, field, fill, form, input, number, table, time } from "../parts.js";
import { plot } from "../plot.js";

export const title = "Overview";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The periods, each with the length of its parts. */
const PERIODS = {
  "24 hours": { by: "hour", step: HOUR, parts: 24 },
  "7 days": { by: "hour", step: HOUR, parts: 7 * 24 },
  "30 days": { by: "day", step: DAY, parts: 30 },
  "90 days": { by: "day", step: DAY, parts: 90 },
  "365 days": { by: "day", step: DAY, parts: 365 },
};
const DEFAULT = "30 days";

const stamp = (at) => new Date(at).toISOString().replace(".000", "");

/** The counts of every part of the period, also of those that the answer leaves out because they are zero. */
function spread(buckets, starts) {
  const counts = new Map(buckets.map(({ at, count }) => [Date.parse(at), count]));
  return starts.map((at) => counts.get(at) ?? 0);
}

/** The most clients that an answer has. */
const MAX_CLIENTS = 50;

const tile = (label, value) => element("div", {}, element("dt", {}, label), element("dd", {}, value));

/** The plot and the tables of a period, whose hours or days begin at `starts`. */
function report({ by }, starts, answer) {
  const [users, accounts] = [spread(answer.users, starts), spread(answer.accounts, starts)];
  const { clients: shares, totals } = answer;
  const outcomes = answer.outcomes?.length
    ? table(
        "Answers of all clients by route and status",
        [
          { label: "Route", cell: ({ route }) => element("code", {}, route) },
          { label: "Status", cell: ({ status }) => String(status), kind: "number" },
          { label: "Answers", cell: ({ count }) => number(count), kind: "number" },
        ],
        answer.outcomes,
      )
    : [];
  return [
    element(
      "dl",
      { class: "tiles" },
      tile("Users signed up", number(totals.users)),
      tile("Accounts created by name", number(totals.accounts)),
      tile(
        "Clients with sign-ups",
        shares.length < MAX_CLIENTS ? number(shares.length) : `${MAX_CLIENTS} or more`,
      ),
    ),
    plot({ starts, users, accounts, isHourly: by === "hour" }),
    element(
      "div",
      { class: "columns" },
      shares.length
        ? table(
            "Users by client",
            [
              { label: "Client", cell: ({ client_id }) => element("code", {}, client_id) },
              { label: "Users", cell: ({ count }) => number(count), kind: "number" },
            ],
            shares,
          )
        : empty("Nobody signed up in this period."),
      outcomes,
    ),
  ];
}

const newest = ({ users }) =>
  users.length
    ? table(
        `The newest ${count(users.length, "user")}`,
        [
          {
            label: "Name",
            cell: ({ id, username }) => element("a", { href: `#/users/${id}` }, username),
            kind: "wide",
          },
          { label: "Client", cell: ({ client_id }) => element("code", {}, client_id) },
          { label: "Signed up (UTC)", cell: ({ created_at }) => time(created_at) },
        ],
        users,
      )
    : empty("Nobody has signed up yet.");

export function show() {
  const [chart, list] = [
    element("section", { class: "stack", "aria-label": "Sign-ups" }),
    element("section", { "aria-label": "Newest users" }),
  ];
  const load = ({ period, client }) => {
    const chosen = PERIODS[period];
    // The last hour or day is the one that is under way.
    const end = Math.ceil(Date.now() / chosen.step) * chosen.step;
    const starts = Array.from({ length: chosen.parts }, (_, at) => end - (chosen.parts - at) * chosen.step);
    const query = { by: chosen.by, from: stamp(starts[0]), to: stamp(end), client_id: client.trim() };
    return fill(
      chart,
      (signal) => api.statistics(query, signal),
      (answer) => report(chosen, starts, answer),
    );
  };
  const period = choice(
    "period",
    Object.keys(PERIODS).map((name) => [name, `The last ${name}`]),
  );
  period.value = DEFAULT;
  const filter = form(
    { class: "toolbar", "aria-label": "Period" },
    [
      field("Period", period),
      field("Client", input("client", { placeholder: "all clients" })),
      element("button", {}, "Show"),
    ],
    load,
  );
  period.addEventListener("change", () => filter.requestSubmit());
  load({ period: DEFAULT, client: "" });
  fill(list, (signal) => api.users({ limit: 10 }, signal), newest);
  return element("div", { class: "stack" }, filter, chart, list);
}
