// Deploys the built Worker, and checks that it answers as it should.
"use strict";

const fs = require("node:fs");

const { requireIds } = require("./provision");
const verify = require("./verify");
const admin = require("../admin");
const { entry } = require("../entry");
const { applyRemotely } = require("../migrations");
const { lastGeneration, markDeployed, nextStep, requirePlaces } = require("../places");
const { or, withStorage } = require("../storage");
const { Stop, say } = require("../terminal");
const { call, wrangler } = require("../wrangler");

const OUTPUT = ".wrangler/deploy.json";

/** The whole configuration of the admin. */
const ADMIN = ".wrangler/admin.json";

/** The argument that tells wrangler the entry point, if it needs one. */
const script = () => [entry()].filter(Boolean);

/** wrangler must be signed in. */
async function requireLogin() {
  const { succeeded } = await wrangler(["whoami", "--json"], { capture: "all", text: "Looking who is signed in" });
  if (succeeded) return;
  throw new Stop(
    `wrangler is not signed in: run npx wrangler login or set CLOUDFLARE_API_TOKEN; then run ${call("deploy")} again`,
  );
}

/** The entry that wrangler writes after a deployment. The file has one JSON object on each line. */
function deployment() {
  if (!fs.existsSync(OUTPUT)) return undefined;
  const lines = fs.readFileSync(OUTPUT, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line)).find(({ type }) => type === "deploy");
}

/** The first address that wrangler names. */
function deployedTo() {
  // A target is a host, a host with a remark in brackets, or something else, such as a cron.
  const targets = deployment()?.targets ?? [];
  const host = targets.map((target) => target.match(/^([\w.-]+)(?: \(|$)/)?.[1]).find(Boolean);
  return host && `https://${host}`;
}

/** Deploys the admin Worker, unless ADMIN=no. */
async function deployAdmin(env, ...args) {
  if (!admin.isWanted()) return true;
  say(`Deploying the admin${env && ` to ${env}`}`);
  const { succeeded } = await wrangler(["deploy", "--config", admin.derive(ADMIN), ...args]);
  return succeeded;
}

/** Deploys the Worker with all its databases. */
async function deploy(all, { env, given, wait }) {
  const several = all.length > 1;
  say(`Applying migrations to the remote database${several ? "s" : ""}${env && ` of ${env}`}`);
  const states = await applyRemotely(
    all,
    "Nothing was deployed, because not all migrations are applied: fix the problem that wrangler reports",
  );
  requirePlaces(all, states, "nothing was deployed");

  say(`Deploying${env && ` to ${env}`}`);
  fs.mkdirSync(".wrangler", { recursive: true });
  fs.rmSync(OUTPUT, { force: true });
  process.env.WRANGLER_OUTPUT_FILE_PATH = OUTPUT;
  const deployed = await wrangler(["deploy", ...script()]);
  if (!deployed.succeeded) {
    // wrangler uploads a Worker before it sets its routes and crons, so a failure may come after the upload.
    const outcome = deployment()
      ? "The Worker is deployed, but wrangler failed then"
      : "The Worker may be deployed";
    throw new Stop(`${outcome}: fix the problem that wrangler reports, and run ${call("deploy")} again`);
  }
  const isNew = lastGeneration(all).some(({ number }) => states[number].place.deployed_at === null);
  if (isNew) {
    await or(
      markDeployed(all),
      `Deployed, but the last generation of databases could not be noted as deployed: run ${call("deploy")} again`,
    );
    for (const { number } of lastGeneration(all)) states[number].place.deployed_at ??= 0;
  }

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
  if (!(await deployAdmin(env))) {
    throw new Stop(
      `The service is deployed, but not its admin: fix the problem that wrangler reports, or use ADMIN=no`,
    );
  }
  // A new address needs some time before it answers.
  if ((await verify.run({ URL: url, wait })) === 0) {
    // A service with one database is not asked to grow.
    if (several) console.log(nextStep(all, states));
    return 0;
  }
  throw new Stop(
    `Deployed, but it does not answer as it should: npx wrangler rollback${env && ` --env ${env}`} returns to the previous version`,
  );
}

module.exports = {
  summary: "migrate the remote database, deploy the Worker and its admin unless ADMIN=no, and verify it",
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
    verify.seconds(wait);
    if (dry) {
      const { succeeded } = await wrangler(["deploy", ...script(), "--dry-run"]);
      return succeeded && (await deployAdmin(env, "--dry-run")) ? 0 : 1;
    }
    requireIds();
    if (!checked) await requireLogin();
    if (check) return 0;

    return withStorage({ remote: true }, ({ all }) => deploy(all, { env, given, wait }));
  },
};
