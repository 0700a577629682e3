// The page of the admin in headless Chromium, at a phone's and a desktop's width. The tests run on any admin, which
// they fill with users of their own: ADMIN_URL, ADMIN_TOKEN and ADMIN_READ_TOKEN are its address and its tokens, and
// BROWSER is the address of a session of WebDriver. `page.rs` sets them all.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { batches } from "../../../admin/public/lines.js";
import { connect, KEYS } from "./browser.js";

const { ADMIN_URL: url, ADMIN_TOKEN: token, ADMIN_READ_TOKEN: readToken, BROWSER: session } = process.env;

const SCREENS = [
  { name: "phone", width: 360, height: 740, isTouched: true },
  { name: "desktop", width: 1280, height: 900, isTouched: false },
];
const VIEWS = ["overview", "users", "blocks", "clients", "events", "imports", "audit", "databases"];

const AXE = readFileSync("node_modules/axe-core/axe.min.js", "utf8");
const FAULTS = readFileSync("tests/worker/pages.js", "utf8");

/** The hash of a password, in a form that the service imports. */
const HASH = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

/** A name that no earlier run has used. */
const RUN = `page-${Date.now().toString(36)}`;

const page = connect(session);
const folder = mkdtempSync(join(tmpdir(), "admin-page-"));
before(() => page.devtools("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder }));
after(async () => {
  await page.devtools("Browser.setDownloadBehavior", { behavior: "default" });
  rmSync(folder, { recursive: true });
});

/** Opens the page and signs in, at each size. Afterwards the browser's own console must be empty. */
function onEachScreen(title, body, { bearer = token } = {}) {
  for (const screen of SCREENS) {
    test(`${title}, on a ${screen.name}`, async () => {
      await page.resize(screen.width, screen.height, screen.isTouched);
      await page.setScheme("light");
      await page.open("about:blank");
      await page.open(url);
      if (bearer) await signIn(bearer);
      await body(screen);
      // Chromium complains about each refusal, and the tests provoke refusals.
      const complaints = (await page.complaints()).filter((line) => !line.includes("Failed to load resource"));
      assert.deepEqual(complaints, []);
    });
  }
}

async function signIn(bearer) {
  await page.until("document.querySelector('#sign-in').open");
  await page.fill("#token", bearer);
  await page.press(KEYS.enter);
  await page.until("document.querySelector('#operator').textContent");
  await settled();
}

const settled = () => page.until("!document.querySelector('[aria-busy=true]')");

async function go(view) {
  await page.run(`location.hash = "#/${view}"`);
  await page.until(`document.querySelector('[aria-current]').hash === '#/${view.split("/")[0]}'`);
  await settled();
}

const view = () => page.text("#view");
const message = (text) =>
  page.until(`document.querySelector('#message').textContent.includes(${JSON.stringify(text)})`);
const closed = () => page.until("!document.querySelector('dialog[open]')");
/** The text of the element that has the focus. */
const focus = () => page.run("return document.activeElement.textContent");

/** From now on every call of the page gets this answer. */
const answer = (status, body, headers = {}) =>
  page.run(
    `window.real ??= fetch;
     window.fetch = async () => new Response(JSON.stringify(arguments[1]), { status: arguments[0], headers: arguments[2] })`,
    status,
    body,
    headers,
  );
const answerAsBefore = () => page.run("window.fetch = real");

/** Chooses a file of these lines. */
async function choose(name, lines) {
  writeFileSync(join(folder, name), lines.join("\n"));
  await page.choose("[type=file]", join(folder, name));
}

const user = (username, password_hash = HASH) => JSON.stringify({ client_id: RUN, username, password_hash });

/** Imports users, and fails if one of them is not stored. */
async function store(...usernames) {
  await go("imports");
  await choose(
    "users.ndjson",
    usernames.map((name) => user(name)),
  );
  await page.click("#view .primary");
  await page.until("document.querySelector('#view').innerText.includes('Checked')");
  await page.click("#view .toolbar button:nth-of-type(2)");
  await page.until("document.querySelector('#view').innerText.includes('Sent')");
  assert.match(await view(), new RegExp(`Stored\\s+${usernames.length}`));
}

test("a file is read in batches that keep its lines and their numbers", async () => {
  const long = "x".repeat(100_000);
  const lines = [
    "one",
    "",
    " \t\r",
    "two\r",
    "ü☃",
    long,
    ...Array.from({ length: 1200 }, (_, at) => `${at}`.repeat(at % 90)),
  ];
  for (const ending of ["", "\n"]) {
    const bytes = new TextEncoder().encode(lines.join("\n") + ending);
    for (const size of [3, 4096, bytes.length]) {
      const stream = new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size));
          controller.close();
        },
      });
      const found = [];
      let end = 0;
      for await (const batch of batches(stream)) {
        const texts = batch.lines.map((line) => new TextDecoder().decode(line));
        assert.ok(texts.length <= 500 && texts.join("\n").length < 300_000 && batch.end > end);
        assert.equal(texts.length, batch.numbers.length);
        found.push(...texts.map((text, at) => [batch.numbers[at], text.trimEnd()]));
        end = batch.end;
      }
      // Of a line that no service accepts, only the beginning is kept.
      const kept = (text) => (text === long ? text.slice(0, 8192) : text).trimEnd();
      const all = lines.map((text, at) => [at + 1, kept(text)]).filter(([, text]) => text);
      assert.deepEqual(found, all);
      assert.equal(end, bytes.length);
    }
  }
});

