// Chooses the Worker's entry point.
"use strict";

const fs = require("node:fs");

const { own } = require("./configuration");

/** The Worker of a package that also has the table of look-alike characters. */
const CONFUSABLES = "worker/confusables.js";

/**
 * The arguments that tell wrangler the entry point, where it is not the `main` of wrangler.toml. A package has two
 * builds of the Worker, since the table for CONFUSABLES = "deny" would double the size of every other Worker. Where the
 * sources are, make builds the Worker that the settings need.
 */
const entry = () => (own().vars?.CONFUSABLES === "deny" && fs.existsSync(CONFUSABLES) ? [CONFUSABLES] : []);

module.exports = { entry };
