// Serves the Worker on this machine with local D1 and KV, until Ctrl-C.
"use strict";

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const { createInterface } = require("node:readline");
const { PassThrough } = require("node:stream");
const { setTimeout: sleep } = require("node:timers/promises");

const admin = require("../admin");
const { CONFIG, own, readAll } = require("../configuration");
const { entry, hasBoth } = require("../entry");
const { applyLocally } = require("../migrations");
const { isPlaced, look, markDeployed, numbering } = require("../places");
const settings = require("../settings");
const { count, databases: listed, manyDatabases } = require("../shards");
const { DATABASES, or, withStorage } = require("../storage");
const { Stop, progress, red, say } = require("../terminal");
const { call, hasSources, program } = require("../wrangler");

/**
 * The public Worker's configuration, where it is not wrangler.toml itself. It is beside wrangler.toml, because the paths
 * in it are relative to its folder.
 */
const DERIVED = ".wrangler.dev.json";

/** The configuration of wrangler.toml, with `DATABASES=…` and with the entry point that it needs. */
function configuration(databases) {
  const all = readAll(databases ? manyDatabases(count("DATABASES", databases)) : undefined);
  return { ...all, main: entry(all) ?? all.main };
}

/** Writes the configuration of the front, which finds the Workers by their names, and gives its path. */
function front(file, adminPort) {
  const { name, compatibility_date = readAll().compatibility_date } = own();
  return admin.writeConfig(file, {
    name: `${name}-front`,
    main: path.resolve("scripts/dev/front.js"),
    compatibility_date,
    services: [
      { binding: "SIGN_UP", service: name },
      { binding: "ADMIN", service: admin.ownOfAdmin().name },
      { binding: "EVENTS", service: admin.ownOfAdmin().name, entrypoint: "Deliverer" },
    ],
    vars: { ADMIN_PORT: String(adminPort) },
  });
}

/**
 * Listens on a port, or for 0 on any free one, and passes the bytes of each connection on to the front, which tells the
 * ports apart by the URL. The front's port is the member `front`, once it is known.
 */
async function listen(port) {
  const server = net.createServer((from) => {
    if (!server.front) return from.destroy();
    const to = net.connect({ host: "127.0.0.1", port: server.front });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ])
      one.pipe(other).on("error", () => one.destroy());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server.unref();
}

/**
 * Listens on two free ports in a row, so that no other program takes one of them while wrangler starts. Gives the second
 * one first, which is the admin's.
 */
async function listenOnTwo() {
  for (;;) {
    const second = await listen(0);
    try {
      return [second, await listen(second.address().port - 1)];
    } catch {
      second.close();
    }
  }
}

/** Whether a program listens on this port of this machine. */
async function isInUse(port) {
  const socket = net.connect({ host: "127.0.0.1", port });
  const connected = await Promise.race([
    once(socket, "connect").then(
      () => true,
      () => false,
    ),
    sleep(1000, false, { ref: false }),
  ]);
  socket.destroy();
  return connected;
}

/** How the operator calls this command with another value of a variable. */
const again = (variable, value) =>
  hasSources() ? `${variable}=${value} make dev` : call("dev", {}, [`--${variable.toLowerCase()}`, value]);

/** Applies the migrations to the databases of this machine, and gives each database its place. */
async function prepare(state, number) {
  const another = `another folder, as in: ${again("STATE", "/tmp/state")}`;
  say(`Applying migrations to the local D1 in ${state}`);
  await withStorage({ state, databases: number }, async ({ all }) => {
    const problem = `The migrations could not be applied: fix them, or start with a new database in ${another}`;
    for (const database of all) {
      await or(progress(`Applying migrations to ${database.binding}`, applyLocally(database)), problem);
    }
    let { SERVICE_ID: service } = own().vars ?? {};
    for (const database of all) {
      const { place } = await or(look(database), problem);
      // Without a name of the service, all databases get that of the first one.
      service ??= place.service;
      if (all.length === 1 && isPlaced(database, place, service)) continue;
      const answers = await or(
        database.d1.query(...numbering(database, service, true), "SELECT * FROM place"),
        problem,
      );
      if (isPlaced(database, answers.at(-1)[0], service)) continue;
      throw new Stop(
        `The users in ${state} are placed otherwise, for another number of databases or another CONFUSABLES: choose ${another}`,
      );
    }
    await or(markDeployed(all), problem);
  });
}

/**
 * Checks the settings again when their files change, and prints what is wrong. wrangler reads the variables again only
 * when wrangler.toml changes, so that file gets a new time when they change. `follow` then does what else a change
 * needs.
 */
function watch(follow) {
  const modified = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  const all = (files) => files.map((file) => [file, modified(file)].join()).join();
  const configurations = () => all([CONFIG, admin.CONFIG]);
  const variables = () => all(settings.variableFiles());
  let [configured, variable] = [configurations(), variables()];
  const timer = setInterval(() => {
    const [nowConfigured, nowVariable] = [configurations(), variables()];
    if (nowConfigured === configured && nowVariable === variable) return;
    if (nowVariable !== variable && modified(CONFIG) !== undefined) {
      say(".dev.vars changed");
      const now = new Date();
      fs.utimesSync(CONFIG, now, now);
    }
    [configured, variable] = [configurations(), nowVariable];
    let said;
    // A setting that is wrong does not keep wrangler from taking in the others.
    for (const step of [settings.check, follow]) {
      try {
        step();
      } catch ({ message }) {
        if (message !== said) console.log(red(message));
        said = message;
      }
    }
  }, 300);
  timer.unref();
}