onEachScreen(
  "a token signs in and is kept in memory alone",
  async () => {
    await page.until("document.querySelector('#sign-in').open");
    // Chromium lets the key close a dialog that was not touched, and the page opens it again.
    await page.press(KEYS.escape);
    await page.until("document.querySelector('#sign-in').open");
    await page.fill("#token", "x".repeat(40));
    await page.press(KEYS.enter);
    await page.until("document.querySelector('#token-error').textContent");
    assert.match(await page.text("#token-error"), /does not accept this token/);
    assert.equal(await page.run("return document.activeElement.id"), "token");
    await page.fill("#token", `${"x".repeat(20)}–${"x".repeat(20)}`);
    await page.press(KEYS.enter);
    await page.until("document.querySelector('#token-error').textContent.includes('is not visible ASCII')");
    await signIn(token);
    assert.equal(await page.run("return document.querySelector('#sign-in').open"), false);
    for (const name of VIEWS) {
      await go(name);
      const kept =
        "[location.href, document.cookie, ...Object.values(localStorage), ...Object.values(sessionStorage)]";
      const found = await page.run(`return JSON.stringify([${kept}, document.documentElement.outerHTML])`);
      assert.ok(!found.includes(token));
      assert.equal(await page.run("return document.querySelector('#token').value"), "");
    }
    await page.click("#sign-out");
    await page.until("document.querySelector('#sign-in').open");
  },
  { bearer: null },
);

onEachScreen("a file is checked, imported, and its failures are downloaded", async ({ name }) => {
  await go("imports");
  const names = Array.from({ length: 1100 }, (_, at) => `${name}-${at}`);
  // A blank line has no answer. The lines after it keep their numbers, also in later batches.
  const lines = [user(names[0]), "", user(names[1], "plain"), ...names.slice(2).map(() => "{}")];
  lines.push("", user(`${name}-last`), "x".repeat(20_000));
  await choose(`${name}.ndjson`, lines);
  const importButton = "#view .toolbar button:nth-of-type(2)";
  assert.equal(await page.run("return document.querySelector(arguments[0]).disabled", importButton), true);
  await page.click("#view .primary");
  await page.until("document.querySelector('#view').innerText.includes('Checked 1,102 lines.')");
  assert.match(await view(), /Valid\s+2\s+Invalid\s+1,100/);
  await page.click(importButton);
  await page.until("document.querySelector('#view').innerText.includes('Sent 1,102 lines.')");
  assert.match(await view(), /Stored\s+2\s+Invalid\s+1,100/);
  assert.match(await view(), /The first 100 failures/);

  await page.click("#view a[download]");
  const file = join(folder, `${name}.failures.ndjson`);
  const read = () => {
    try {
      return readFileSync(file, "utf8").trimEnd().split("\n").map(JSON.parse);
    } catch {
      return [];
    }
  };
  for (let left = 200; left && !read().length; left -= 1) await new Promise((resolve) => setTimeout(resolve, 50));
  const failures = read();
  assert.deepEqual([failures.length, failures[0].line, failures[1].line], [1100, 3, 4]);
  assert.equal(failures[0].field, "password_hash");
  assert.equal(failures.at(-1).line, lines.length);

  // The same file again: its users are stored already, and it has nothing to import.
  await page.click("#view .primary");
  await page.until("document.querySelector('#view').innerText.includes('Checked 1,102 lines.')");
  assert.match(await view(), /Stored\s+2\s+Invalid\s+1,100/);
  assert.equal(await page.run("return document.querySelector(arguments[0]).disabled", importButton), true);
});

