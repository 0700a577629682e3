// The widget of Cloudflare Turnstile in the forms, if the service asks for a token.

import { createClient } from "./client.js";

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
  // The element loads the script of Turnstile and shows its widget; the console needs the same.
  const { showCaptcha: showWidget } = await import("./edge-sign-up.js");
  for (const field of fields) render(field, { sitekey, ...(action && { action }) }, showWidget);
}

function render(field, options, showWidget) {
  const [input, hint] = ["input", ".hint"].map((selector) => field.querySelector(selector));
  const words = hint.textContent;
  const widget = showWidget(field.querySelector("[data-widget]"), options, () => {
    hint.textContent = widget.hasFailed ? "The Turnstile widget could not be loaded. Paste a token." : words;
    if (widget.hasFailed) return;
    input.value = widget.token;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // A refused token cannot be used again, so the widget makes a new one. If it could not be loaded, it is loaded again.
  input.addEventListener("invalid", () => widget.start());
}
