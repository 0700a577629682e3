// The block list: addresses and ranges that may not use the service.

import * as api from "../api.js";
import { element } from "../dom.js";
import { button, choice, count, field, form, input, openDialog, paged, say, table, time } from "../parts.js";

export const title = "Block list";

const DAY = 86_400;
const DURATIONS = [
  ["", "until it is removed"],
  [3600, "for an hour"],
  [DAY, "for a day"],
  [7 * DAY, "for 7 days"],
  [30 * DAY, "for 30 days"],
  [365 * DAY, "for 365 days"],
];

/** Workers KV takes some time to show a change everywhere. */
const LATER = "It takes up to a minute until every location knows.";

export function show({ mayWrite }) {
  let prefix = "";
  const columns = [
    { label: "Address or range", cell: ({ key }) => element("code", {}, key), kind: "wide" },
    { label: "Reason", cell: ({ reason }) => reason || "–" },
    { label: "Ends (UTC)", cell: ({ expires_at }) => (expires_at ? time(expires_at) : "never") },
  ];
  if (mayWrite) {
    const cell = ({ key }) => button("Remove", () => askRemove(key, list), { "aria-label": `Remove ${key}` });
    columns.push({ label: "Actions", cell, kind: "actions" });
  }
  const list = paged({
    load: (after, signal) => api.blocks({ prefix, after }, signal),
    rows: "blocks",
    show: (blocks) => table(`${count(blocks.length, "block")} on this page`, columns, blocks),
    nothing: () => (prefix ? `No blocked address begins with ${prefix}.` : "No address is blocked."),
  });
  const filter = form(
    { class: "toolbar", role: "search", "aria-label": "Filter of the block list" },
    [field("Begins with", input("prefix", { placeholder: "203.0.113." })), element("button", {}, "Filter")],
    (values) => {
      prefix = values.prefix.trim();
      return list.restart();
    },
  );
  list.reload();
  return element("div", { class: "stack" }, mayWrite && adder(list), filter, list.node);
}

function adder(list) {
  const node = form(
    { class: "toolbar panel", "aria-label": "Block an address" },
    [
      field("Address or range", input("key", { required: true, placeholder: "203.0.113.0/24" })),
      field("Reason", input("reason", { placeholder: "optional" })),
      field("Blocked", choice("ttl", DURATIONS)),
      element("button", { class: "primary" }, "Block"),
    ],
    async ({ key, reason, ttl }) => {
      const body = { ...(reason.trim() && { reason: reason.trim() }), ...(ttl && { ttl: Number(ttl) }) };
      const blocked = await api.block(key.trim(), body);
      node.reset();
      say(`${blocked.key} is blocked. ${LATER}`);
      await list.restart();
    },
  );
  return node;
}

function askRemove(key, list) {
  openDialog(
    {
      title: "Remove from the block list",
      children: [element("p", {}, "Requests from ", element("code", {}, key), " are answered again.")],
      submit: "Remove",
    },
    async () => {
      await api.unblock(key);
      return () => {
        say(`${key} is no longer blocked. ${LATER}`);
        return list.reload();
      };
    },
  );
}