/**
 * Prints wrangler's output once the server is ready. The earlier output is printed only if the server does not start.
 * `doors` are the listeners that pass connections on to it: the admin's, and the service's if wrangler has another port.
 */
async function announce(stream, follow, doors) {
  let before = "";
  let ready;
  for await (const line of createInterface({ input: stream })) {
    if (ready) {
      // wrangler puts a name before the lines of each of several Workers, which are JSON already.
      console.log(line.replace(/^\[[\w-]+\] (?=\{)/, ""));
      continue;
    }
    [, ready] = line.match(/Ready on (.*)/) ?? [];
    if (ready) {
      for (const door of doors) door.front = new URL(ready).port;
      const [ofAdmin, own = ready] = doors.map((door) => `http://127.0.0.1:${door.address().port}`);
      say(`Ready on ${own} (Ctrl-C stops)`);
      console.log(
        `curl -i ${own}/sign-up -H 'Content-Type: application/json' -d '{"username":"ada","password":"correct horse","client_id":"demo"}'`,
      );
      if (ofAdmin) {
        console.log(`The admin: ${ofAdmin} with the token ${admin.localToken()}`);
        // On Cloudflare a cron has the due events delivered.
        setInterval(() => fetch(`${ready}/cdn-cgi/handler/scheduled`).catch(() => {}), 15_000).unref();
      }
      watch(follow);
    } else {
      before += `${line}\n`;
    }
  }
  if (!ready) console.error(`${before}The server did not start: see the message above.`);
}

/** Ends wrangler and workerd, which goes on when only wrangler ends: they have a process group of their own. */
async function stop(server, announced) {
  const send = (signal) => {
    try {
      if (process.platform === "win32") server.kill(signal);
      else process.kill(-server.pid, signal);
    } catch {
      // The group has ended.
    }
  };
  send("SIGTERM");
  await Promise.race([announced, sleep(5000, undefined, { ref: false })]);
  send("SIGKILL");
}

module.exports = {
  summary: "serve the Worker on this machine, and its admin unless ADMIN=no",
  options: {
    port: {
      type: "string",
      value: "PORT",
      help: "the port, and the next one for the admin; by default 8787, and 0 takes any",
    },
    state: { type: "string", value: "DIR", help: "the folder of D1 and KV; by default .wrangler/state" },
    databases: { ...DATABASES.databases, help: "serve N databases in one generation, whatever SHARDS is" },
  },
  rest: "passed on to wrangler dev",
  settings: true,

  async run({ port = process.env.PORT, state = process.env.STATE, databases = process.env.DATABASES }, rest) {
    const withAdmin = admin.isWanted();
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65534)
      throw new Stop(`PORT is "${port}": it must be a number below 65535, as in: ${again("PORT", "9000")}`);
    const ports = withAdmin ? [Number(port), Number(port) + 1] : [Number(port)];
    for (const taken of port === "0" ? [] : ports) {
      if (!(await isInUse(taken))) continue;
      throw new Stop(
        `Port ${taken} is in use: stop the program that listens on it, or choose another port, as in: ${again("PORT", "9000")}`,
      );
    }
    const doors = withAdmin ? (port === "0" ? await listenOnTwo() : [await listen(ports[1])]) : [];
    const isDerived = databases || hasBoth();
    const ofAdmin = path.join(state, "admin/wrangler.json");
    const derive = () => {
      const all = configuration(databases);
      if (isDerived) fs.writeFileSync(DERIVED, JSON.stringify(all, null, 2));
      if (withAdmin) admin.deriveLocally(ofAdmin, all);
    };
    derive();
    const served = JSON.stringify(listed(databases));
    const follow = () => {
      derive();
      if (JSON.stringify(listed(databases)) !== served)
        say(`The databases changed: start ${call("dev")} again, which makes them`);
    };
    await prepare(state, databases);
    const { CLOUDFLARE_ENV: env, UNTIL_EOF: untilEof } = process.env;
    // The first configuration is that of the Worker which has the port.
    const configs = [
      ...(withAdmin ? [front(path.join(state, "front/wrangler.json"), doors[0].address().port)] : []),
      ...(isDerived ? [DERIVED] : withAdmin ? [CONFIG] : []),
      ...(withAdmin ? [ofAdmin] : []),
    ];
    const args = [
      ...["dev", "--env", env],
      ...configs.flatMap((config) => ["--config", config]),
      ...["--ip", "127.0.0.1", "--port", port, "--inspector-port", "0", "--persist-to", state],
      ...["--show-interactive-dev-session=false", ...rest],
    ];
    const server = spawn(process.execPath, [program(), ...args], {
      env: { ...process.env, IS_SERVING: "1", STATE: state },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const lines = new PassThrough();
    server.stdout.pipe(lines, { end: false });
    server.stderr.pipe(lines, { end: false });
    // The output ends after the last process that writes to it.
    server.on("close", () => lines.end());
    const announced = announce(lines, follow, doors);
    const interrupted = new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, resolve);
      // A server of a test must not outlive the test.
      if (untilEof) process.stdin.resume().on("end", resolve);
    });
    const code = await Promise.race([announced.then(() => 1), interrupted.then(() => 0)]);
    await stop(server, announced);
    return code;
  },
};
