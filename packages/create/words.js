// Words the commands of make as those of npm, for the documents of a package.

const { NAMES, load } = require("../../scripts/edge-signup");

/** The names of options that differ from those of make's variables. */
const OTHER = { CLIENT_ID: "client", MEM_COST: "mem-cost" };

/** The variables that a command takes from the environment alone. */
const ENVIRONMENT = ["ADMIN"];

const VARIABLE = String.raw`[A-Z_]+=(?:"[^"\n]*"|'[^'\n]*'|[^\s\`"',;]+)`;
const COMMAND = new RegExp(
  String.raw`((?:${VARIABLE} +)*)\bmake ((?:${[...NAMES].sort((a, b) => b.length - a.length).join("|")})(?![\w-]))((?: +${VARIABLE})*)`,
  "g",
);

/** The words before a command of the program, and its arguments, from the variables that make takes. */
function wordsOf(command, variables) {
  const { arguments: names = [] } = load(command);
  const places = names.map((name) => name.replace("?", ""));
  const positional = [];
  const options = [];
  const before = [];
  for (const [, name, value] of variables.matchAll(/([A-Z_]+)=("[^"\n]*"|'[^'\n]*'|\S+)/g)) {
    if (places.includes(name)) positional.push(value);
    else if (ENVIRONMENT.includes(name)) before.push(`${name}=${value} `);
    else if (name === "REMOTE" || name === "DRY") options.push(`--${name.toLowerCase()}`);
    else options.push(`--${OTHER[name] ?? name.toLowerCase()} ${value}`);
  }
  return [before.join(""), [...positional, ...options]];
}

/** A text with `npm run block -- 203.0.113.7` instead of `make block IP=203.0.113.7`, and so for every command. */
const forNpm = (text) =>
  text.replace(COMMAND, (found, before, command, after, place) => {
    const [environment, args] = wordsOf(command, `${before}${after}`);
    // npm prints a heading above the output, which does not belong into a file.
    const silent = text.startsWith(" >", place + found.length) ? "--silent " : "";
    return `${environment}npm run ${silent}${command}${args.length ? ` -- ${args.join(" ")}` : ""}`;
  });

module.exports = { forNpm };
