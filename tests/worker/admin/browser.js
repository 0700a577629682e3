// The steps of a test in the headless Chromium that `tests/worker/webdriver.rs` starts, over the same protocol. `fetch`
// makes the calls: playwright-core and puppeteer-core need a port of the browser, which has only a pipe, and
// selenium-webdriver would bring four further packages.

/** The key of an element's id in the protocol. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** The longest time that a page may take, in milliseconds. It is long, because the tests share the machine. */
const PATIENCE = 60_000;

export const KEYS = { tab: "\uE004", enter: "\uE007", escape: "\uE00C" };

/** Gives the browser whose session has the address `url`. */
export function connect(url) {
  async function call(method, path, body) {
    const response = await fetch(url + path, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${path}: ${value.message}`);
    return value;
  }
  const post = (path, body = {}) => call("POST", path, body);

  const find = async (selector) => (await post("/element", { using: "css selector", value: selector }))[ELEMENT];
  const press = (value) => {
    const actions = ["keyDown", "keyUp"].map((type) => ({ type, value }));
    return post("/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  };
  const run = (script, ...args) => post("/execute/sync", { script, args });

  const browser = {
    /** Runs the body of a function in the page. */
    run,
    /** Runs the body of an asynchronous function in the page. */
    runAsync: (script, ...args) =>
      post("/execute/async", {
        script: `const done = arguments[arguments.length - 1];
          (async (...args) => { ${script} })(...arguments).then(done, (error) => done(String(error)));`,
        args,
      }),
    devtools: (cmd, params) => post("/goog/cdp/execute", { cmd, params }),
    open: (address) => post("/url", { url: address }),
    press,
    /** Clicks as a hand would: a hidden or covered element cannot be clicked. */
    click: async (selector) => post(`/element/${await find(selector)}/click`),
    /** Empties a field and types into it. */
    async fill(selector, text) {
      const id = await find(selector);
      await post(`/element/${id}/clear`);
      await post(`/element/${id}/value`, { text });
    },
    /** Chooses a file in a field for files. */
    choose: async (selector, path) => post(`/element/${await find(selector)}/value`, { text: path }),
    text: (selector) => run("return document.querySelector(arguments[0])?.innerText ?? null", selector),
    /** Waits until an expression is true in the page. */
    async until(expression) {
      for (const end = Date.now() + PATIENCE; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
        if (await run(`return !!(${expression})`)) return;
        if (Date.now() > end) throw new Error(`this should become true: ${expression}`);
      }
    },
    /** Presses Tab, and gives the name that a screen reader has for the focused element. */
    async tab() {
      await press(KEYS.tab);
      const active = await call("GET", "/element/active");
      return call("GET", `/element/${active[ELEMENT]}/computedlabel`);
    },
    /** The lines of the browser's own console since the last call. */
    complaints: async () => (await post("/se/log", { type: "browser" })).map(({ message }) => message),
    screenshot: async () => Buffer.from(await call("GET", "/screenshot"), "base64"),
    resize: (width, height, mobile) =>
      browser.devtools("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile }),
    /** Sets light or dark, and no motion. */
    setScheme: (scheme) =>
      browser.devtools("Emulation.setEmulatedMedia", {
        features: [
          { name: "prefers-color-scheme", value: scheme },
          { name: "prefers-reduced-motion", value: "reduce" },
        ],
      }),
  };
  return browser;
}
