// The audit: who changed what, the newest entry first.

import * as api from "../api.js";
import { element } from "../dom.js";
import { count, paged, table, time } from "../parts.js";

export const title = "Audit";

const columns = [
  { label: "Time (UTC)", cell: ({ at }) => time(at) },
  { label: "Actor", cell: ({ actor }) => actor },
  // `user_erased` reads as "user erased".
  { label: "Action", cell: ({ action }) => action.replaceAll("_", " ") },
  { label: "Subject", cell: ({ subject }) => element("code", {}, subject ?? "–") },
];

export function show() {
  const list = paged({
    load: (after, signal) => api.audit({ after }, signal),
    rows: "entries",
    show: (entries) => table(`${count(entries.length, "action")} on this page`, columns, entries),
    nothing: () => "The audit is empty.",
  });
  list.reload();
  return list.node;
}
