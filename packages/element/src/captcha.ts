/** The script of Turnstile: https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/ */
const API = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

interface Turnstile {
  render(node: HTMLElement, options: Record<string, unknown>): string;
  reset(widget: string): void;
  remove(widget: string): void;
}

let loading: Promise<Turnstile> | undefined;

/** Loads the script once for all elements of the page. After a failure, the next call tries again. */
function load(): Promise<Turnstile> {
  loading ??= new Promise<Turnstile>((resolve, reject) => {
    const known = () => (globalThis as unknown as { turnstile?: Turnstile }).turnstile;
    const there = known();
    if (there) return resolve(there);
    const script = document.createElement("script");
    script.src = API;
    script.onload = () => resolve(known() as Turnstile);
    script.onerror = () => {
      loading = undefined;
      reject(script);
    };
    document.head.append(script);
  });
  return loading;
}

/** The widget of Turnstile. It calls `onChange` when it has a new token, or has lost its token. */
export class Captcha {
  token = "";
  hasFailed = false;
  #turnstile?: Turnstile;
  #widget = "";
  readonly #node: HTMLElement;
  readonly #options: Record<string, unknown>;
  readonly #onChange: () => void;

  constructor(node: HTMLElement, options: Record<string, unknown>, onChange: () => void) {
    this.#node = node;
    this.#options = options;
    this.#onChange = onChange;
    this.start();
  }

  /** Shows the widget, or a new challenge in it. A token is good for one sign-up. */
  async start(): Promise<void> {
    this.token = "";
    if (this.#turnstile) return this.#turnstile.reset(this.#widget);
    try {
      const turnstile = await load();
      this.#widget = turnstile.render(this.#node, {
        ...this.#options,
        size: "flexible",
        callback: (token: string) => this.#change(token),
        "expired-callback": () => this.#change(""),
        "error-callback": () => this.#change("", true),
      });
      this.#turnstile = turnstile;
    } catch {
      this.#change("", true);
    }
  }

  #change(token: string, hasFailed = false): void {
    this.token = token;
    this.hasFailed = hasFailed;
    this.#onChange();
  }
}
