// The gallery of the sign-up element. Each element gets a `fetch` that answers in place of the service.

import { element } from "./dom.js";

const RULES = {
  version: "gallery",
  username: { max_characters: 254 },
  password: { min_characters: 8, max_bytes: 1024 },
  registered_client: false,
  proof_of_work: null,
  turnstile: null,
};

const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  pt: "Português",
  ja: "日本語",
  zh: "中文",
  ar: "العربية",
};

const json = (status, body, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
const refusal = (status, reason, headers = {}) => json(status, {}, { "X-Error-Reason": reason, ...headers });

/** The answers of the stand-in to a sign-up, by state. */
const ANSWERS = {
  taken: () => refusal(409, "username_taken"),
  busy: () => new Promise(() => {}),
  offline: () => Promise.reject(new TypeError("no connection")),
  limited: () => refusal(429, "rate_limited", { "Retry-After": "60" }),
  done: () => json(200, { user: { id: 1, username: "ada" } }),
};

/** A stand-in for the service. */
const standIn =
  (state = "done") =>
  async (address) => {
    const { pathname } = new URL(address);
    if (pathname !== "/sign-up") {
      return json(
        200,
        state === "captcha" ? { ...RULES, turnstile: { site_key: "gallery", action: null } } : RULES,
      );
    }
    return (ANSWERS[state] ?? ANSWERS.done)();
  };

// A stand-in for the widget of Turnstile, which gives no token.
globalThis.turnstile = {
  render: (node) => node.append(element("span", { class: "captcha" }, "The widget of Turnstile")),
  reset() {},
  remove() {},
};

for (const [lang, name] of Object.entries(LANGUAGES)) {
  document
    .querySelector("#specimens-of-languages")
    .append(
      element(
        "figure",
        { "data-state": "empty", lang },
        element("figcaption", {}, name),
        element("edge-sign-up", { "client-id": "gallery" }),
      ),
    );
}

// The CSS of a look is shown beside it, as this page's own style sheet has it.
const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
for (const figure of document.querySelectorAll("[class^=look-]")) {
  const css = rules
    .filter((rule) => rule.selectorText?.includes(`.${figure.className} `))
    .map((rule) =>
      rule.cssText
        .replaceAll(`.${figure.className} `, "")
        .replace(/([{;]) (?=\S)/g, "$1\n  ")
        .replace(/\s*}$/, "\n}"),
    );
  if (css.length)
    figure.append(element("details", {}, element("summary", {}, "CSS"), element("pre", {}, css.join("\n"))));
}

for (const node of document.querySelectorAll("edge-sign-up")) node.fetch = standIn(node.parentNode.dataset.state);
await import("/edge-sign-up.js");

/** Brings an element into the state of its figure, as a user would. */
for (const figure of document.querySelectorAll("[data-state]")) {
  const [node, state] = [figure.querySelector("edge-sign-up"), figure.dataset.state];
  if (state === "idle") continue;
  if (state !== "empty") {
    node.querySelector("[name=username]").value = "ada";
    node.querySelector("[name=password]").value = "correct horse";
  }
  if (state !== "captcha") node.submit();
}
