// The databases: their generations, rows and sizes.

import * as api from "../api.js";
import { element } from "../dom.js";
import { bytes, count, empty, fill, number, table, time } from "../parts.js";

export const title = "Databases";

function state({ generation, frozen_at, deployed_at }) {
  if (frozen_at) return ["frozen since ", time(frozen_at)];
  return generation > 0 && !deployed_at ? "waits for a deploy" : "takes sign-ups";
}

const columns = [
  { label: "Database", cell: ({ binding }) => element("code", {}, binding), kind: "wide" },
  { label: "Number", cell: (row) => number(row.number), kind: "number" },
  { label: "Generation", cell: (row) => number(row.generation), kind: "number" },
  { label: "Place", cell: ({ position, size }) => `${number(position + 1)} of ${number(size)}`, kind: "number" },
  { label: "State", cell: state },
  { label: "Users", cell: ({ users }) => number(users), kind: "number" },
  { label: "Accounts", cell: ({ accounts }) => number(accounts), kind: "number" },
  { label: "Size", cell: (row) => bytes(row.bytes), kind: "number" },
];

export function show() {
  const node = element("div", { class: "list" });
  fill(node, api.shards, ({ databases }) =>
    databases.length
      ? table(count(databases.length, "database"), columns, databases)
      : empty("The service has no database."),
  );
  return node;
}
