// The registered clients: their names, their origins, and whether they may sign users up.

import * as api from "../api.js";
import { element } from "../dom.js";
import { button, count, empty, field, fill, input, openDialog, say, table, time } from "../parts.js";

export const title = "Clients";

export function show({ mayWrite }) {
  const node = element("div", { class: "list" });
  const reload = () => fill(node, api.clients, ({ clients }) => list(clients, mayWrite, reload));
  reload();
  const register = button("Register a client", () => askClient(null, reload), { class: "primary" });
  return element("div", { class: "stack" }, mayWrite && element("div", { class: "actions" }, register), node);
}

function list(clients, mayWrite, reload) {
  if (!clients.length)
    return empty("The list of clients is empty. Any client may sign users up, unless CLIENTS is “registered”.");
  const columns = [
    { label: "Name", cell: ({ name }) => name },
    { label: "Client id", cell: ({ id }) => element("code", {}, id) },
    {
      label: "Origins",
      cell: ({ origins }) =>
        origins.length ? origins.map((origin) => element("code", { class: "line" }, origin)) : "any",
    },
    { label: "Registered (UTC)", cell: ({ created_at }) => time(created_at) },
    {
      label: "State",
      cell: ({ disabled_at }) => (disabled_at ? ["disabled since ", time(disabled_at)] : "enabled"),
    },
  ];
  if (mayWrite) columns.push({ label: "Actions", cell: (client) => actions(client, reload), kind: "actions" });
  return table(count(clients.length, "registered client"), columns, clients);
}

const actions = (client, reload) => [
  button("Change", () => askClient(client, reload), { "aria-label": `Change ${client.name}` }),
  client.disabled_at
    ? button("Enable", () => askDisabled(client, false, reload), { "aria-label": `Enable ${client.name}` })
    : button("Disable", () => askDisabled(client, true, reload), { "aria-label": `Disable ${client.name}` }),
];

/** Asks for the name and the origins of a client, which is new if `client` is null. */
function askClient(client, reload) {
  const name = input("name", { required: true, value: client?.name });
  const origins = element(
    "textarea",
    { name: "origins", rows: 3, spellcheck: "false" },
    client?.origins.join("\n"),
  );
  openDialog(
    {
      title: client ? "Change a client" : "Register a client",
      children: [
        field("Name", name),
        field(
          "Origins",
          origins,
          "One on each line, such as https://shop.example. Without an origin, any page may use the client's id.",
        ),
      ],
      submit: client ? "Save" : "Register",
    },
    async (values) => {
      const body = { name: values.name.trim(), origins: values.origins.split(/\s+/).filter(Boolean) };
      const changed = client ? await api.changeClient(client.id, body) : await api.registerClient(body);
      return () => {
        say(
          client
            ? `${changed.name} is changed.`
            : `${changed.name} is registered. Its client id is ${changed.id}.`,
        );
        return reload();
      };
    },
  );
}

function askDisabled({ id, name }, disabled, reload) {
  openDialog(
    {
      title: disabled ? "Disable a client" : "Enable a client",
      children: [
        element(
          "p",
          {},
          element("strong", { class: "long" }, name),
          disabled
            ? " cannot sign users up until it is enabled again. Its users stay."
            : " may sign users up again.",
        ),
      ],
      submit: disabled ? "Disable" : "Enable",
      isDangerous: disabled,
    },
    async () => {
      await api.changeClient(id, { disabled });
      return () => {
        say(`${name} is ${disabled ? "disabled" : "enabled"}. The service knows it within a minute.`);
        return reload();
      };
    },
  );
}
