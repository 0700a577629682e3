// The widget of Cloudflare Turnstile in the forms, if the service asks for a token.

/** https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/#explicit-rendering */
const API = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

/** Shows the token fields if the service asks for a token, each with the widget that fills the field. */
export async function showCaptcha(fields) {
  const { isOn, ...widget } = await settings();
  if (!isOn) return;
  for (const field of fields) field.hidden = false;
  if (!widget.sitekey) return;
  try {
    await load();
    for (const field of fields) render(field, widget);
  } catch {
    for (const field of fields) {
      field.querySelector(".hint").textContent = "The Turnstile widget could not be loaded. Paste a token.";
    }
  }
}

/**
 * The widget's settings, from a preflight. The answer lists the header `Captcha-Token` if the service asks for a
 * token, and it carries the widget's site key and action.
 */
async function settings() {
  try {
    const { headers } = await fetch("/sign-up", { method: "OPTIONS" });
    return {
      isOn: /\bCaptcha-Token\b/.test(headers.get("Access-Control-Allow-Headers")),
      sitekey: headers.get("Captcha-Site-Key"),
      action: headers.get("Captcha-Action") ?? undefined,
    };
  } catch {
    return { isOn: false };
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