onEachScreen("an import goes on after a failure and can be stopped", async ({ name }) => {
  await go("imports");
  await choose("failing.ndjson", [user(`${name}-failing`)]);
  await answer(503, { description: "The database is busy.", code: "503" });
  await page.click("#view .primary");
  await page.until("document.querySelector('#view [data-state=failed]')");
  assert.match(await view(), /Lines 1 to 1 had no answer\s+The database is busy\./);
  await answerAsBefore();
  await page.click("#view [data-state=failed] button");
  await page.until("document.querySelector('#view').innerText.includes('Checked 1 line.')");
  // An answer that was cut short counts as far as it came, and only the other lines are sent again.
  await choose("cut.ndjson", [user(`${name}-cut`), "", "{}", user(`${name}-also-cut`)]);
  await page.run(`window.fetch = async () => new Response('{"line":1,"status":"valid"}\\n{"line":2,"sta')`);
  await page.click("#view .primary");
  await page.until("document.querySelector('#view [data-state=failed]')");
  assert.match(await view(), /Lines 3 to 4 had no answer\s+The service's answer was cut short\./);
  await answerAsBefore();
  await page.click("#view [data-state=failed] button");
  await page.until("document.querySelector('#view').innerText.includes('Checked 3 lines.')");
  assert.match(await view(), /Valid\s+2\s+Invalid\s+1\s/);
  assert.match(await page.text("#view tbody th"), /3/);
  await answer(503, { description: "The database is busy.", code: "503" });
  await page.click("#view .primary");
  await page.until("document.querySelector('#view [data-state=failed]')");
  await page.click("#view .toolbar button:nth-of-type(3)");
  await page.until("document.querySelector('#view').innerText.includes('Stopped after 0 lines.')");
  // The view stays while the operator looks at others.
  await answerAsBefore();
  await go("users");
  await go("imports");
  assert.match(await view(), /Stopped after 0 lines\./);
});

onEachScreen("a user is found, gets a new password, and is erased", async ({ name }) => {
  const [ada, grace] = [`${name}-ada`, `${name}-o'hara-"<b>&☃`];
  await store(ada, grace);
  await go("users");
  await page.fill("[name=text]", `${name}-o'h`);
  await page.fill("[name=client]", RUN);
  await page.press(KEYS.enter);
  await page.until("document.querySelector('tbody').rows.length === 1");
  await settled();
  assert.equal(await page.text("tbody th a"), grace);
  await page.click("tbody th a");
  await page.until("document.querySelector('#view h2')");
  assert.equal(await page.text("#view h2"), grace);
  assert.ok(!(await page.run("return location.href")).includes(name), "a name is personal");

  await page.click("#view .actions button");
  await page.fill("#dialog [name=password]", "correct horse battery staple 7");
  await page.press(KEYS.enter);
  await message("has a new password");
  await closed();
  assert.equal(await focus(), "Set a new password");

  await page.click("#view .danger");
  const isDisabled = "return document.querySelector('#dialog .danger').disabled";
  assert.equal(await page.run(isDisabled), true);
  await page.fill("#dialog [name=name]", ada);
  assert.equal(await page.run(isDisabled), true);
  await page.press(KEYS.enter);
  assert.equal(await page.run("return document.querySelector('dialog[open]') !== null"), true);
  await page.fill("#dialog [name=name]", grace);
  await page.click("#dialog .danger");
  await message("was erased");
  await settled();
  assert.equal(await focus(), "Users");
  // The search is still there, without the user.
  assert.match(await view(), /No user matches this search\./);
  await go("audit");
  assert.match(await view(), /user erased.*user password set.*users imported/s);
});

onEachScreen("a client is registered, changed, disabled and enabled", async ({ name }) => {
  const title = `${RUN} ${name}`;
  await go("clients");
  await page.click("#view .primary");
  await page.fill("#dialog [name=name]", title);
  await page.fill("#dialog [name=origins]", "no origin");
  await page.click("#dialog .primary");
  await page.until("document.querySelector('#dialog [aria-invalid]')");
  await page.fill("#dialog [name=origins]", "https://one.example\nhttps://two.example");
  await page.click("#dialog .primary");
  await message(`${title} is registered. Its client id is `);
  await closed();
  await settled();
  const button = (word) => `[aria-label="${word} ${title}"]`;
  await page.click(button("Change"));
  await page.fill("#dialog [name=origins]", "https://three.example");
  await page.click("#dialog .primary");
  await message(`${title} is changed.`);
  await closed();
  await settled();
  // The button that opened the dialog is gone, and the keyboard goes on from the list.
  assert.equal(await page.run("return document.activeElement.className"), "list");
  assert.match(await view(), /three\.example/);
  assert.doesNotMatch(await view(), /one\.example/);
  for (const [word, done] of [
    ["Disable", "disabled"],
    ["Enable", "enabled"],
  ]) {
    await page.click(button(word));
    await page.click("#dialog .actions :last-child");
    await message(`${title} is ${done}.`);
    await closed();
    await settled();
  }
});

onEachScreen("a dialog that is closed during its call tells how the call ended", async ({ name }) => {
  await go("clients");
  const pending = `window.real ??= fetch;
    window.end = null;
    window.fetch = () => new Promise((resolve) => {
      window.end = (status, body) => resolve(new Response(JSON.stringify(body), { status }));
    })`;
  for (const close of [() => page.press(KEYS.escape), () => page.click("#dialog [type=button]")]) {
    for (const [status, body, words] of [
      [503, { description: "The database is busy." }, "Register a client: The database is busy."],
      [201, { name: `${RUN} ${name}`, id: "an-id" }, `${RUN} ${name} is registered.`],
    ]) {
      await page.click("#view .primary");
      await page.fill("#dialog [name=name]", "a client");
      await page.run(pending);
      await page.click("#dialog .primary");
      await page.until("window.end");
      await close();
      await closed();
      await message("Register a client: the answer of the service will be shown here.");
      assert.equal(await focus(), "Register a client");
      await answerAsBefore();
      await page.run("end(arguments[0], arguments[1])", status, body);
      await message(words);
      await settled();
    }
  }
  // The button that opened the dialog is gone.
  await page.click("#view .primary");
  await page.run("document.querySelector('#view .primary').remove()");
  await page.press(KEYS.escape);
  await closed();
  await page.until("document.activeElement.id === 'title'");
});

onEachScreen("the overview counts what the service counts", async () => {
  const clients = (length) => Array.from({ length }, (_, at) => ({ client_id: `client-${at}`, count: 60 - at }));
  const outcomes = [{ route: "/sign-up", status: 200, count: 9 }];
  const statistics = { by: "day", users: [], accounts: [], outcomes, totals: { users: 4321, accounts: 21 } };
  for (const [length, words] of [
    [49, "49"],
    [50, "50 or more"],
  ]) {
    await go("audit");
    await answer(200, { ...statistics, clients: clients(length) });
    await go("overview");
    const tiles = await page.text("#view .tiles");
    assert.match(tiles, /signed up\s+4,321\s+Accounts created by name\s+21\s/);
    assert.match(tiles, new RegExp(`Clients with sign-ups\\s+${words}$`));
    assert.match(await view(), /Answers of all clients by route and status/);
    await answerAsBefore();
  }
});

/** A server that answers each event with the status of its path. */
function listen() {
  const got = [];
  const server = createServer((request, answer) => {
    got.push(request.headers["webhook-id"]);
    answer.writeHead(Number(request.url.slice(1))).end();
  });
  after(() => server.close());
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve({ got, port: server.address().port })),
  );
}

