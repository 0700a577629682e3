// Deploys the built Worker, and checks that it answers as it should.
"use strict";

const fs = require("node:fs");

const { requireIds } = require("./provision");
const verify = require("./verify");
const { entry } = require("../entry");
const { Stop, say } = require("../terminal");
const { call, wrangler } = require("../wrangler");

const OUTPUT = ".wrangler/deploy.json";

/** wrangler must be signed in. */
async function requireLogin() {
  const { succeeded } = await wrangler(["whoami", "--json"], { capture: "all", text: "Looking who is signed in" });
  if (succeeded) return;
  throw new Stop(
    `wrangler is not signed in: run npx wrangler login or set CLOUDFLARE_API_TOKEN; then run ${call("deploy")} again`,
  );
}

/**
 * The migrations come before the code that needs them. wrangler exits with success even if a statement fails inside a
 * successful answer, so this function then checks that all migrations are applied.
 */
async function migrate(env) {
  say(`Applying migrations to the remote database${env && ` of ${env}`}`);
  const problem =
    "Nothing was deployed, because not all migrations are applied: fix the problem that wrangler reports";
  const applied = await wrangler(["d1", "migrations", "apply", "DB", "--remote"]);
  if (!applied.succeeded) throw new Stop(problem);
  const left = await wrangler(["d1", "migrations", "list", "DB", "--remote"], { capture: true });
  if (!left.succeeded || !left.output.includes("No migrations to apply"))
    throw new Stop(`${left.output}\n${problem}`);
}

/** The first address that wrangler names. */
function deployedTo() {
  // The file has one JSON object on each line. A target is a host, a host with a remark in brackets, or something else,
  // such as a cron.
  const lines = fs.readFileSync(OUTPUT, "utf8").trim().split("\n").map(JSON.parse);
  const targets = lines.find(({ type }) => type === "deploy")?.targets ?? [];
  const host = targets.map((target) => target.match(/^([\w.-]+)(?: \(|$)/)?.[1]).find(Boolean);
  return host && `https://${host}`;
}

module.exports = {
  summary: "migrate the remote database, deploy the Worker, and verify it",
  arguments: ["URL?"],
  options: {
    dry: { type: "boolean", help: "only show the upload and its size; needs no account" },
    check: { type: "boolean", help: "only check that everything is ready for a deployment" },
    checked: { type: "boolean", help: "do not check again whether wrangler is signed in" },
    wait: { type: "string", value: "SECONDS", help: "the time until the first answer must come; by default 120" },
  },
  settings: true,

  async run({ URL: given, dry, check, checked, wait = process.env.WAIT || "120" }) {
    const env = process.env.CLOUDFLARE_ENV;
    if (dry) return (await wrangler(["deploy", ...entry(), "--dry-run"])).succeeded ? 0 : 1;
    requireIds();
    if (!checked) await requireLogin();
    if (check) return 0;

    await migrate(env);
    say(`Deploying${env && ` to ${env}`}`);
    fs.mkdirSync(".wrangler", { recursive: true });
    fs.rmSync(OUTPUT, { force: true });
    process.env.WRANGLER_OUTPUT_FILE_PATH = OUTPUT;
    const deployed = await wrangler(["deploy", ...entry()]);
    if (!deployed.succeeded) throw new Stop("Nothing was deployed: fix the problem that wrangler reports");

    const url = given || deployedTo();
    if (!url) {
      const example = "https://…";
      const advice = call("verify", { URL: example }, [example]);
      throw new Stop(`Deployed, but wrangler named no address to check: run ${advice}`);
    }
    say(`Deployed to ${url}`);
    console.log(
      `curl -i ${url}/sign-up -H 'Content-Type: application/json' -d '{"username":"ada","password":"correct horse","client_id":"demo"}'`,
    );
    // A new address needs some time before it answers.
    if ((await verify.run({ URL: url, wait })) === 0) return 0;
    throw new Stop(
      `Deployed, but it does not answer as it should: npx wrangler rollback${env && ` --env ${env}`} returns to the previous version`,
    );
  },
};
