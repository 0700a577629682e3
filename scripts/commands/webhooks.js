"use strict";

const { admin } = require("../admin-client");

/** The state of an endpoint, in one word and a time. */
const state = ({ disabled_at: disabled, disabled_because: because, failing_since: failing }) => {
  if (disabled) return `disabled (${because}) since ${disabled}`;
  return failing ? `failing since ${failing}` : "enabled";
};

module.exports = {
  summary: "list the servers that are told of events",
  options: {
    admin: {
      type: "string",
      value: "URL",
      help: "the admin Worker; by default that of the service on this machine",
    },
  },

  async run({ admin: address }) {
    const { webhooks } = await admin(address, "ADMIN_URL").read("/webhooks");
    if (!webhooks.length) console.error("No server is told of events");
    for (const webhook of webhooks) {
      const { id, url, events, client_id: client } = webhook;
      console.log([id, url, events.join(" "), client ?? "all clients", state(webhook)].join("\t"));
    }
  },
};