onEachScreen(
  "an endpoint is added, tried, changed, disabled and deleted, and gets its events again",
  async ({ name }) => {
    const { got, port } = await listen();
    const target = `http://127.0.0.1:${port}`;
    await go("events");
    await page.click("#view .primary");
    await page.fill("#dialog [name=url]", "http://shop.example/");
    await page.click("#dialog .primary");
    await page.until("document.querySelector('#dialog [name=url][aria-invalid]')");
    await page.fill("#dialog [name=url]", `${target}/204`);
    await page.fill("#dialog [name=events]", "user.imported");
    await page.fill("#dialog [name=client_id]", RUN);
    await page.click("#dialog .primary");
    await message("The endpoint is added.");
    await settled();
    const secret = await page.text("#secret code");
    assert.match(secret, /^whsec_/);
    const button = async (text) => {
      await page.run(
        "[...document.querySelectorAll('#view button')].find((b) => b.textContent === arguments[0]).click()",
        text,
      );
    };
    await button("Send a test");
    await message("The endpoint answered 204 to the test.");
    assert.equal(got.length, 1);

    await store(`${name}-told`);
    await go("events");
    assert.ok(
      !(await page.run("return document.documentElement.outerHTML")).includes(secret),
      "the secret is shown once",
    );
    assert.match(await view(), new RegExp(`127\\.0\\.0\\.1:${port}/204`));
    const open = async () => {
      await page.run(
        "[...document.querySelectorAll('tbody a')].find((a) => a.textContent.includes(arguments[0])).click()",
        `:${port}/`,
      );
      await page.until("document.querySelector('#view h2')");
      await settled();
    };
    await open();
    assert.equal(await page.run("return document.querySelector('#secret')"), null);
    const delivered = async (state) => {
      for (let left = 200; left; left -= 1) {
        await button("Refresh");
        await settled();
        if (new RegExp(state).test(await view())) return;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      assert.fail(`no event is ${state}: ${await view()}`);
    };
    // The events of an import are sent by the next cron or change.
    await button("Send all failed again");
    await message("0 events will be sent again.");
    await delivered("delivered");
    const names = "return [...document.querySelectorAll('tbody button')].map((node) => node.ariaLabel)";
    assert.match((await page.run(names)).join(), /^Send again: user\.imported of \d+$/);
    await page.click("tbody button");
    await message("1 event will be sent again.");
    await delivered("delivered");
    await button("Send again since…");
    await page.run("document.querySelector('#dialog [name=since]').value = '2026-01-01T00:00:00'");
    await page.click("#dialog .primary");
    await message("1 event will be sent again.");
    await closed();
    for (let left = 200; left && got.length < 4; left -= 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(new Set(got.slice(1)).size, 1);

    await button("Change");
    await page.fill("#dialog [name=url]", `${target}/410`);
    await page.click("#dialog .primary");
    await message("The endpoint is changed.");
    await closed();
    await settled();
    await button("Send a test");
    await message("The endpoint answered 410 to the test.");
    await button("New secret");
    await page.click("#dialog .primary");
    await message("The endpoint has a new secret.");
    await closed();
    await settled();
    assert.notEqual(await page.text("#secret code"), secret);
    await button("Disable");
    await page.click("#dialog .danger");
    await message("The endpoint is disabled.");
    await closed();
    await settled();
    assert.match(await view(), /disabled \(by an operator\) since/);
    await button("Enable");
    await message("The endpoint is enabled");
    await settled();
    await button("Delete");
    await page.click("#dialog .danger");
    await message("The endpoint is deleted.");
    await settled();
    assert.equal(await focus(), "Events");
    assert.ok(!(await view()).includes(`:${port}/`));
  },
);

onEachScreen("an address is blocked, found and removed", async ({ name }) => {
  await go("blocks");
  await page.fill("[name=key]", "no address");
  await page.press(KEYS.enter);
  await page.until("document.querySelector('[name=key][aria-invalid]')");
  const key = name === "phone" ? "198.51.100.7" : "198.51.100.9";
  await page.fill("[name=key]", key);
  await page.fill("[name=reason]", RUN);
  await page.run("document.querySelector('[name=ttl]').value = '86400'");
  await page.click("#view .primary");
  await message(`${key} is blocked.`);
  await settled();
  await page.fill("[name=prefix]", key);
  await page.press(KEYS.enter);
  await page.until("document.querySelector('tbody')?.rows.length === 1");
  await settled();
  assert.match(await page.text("tbody"), new RegExp(`${RUN}\\s+(Ends \\(UTC\\)\\s+)?20\\d\\d-`));
  await page.click("tbody button");
  await page.click("#dialog .primary");
  await message("is no longer blocked");
  await settled();
  assert.match(await view(), /No blocked address begins with/);
});

onEachScreen("a list is turned forward and back", async () => {
  await page.run(
    `window.fetch = async (path) => {
       const at = Number(new URL(path, location).searchParams.get("after") ?? 0);
       const entries = at === 1 ? [] : [{ id: at, at: "2026-11-24T10:00:00Z", actor: "a", action: "user_erased", subject: "page " + at }];
       return new Response(JSON.stringify({ blocks: [], entries, next: at < 2 ? String(at + 1) : null }));
     }`,
  );
  const [previous, next] = [1, 2].map((at) => `.pager button:nth-of-type(${at})`);
  const isDisabled = (button) => page.run("return document.querySelector(arguments[0]).disabled", button);
  await go("audit");
  assert.deepEqual([await isDisabled(previous), await isDisabled(next)], [true, false]);
  for (const [button, words] of [
    [next, "This page is empty."],
    [next, "page 2"],
    [previous, "This page is empty."],
    [previous, "page 0"],
  ]) {
    await page.click(button);
    await page.until(`document.querySelector('#view').innerText.includes('${words}')`);
    assert.equal(await page.run("return document.activeElement.className"), "list");
  }
});

onEachScreen(
  "each view says that it loads, that it is empty, that it failed, and that it is forbidden",
  async () => {
    const calling = VIEWS.filter((name) => name !== "imports");
    const nothing = {
      users: [],
      accounts: [],
      blocks: [],
      clients: [],
      webhooks: [],
      events: [],
      entries: [],
      databases: [],
      next: null,
    };
    await answer(200, { ...nothing, outcomes: null, totals: {}, to: "2026-11-24T00:00:00Z" });
    for (const name of calling) {
      await go(name);
      assert.ok(await page.text("#view .state"), `${name} should say that it is empty`);
    }
    for (const [status, headers, words] of [
      [503, { "Retry-After": "30" }, /Not available at the moment\s+A sentence\. Try again in 30 seconds\./],
      [429, { "Retry-After": "1" }, /Too many requests\s+A sentence\. Try again in 1 second\./],
      [500, { "X-Request-Id": "abc" }, /That did not work\s+A sentence\.\s+Request abc/],
      [403, {}, /You may not see this\s+A sentence\./],
    ]) {
      await answer(status, { description: "A sentence.", code: String(status) }, headers);
      for (const name of [...calling, "users/7", "events/wh_7"]) {
        await go(name);
        assert.match(await view(), words, name);
        const buttons = await page.run("return document.querySelectorAll('.state button').length");
        assert.equal(buttons > 0, status !== 403, name);
      }
    }
    for (const name of calling) {
      await answer(500, {});
      await go(name);
      await page.run("window.fetch = () => new Promise(() => {})");
      await page.click(".state button");
      assert.equal(await page.text("[aria-busy=true] .state"), "Loading…", name);
      await answerAsBefore();
    }
    await page.run("window.fetch = () => Promise.reject(new TypeError('no connection'))");
    await go("audit");
    assert.match(await view(), /No answer\s+The service could not be reached/);
    await answerAsBefore();
    await page.click(".state button");
    await page.until("document.querySelector('table')");
    // The button that had the focus is gone.
    assert.equal(await page.run("return document.activeElement.contains(document.querySelector('table'))"), true);
    assert.notEqual(await page.run("return document.activeElement.localName"), "body");
  },
);

onEachScreen("a token that the service no longer accepts is asked for again, and the call goes on", async () => {
  await page.run(
    `window.real ??= fetch; window.fetch = async () => { window.fetch = real; return new Response("{}", { status: 401 }) }`,
  );
  await page.run("location.hash = '#/databases'");
  await signIn(token);
  await page.until("document.querySelector('#view table')");
});

onEachScreen(
  "the token to read shows every view and changes nothing",
  async () => {
    assert.match(await page.text("#operator"), /to look without changing anything/);
    for (const name of VIEWS) {
      await go(name);
      const words = "Block|Remove|Register|Change|Disable|Enable|Set|Erase|Import|Check";
      const buttons = await page.run(
        "return [...document.querySelectorAll('#view button')].map((node) => node.innerText)",
      );
      assert.deepEqual(
        buttons.filter((text) => new RegExp(`^(${words})`).test(text)),
        [],
        name,
      );
    }
    await go("imports");
    assert.match(await view(), /You may not import users/);
  },
  { bearer: readToken },
);

onEachScreen("the keyboard alone reaches everything and sees where it is", async () => {
  const ring = "return parseFloat(getComputedStyle(document.activeElement).outlineWidth)";
  await go("blocks");
  assert.equal(await page.run("return document.activeElement.id"), "title");
  await page.run(
    "document.activeElement.blur(); getSelection().removeAllRanges(); document.querySelector('.skip').focus()",
  );
  await page.press(KEYS.enter);
  assert.equal(await page.run("return document.activeElement.id"), "main");
  for (const name of ["Address or range", "Reason", "Blocked", "Block", "Begins with", "Filter"]) {
    assert.equal(await page.tab(), name);
    assert.equal(await page.run(ring), 3, `${name} should show that it has the focus`);
  }
  await go("clients");
  await page.run("document.querySelector('#view .primary').focus()");
  await page.press(KEYS.enter);
  assert.equal(await page.run("return document.activeElement.name"), "name");
  for (const name of ["Origins", "Cancel", "Register"]) assert.equal(await page.tab(), name);
  await page.press(KEYS.escape);
  await closed();
  assert.equal(await page.run("return document.activeElement.textContent"), "Register a client");
});

onEachScreen(
  "each view is readable in light and dark, and axe-core finds no fault",
  async ({ name, width, isTouched }) => {
    await store(`${name}-readable`, `${name}-${"w".repeat(200)}`);
    await choose("failing.ndjson", [user(`${name}-failing`, "plain"), "{}"]);
    await page.click("#view .primary");
    await page.until("document.querySelector('#view table')");
    const check = async (what) => {
      for (const scheme of ["light", "dark"]) {
        await page.setScheme(scheme);
        const faults = await page.run(FAULTS, width, isTouched ? 44 : 24);
        assert.deepEqual(faults, [], `${what} at ${width} px, ${scheme}`);
        if (!(await page.run("return !!window.axe"))) await page.run(AXE);
        const broken = await page.runAsync(
          `const { violations } = await axe.run({ resultTypes: ["violations"] });
         return violations.map(({ id, nodes }) => [id, nodes.map(({ target, failureSummary }) => [target, failureSummary])])`,
        );
        assert.deepEqual(broken, [], `${what} at ${width} px, ${scheme}`);
      }
      // axe-core does not ask for these names.
      const nameless = [
        "table:not(:has(> caption))",
        "dialog:not([aria-labelledby])",
        "section:not([aria-label])",
      ];
      assert.equal(
        await page.run("return document.querySelectorAll(arguments[0]).length", nameless.join()),
        0,
        what,
      );
    };
    await check("imports with failures");
    for (const name of VIEWS) {
      await go(name);
      await page.run("document.querySelectorAll('details').forEach((node) => (node.open = true))");
      await check(name);
    }
    await go("users");
    await page.click("tbody th a");
    await page.until("document.querySelector('#view h2')");
    await check("a user");
    for (const button of ["#view .actions button", "#view .danger"]) {
      await page.click(button);
      await check(`the dialog of ${button}`);
      await page.press(KEYS.escape);
    }
    await answer(503, { description: "A sentence." }, { "X-Request-Id": "abc" });
    await go("databases");
    await check("a failure");
    await page.open("about:blank");
    await page.open(url);
    await page.until("document.querySelector('#sign-in').open");
    await check("the sign-in");
  },
);
