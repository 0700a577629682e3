"use strict";

const { admin } = require("../admin-client");
const { Stop } = require("../terminal");

/** The types of events that an endpoint gets, as one text. */
const words = (text) => text.split(/[\s,]+/).filter(Boolean);

module.exports = {
  summary: "tell a server of events",
  arguments: ["URL"],
  options: {
    events: {
      type: "string",
      value: "EVENTS",
      help: "the types of events, separated by spaces; by default all but user.imported",
    },
    client: { type: "string", value: "CLIENT_ID", help: "only the events of this client; by default of all" },
    signature: {
      type: "string",
      value: "v1a",
      help: "v1, by a shared secret, or v1a, by a key pair; by default v1",
    },
    admin: {
      type: "string",
      value: "URL",
      help: "the admin Worker; by default that of the service on this machine",
    },
  },

  async run({ URL: url, events, client, signature, admin: address }) {
    const body = { url, client_id: client, signature, ...(events && { events: words(events) }) };
    const { id, secret } = await admin(address, "ADMIN_URL").change("POST", "/webhooks", body);
    if (!secret) throw new Stop("The admin Worker gave no secret: is it up to date?");
    console.log(`${id}\t${secret}`);
    console.error("The second text verifies the signatures. It is shown this once: give it to the server now.");
  },
};
