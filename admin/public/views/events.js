// The events: the endpoints, which are servers that are told of changes, and the deliveries to one of them.

import * as api from "../api.js";
import { element } from "../dom.js";
import {
  button,
  choice,
  count,
  empty,
  field,
  fill,
  input,
  openDialog,
  paged,
  say,
  table,
  time,
} from "../parts.js";

export const title = "Events";

const TYPES = [
  "user.created",
  "user.imported",
  "user.password_changed",
  "user.erased",
  "account.created",
  "account.erased",
];

/** The new secret of an endpoint, until the operator leaves the view that shows it. */
let fresh = null;

export function show({ part, mayWrite, go }) {
  const secret = part && fresh?.id === part ? fresh.secret : null;
  fresh = null;
  return part ? detail(part, secret, mayWrite, go) : all(mayWrite, go);
}

/** Goes to an endpoint, whose new secret is shown this once. */
function goTo({ id, secret }, go, message) {
  fresh = { id, secret };
  go(`#/events/${id}`, message);
}

const lines = (words) => words.map((word) => element("code", { class: "line" }, word));

const REASONS = { operator: "by an operator", gone: "it is gone", failing: "it failed for five days" };

function state({ disabled_at, disabled_because, failing_since, paused_until }) {
  if (disabled_at)
    return [`disabled (${REASONS[disabled_because] ?? disabled_because}) since `, time(disabled_at)];
  if (paused_until) return ["paused until ", time(paused_until)];
  return failing_since ? ["failing since ", time(failing_since)] : "enabled";
}

// All endpoints

function all(mayWrite, go) {
  const node = element("div", { class: "list" });
  fill(node, api.webhooks, ({ webhooks }) => list(webhooks));
  const add = button("Add an endpoint", () => askNew(go), { class: "primary" });
  return element("div", { class: "stack" }, mayWrite && element("div", { class: "actions" }, add), node);
}

function list(webhooks) {
  if (!webhooks.length) return empty("The list of endpoints is empty.");
  const columns = [
    { label: "Endpoint", cell: ({ id, url }) => element("a", { href: `#/events/${id}` }, url), kind: "wide" },
    { label: "Events", cell: ({ events }) => lines(events) },
    { label: "Client", cell: ({ client_id }) => (client_id ? element("code", {}, client_id) : "all") },
    { label: "State", cell: state },
  ];
  return table(count(webhooks.length, "endpoint"), columns, webhooks);
}

/** The fields of an endpoint. */
const urlField = (value) =>
  field("URL", input("url", { required: true, type: "url", value, placeholder: "https://shop.example/events" }));
const eventsField = (types) =>
  field(
    "Events",
    element("textarea", { name: "events", rows: 6, spellcheck: "false" }, types.join("\n")),
    `One on each line, of ${TYPES.join(", ")}.`,
  );
const wanted = ({ url, events }) => ({ url: url.trim(), events: events.split(/\s+/).filter(Boolean) });

function askNew(go) {
  openDialog(
    {
      title: "Add an endpoint",
      children: [
        urlField(),
        eventsField(TYPES.filter((type) => type !== "user.imported")),
        field("Client", input("client_id", { placeholder: "all clients" })),
        field(
          "Signature",
          choice("signature", [
            ["v1", "v1: a shared secret"],
            ["v1a", "v1a: a public key"],
          ]),
        ),
      ],
      submit: "Add",
    },
    async ({ client_id, signature, ...values }) => {
      const client = client_id.trim() && { client_id: client_id.trim() };
      const added = await api.addWebhook({ ...wanted(values), ...client, signature });
      return () => goTo(added, go, "The endpoint is added.");
    },
  );
}

// One endpoint

function detail(id, secret, mayWrite, go) {
  const node = element("div", { class: "stack" });
  const deliveries = listDeliveries(id, mayWrite);
  const load = () =>
    fill(
      node,
      (signal) => api.webhook(id, signal),
      (webhook) => [
        element("p", {}, element("a", { href: "#/events" }, "All endpoints")),
        element("h2", { class: "long" }, webhook.url),
        ...(secret ? [secretPanel(secret)] : []),
        facts(webhook),
        ...(mayWrite ? [actions(webhook, load, go)] : []),
        element("h2", {}, "Deliveries"),
        ...(mayWrite ? [resending(id, deliveries)] : []),
        deliveries.node,
      ],
    );
  load();
  deliveries.reload();
  return node;
}

const secretPanel = (secret) =>
  element(
    "div",
    { class: "state", id: "secret", role: "status" },
    element("p", {}, element("strong", {}, "The endpoint verifies signatures with this text:")),
    element("code", { class: "long" }, secret),
    element("p", {}, "It is shown this once. Store it at the endpoint before you leave this view."),
  );

const facts = (webhook) =>
  element(
    "dl",
    { class: "facts" },
    [
      ["Id", element("code", {}, webhook.id)],
      ["Events", lines(webhook.events)],
      ["Client", webhook.client_id ? element("code", {}, webhook.client_id) : "all"],
      ["Added (UTC)", time(webhook.created_at)],
      ["State", state(webhook)],
    ].map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))),
  );

