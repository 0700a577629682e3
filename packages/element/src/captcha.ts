/** The script of Turnstile: https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/ */
const API = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

interface Turnstile {
  render(node: HTMLElement, options: Record<string, unknown>): string;
  reset(widget: string): void;
  remove(widget: string): void;
}

/** The widget of Turnstile in the page. */
export interface Captcha {
  token: string;
  hasFailed: boolean;
  /** Shows the widget, or a new challenge in it. A token is good for one sign-up. */
  start(): Promise<void>;
  /** Takes the widget away for good. It calls `onChange` no more. */
  end(): void;
}

let loading: Promise<Turnstile> | undefined;

/** Loads the script once for all elements of the page. After a failure, the next call tries again. */
function load(): Promise<Turnstile> {
  loading ??= new Promise<Turnstile>((resolve, reject) => {
    const done = () => resolve((globalThis as unknown as { turnstile: Turnstile }).turnstile);
    if ("turnstile" in globalThis) return done();
    const script = document.createElement("script");
    script.src = API;
    script.onload = done;
    script.onerror = () => {
      loading = undefined;
      reject(script);
    };
    document.head.append(script);
  });
  return loading;
}

/** Shows a widget in `node`. It calls `onChange` when it has a new token, or has lost its token. */
export function showCaptcha(node: HTMLElement, options: Record<string, unknown>, onChange: () => void): Captcha {
  let turnstile: Turnstile | undefined;
  let widget: string;
  let isOver = false;
  const change = (token: string, hasFailed = false) => {
    if (isOver) return;
    Object.assign(captcha, { token, hasFailed });
    onChange();
  };
  const captcha: Captcha = {
    token: "",
    hasFailed: false,
    async start() {
      captcha.token = "";
      try {
        if (turnstile) return turnstile.reset(widget);
        const loaded = await load();
        // Another call may have shown the widget meanwhile.
        if (isOver || turnstile) return;
        widget = loaded.render(node, {
          ...options,
          size: "flexible",
          callback: (token: string) => change(token),
          "expired-callback": () => change(""),
          "error-callback": () => change("", true),
        });
        turnstile = loaded;
      } catch {
        change("", true);
      }
    },
    end() {
      isOver = true;
      turnstile?.remove(widget);
    },
  };
  captcha.start();
  return captcha;
}
