// The widget of Cloudflare Turnstile in the forms, if the service asks for a token.

import { createClient } from "./client.js";

/** https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/#explicit-rendering */
const API = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

// An operator who has changed a setting sees the change at once, without the minute for which a browser may keep the
// rules.
const client = createClient({ fetch: (url, init) => fetch(url, { ...init, cache: "no-store" }) });

/** Shows the token fields if the service asks for a token, each with the widget that fills the field. */
export async function showCaptcha(fields) {
  const { rules } = await client.rules();
  if (!rules?.turnstile) return;
  for (const field of fields) field.hidden = false;
  const { site_key: sitekey, action } = rules.turnstile;
  if (!sitekey) return;
  try {
    await load();
    for (const field of fields) render(field, { sitekey, action: action ?? undefined });
  } catch {
    for (const field of fields) {
      field.querySelector(".hint").textContent = "The Turnstile widget could not be loaded. Paste a token.";
    }
  }
}

async function load() {
  if (globalThis.turnstile) return;
  await new Promise((onload, onerror) => {
    document.head.append(Object.assign(document.createElement("script"), { src: API, onload, onerror }));
  });
}

function render(field, options) {
  const input = field.querySelector("input");
  const fill = (token) => {
    input.value = token;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const widget = globalThis.turnstile.render(field.querySelector("[data-widget]"), {
    ...options,
    size: "flexible",
    callback: fill,
    "expired-callback": () => fill(""),
  });
  // A refused token cannot be used again, so the widget makes a new one.
  input.addEventListener("invalid", () => globalThis.turnstile.reset(widget));
}