function actions(webhook, load, go) {
  const { id, disabled_at } = webhook;
  return element(
    "div",
    { class: "actions" },
    button("Send a test", () => test(id)),
    button("Change", () => askChange(webhook, load)),
    button("New secret", () => askRotation(id, go)),
    disabled_at
      ? button("Enable", () =>
          change(id, { disabled: false }, "The endpoint is enabled, and gets the events that wait.", load),
        )
      : button("Disable", () => askDisabled(id, load)),
    button("Delete", () => askDelete(webhook, go), { class: "danger" }),
  );
}

/** Makes a call whose failure is a message. */
async function attempt(work) {
  say("");
  try {
    await work();
  } catch (error) {
    if (!("status" in error)) console.error(error);
    say(error.message);
  }
}

const test = (id) =>
  attempt(async () => {
    const { status } = await api.testWebhook(id);
    say(
      status === null
        ? "The endpoint gave no answer to the test."
        : `The endpoint answered ${status} to the test.`,
    );
  });

const change = (id, value, message, load) =>
  attempt(async () => {
    await api.changeWebhook(id, value);
    say(message);
    await load();
  });

function askChange({ id, url, events }, load) {
  openDialog(
    { title: "Change an endpoint", children: [urlField(url), eventsField(events)], submit: "Save" },
    async (values) => {
      await api.changeWebhook(id, wanted(values));
      return () => {
        say("The endpoint is changed.");
        return load();
      };
    },
  );
}

function askRotation(id, go) {
  openDialog(
    {
      title: "Make a new secret",
      children: [element("p", {}, "The old secret signs each event too for another 24 hours.")],
      submit: "Make it",
    },
    async () => {
      const rotated = await api.rotateSecret(id);
      return () => goTo(rotated, go, "The endpoint has a new secret.");
    },
  );
}

function askDisabled(id, load) {
  openDialog(
    {
      title: "Disable an endpoint",
      children: [element("p", {}, "Its events wait until it is enabled again, for at most 30 days.")],
      submit: "Disable",
      isDangerous: true,
    },
    async () => {
      await api.changeWebhook(id, { disabled: true });
      return () => {
        say("The endpoint is disabled.");
        return load();
      };
    },
  );
}

function askDelete({ id, url }, go) {
  openDialog(
    {
      title: "Delete an endpoint",
      children: [
        element("p", {}, "The service stops sending events to ", element("strong", { class: "long" }, url), "."),
        element("p", {}, "The events that wait for it are deleted too."),
      ],
      submit: "Delete",
      isDangerous: true,
    },
    async () => {
      await api.deleteWebhook(id);
      return () => go("#/events", "The endpoint is deleted.");
    },
  );
}

// Deliveries

function listDeliveries(id, mayWrite) {
  const columns = [
    { label: "Event", cell: ({ type }) => type.replace(".", ".\u200b") },
    { label: "Subject", cell: ({ subject }) => String(subject), kind: "number" },
    { label: "Written (UTC)", cell: ({ created_at }) => time(created_at) },
    {
      label: "State",
      cell: ({ state, next_try_at }) => (state === "retrying" ? ["retrying at ", time(next_try_at)] : state),
    },
    { label: "Tries", cell: ({ tries }) => String(tries), kind: "number" },
    { label: "Last answer", cell: ({ tries, status }) => (tries ? (status ?? "none") : "–").toString() },
    { label: "Last try (UTC)", cell: ({ tried_at }) => time(tried_at) },
  ];
  if (mayWrite) {
    const cell = ({ event, type, subject }) =>
      button("Send again", () => resend(id, { event }, paging), {
        "aria-label": `Send again: ${type} of ${subject}`,
      });
    columns.push({ label: "Actions", cell, kind: "actions" });
  }
  const rows = (events) =>
    events.map(({ id: event, deliveries, ...rest }) => ({
      event,
      ...rest,
      ...deliveries.find(({ webhook_id }) => webhook_id === id),
    }));
  const paging = paged({
    load: (after, signal) => api.events({ webhook_id: id, after }, signal),
    rows: "events",
    show: (events) => table(`${count(events.length, "event")} on this page`, columns, rows(events)),
    nothing: () => "The list of deliveries is empty.",
  });
  return paging;
}

const resend = (id, which, deliveries) =>
  attempt(async () => {
    const { count: events } = await api.resend(id, which);
    say(`${count(events, "event")} will be sent again.`);
    await deliveries.reload();
  });

const resending = (id, deliveries) =>
  element(
    "div",
    { class: "actions" },
    button("Refresh", () => deliveries.restart()),
    button("Send all failed again", () => resend(id, { failed: true }, deliveries)),
    button("Send again since…", () => askSince(id, deliveries)),
  );

function askSince(id, deliveries) {
  const since = input("since", { type: "datetime-local", required: true, step: 1 });
  openDialog(
    {
      title: "Send events again",
      children: [
        field("Since (UTC)", since, "Every event since then is sent again, also those that were delivered."),
      ],
      submit: "Send again",
    },
    async (values) => {
      const at = values.since.length === 16 ? `${values.since}:00` : values.since;
      const { count: events } = await api.resend(id, { since: `${at}Z` });
      return () => {
        say(`${count(events, "event")} will be sent again.`);
        return deliveries.reload();
      };
    },
  );
}
