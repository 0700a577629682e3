"use strict";

module.exports = {
  summary: "check wrangler.toml and .dev.vars, as the other commands do first",
  settings: true,
  run() {},
};
