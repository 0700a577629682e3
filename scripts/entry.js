// Chooses the Worker's entry point. A package has two builds of the Worker, since the table for CONFUSABLES = "deny" would
// double the size of every other Worker. Where the sources are, make builds the Worker that the settings need.
"use strict";

const fs = require("node:fs");

const { own, readAll } = require("./configuration");

/** The Worker of a package that also has the table of look-alike characters. */
const CONFUSABLES = "worker/confusables.js";

/** Whether this folder has both builds. */
const hasBoth = () => fs.existsSync(CONFUSABLES);

/** The entry point for a configuration, where it is not the `main` of that configuration. */
const entry = (all = readAll()) => (own(all).vars?.CONFUSABLES === "deny" && hasBoth() ? CONFUSABLES : undefined);

module.exports = { entry, hasBoth };
