import { type Client, createClient, freshKey, type Rules, type User } from "@edge-signup/client";

import { type Captcha, showCaptcha } from "./captcha.js";
import { h, set } from "./dom.js";
import { languageOf, textsOf } from "./language.js";
import style from "style-sheet";
import english, { type Texts } from "./texts/en.js";
import { filled, textOf } from "./words.js";

/** For the console of the service. */
export { showCaptcha };

/** The nodes that the element adds to the page have this attribute. */
const MARK = "data-edge-sign-up";

/** The longest time in milliseconds that the form stays hidden without the rules of the service. */
const PATIENCE = 1000;

type Field = "username" | "password";
type Place = Field | "captcha" | "form";
/** A word, and the client's reason. */
type Fault = [word: string, reason: string, message?: string];
type Faults = Partial<Record<Place, Fault>>;
type State = "idle" | "busy" | "done";

const FIELDS: Field[] = ["username", "password"];
const OTHERS = ["fields", "terms"].map((name) => `[slot=${name}], [slot=${name}] *`).join();
const PLACES: Place[] = [...FIELDS, "captcha", "form"];

let sheet: CSSStyleSheet | undefined;
let count = 0;

/** A sign-up form: docs/element.md describes it. */
export class EdgeSignUp extends HTMLElement {
  static observedAttributes = ["client-id", "email", "lang", "texts", "timeout", "url"];

  /** Replaces `fetch` for the requests of the element. A page may set it before the element is defined. */
  declare fetch?: typeof fetch;

  readonly #id = `edge-sign-up-${++count}`;
  readonly #states = this.attachInternals().states;
  /** The nodes that the element made for its slots. */
  readonly #made = new Map<string, HTMLElement>();
  /** The parts of the shadow tree. */
  readonly #parts: Record<string, HTMLElement> = {};
  readonly #form = h("form", { id: this.#id, slot: "form", [MARK]: "" });

  /** The client; `null` if the attributes of the element are not valid. */
  #client: Client | null | undefined;
  #language = "en";
  #texts: Texts = english;
  #own: Record<string, string> = {};
  #rules: Rules | undefined;
  #captcha: Captcha | undefined;

  #state: State = "idle";
  #faults: Faults = {};
  #progress = 0;
  #retryAfter: number | undefined;
  #user: User | undefined;
  #isShown = false;
  /** The values of the last attempt and their `Idempotency-Key`, until an answer about these values. */
  #attempt: { values: string; key: string } | undefined;
  /** Whether the sign-up goes on as soon as the captcha gives its token. */
  #waitsForToken = false;
  #abort: AbortController | undefined;

  constructor() {
    super();
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(style);
    }
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(...this.#build());
    root.addEventListener("slotchange", () => this.#arrange());
    this.#form.noValidate = true;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(true);
    });
    this.addEventListener("focusin", () => this.#prepare());
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => this.#changed(event));
  }

  connectedCallback(): void {
    // A copy of the page, such as a cache's, has nodes that another element made.
    for (const node of this.querySelectorAll(`:scope > [${MARK}]`)) node.remove();
    this.append(this.#form);
    // A page may have set this property before the element was defined.
    if (Object.hasOwn(this, "texts")) {
      const { texts } = this;
      Reflect.deleteProperty(this, "texts");
      this.texts = texts;
    }
    this.#arrange();
    this.#start();
  }

  disconnectedCallback(): void {
    this.#endCaptcha();
    // A node that a framework moves is connected again at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#abort?.abort();
    });
  }

  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    if (name === "texts") this.texts = JSON.parse(value || "{}");
    if (["client-id", "timeout", "url"].includes(name)) {
      if (this.#client === null) delete this.#faults.form;
      this.#client = undefined;
      this.#rules = undefined;
    }
    if (!this.isConnected) return;
    if (name === "email") this.#arrange();
    this.#start();
  }

  /** Texts that replace those of the language, by their keys or by the words of `X-Error-Reason`. */
  get texts(): Record<string, string> {
    return this.#own;
  }

  set texts(texts: Record<string, string>) {
    this.#own = texts ?? {};
    this.#render();
  }

  /** The address of the service. */
  get url(): string {
    return this.getAttribute("url") || new URL(import.meta.url).origin;
  }

  /** Sends the form, as its button does, and leaves the focus where it is. */
  submit(): void {
    this.#submit(false);
  }

  /** Empties the form, with the page's further fields, and shows it again. Does nothing while a sign-up is under way. */
  reset(): void {
    if (this.#state === "busy") return;
    this.#form.reset();
    for (const field of FIELDS) this.#control(field).value = "";
    this.#attempt = undefined;
    this.#faults = {};
    this.#waitsForToken = false;
    this.#state = "idle";
    this.#captcha?.start();
    this.#arrange();
  }

  /** Builds the shadow tree. Its labels, inputs and errors are slots, because password managers search the page. */
  #build(): Node[] {
    // The last of the names of a part is its own.
    const part = (names: string, children: Node[] = [], tag: keyof HTMLElementTagNameMap = "div", more = {}) => {
      const node = h(tag, { class: names, part: names, ...more }, ...children);
      this.#parts[names.replace(/.* /, "")] = node;
      return node;
    };
    const slot = (name: string, ...children: Node[]) => h("slot", { name }, ...children);
    const field = (name: Field, ...after: Node[]) => [
      part(`label ${name}-label`, [slot(`${name}-label`)]),
      part(`input ${name}-input`, [part("value", [slot(name)]), ...after]),
      part(`error ${name}-error`, [slot(`${name}-error`)]),
    ];
    const button = (names: string) => part(names, [], "button", { type: "button" });
    const show = button("show");
    show.addEventListener("click", () => {
      const input = this.#control("password");
      input.type = input.type === "password" ? "text" : "password";
      this.#render();
    });
    const submit = slot("submit", button("submit"));
    // A button of the page that belongs to a form would send that form.
    submit.addEventListener("click", (event) => {
      event.preventDefault();
      this.#form.requestSubmit();
    });
    return [
      part("form", [
        slot("heading"),
        part("field username", field("username")),
        part("field password", [...field("password", show), part("hint", [slot("password-hint")])]),
        slot("fields"),
        part("field captcha", [slot("captcha"), part("error captcha-error")]),
        slot("terms"),
        part("error message form-error"),
        submit,
        part("progress", [], "progress", { max: "1" }),
        slot("footer"),
        part("unseen", [slot("form")]),
      ]),
      part("success", [slot("success", part("title", [], "p"), part("text", [], "p"))], "div", { tabindex: "-1" }),
      part("unseen alert", [], "div", { role: "alert" }),
      part("unseen status", [], "div", { role: "status" }),
    ];
  }

  /** The node in a slot: the page's own, or else one that the element makes. */
  #node(name: string, make: () => HTMLElement): HTMLElement {
    const own = this.#ownNode(name);
    let made = this.#made.get(name);
    if (own) made?.remove();
    else if (!made) {
      made = make();
      set(made, { slot: name, [MARK]: "" });
      this.#made.set(name, made);
    }
    const node = own ?? (made as HTMLElement);
    node.id ||= `${this.#id}-${name}`;
    if (node.parentNode !== this) this.append(node);
    return node;
  }

  /** The control in a slot: the slotted node, if it has a value, or an input within it. */
  #control(name: Field): HTMLInputElement {
    const node = this.#node(name, () => h("input", { type: name })) as HTMLInputElement;
    return "value" in node ? node : ((node as HTMLElement).querySelector("input") ?? node);
  }

  /** Fills the slots that the page does not fill, and connects labels, inputs, hints and errors. */
  #arrange(): void {
    if (!this.isConnected || this.#state === "done") return;
    const isEmail = this.hasAttribute("email");
    for (const field of FIELDS) {
      const label = `${field}-label`;
      const control = this.#control(field);
      const isOwn = !control.hasAttribute(MARK);
      const isInput = control instanceof HTMLInputElement;
      control.id ||= `${this.#id}-${field}-input`;
      const attributes = {
        name: field,
        form: this.#id,
        autocapitalize: "none",
        spellcheck: "false",
        required: "",
        ...(field === "username"
          ? { type: isEmail ? "email" : "text", autocomplete: isEmail ? "email" : field }
          : { type: isOwn ? field : control.type, autocomplete: "new-password" }),
      };
      for (const [name, value] of Object.entries(attributes)) {
        if (isInput && !(isOwn && control.hasAttribute(name))) set(control, { [name]: value });
      }
      // An own control has a label already if the page names it, or if it is a component.
      const isNamed =
        isOwn &&
        (!isInput ||
          control.hasAttribute("aria-label") ||
          [...(control.labels ?? [])].some((other) => !other.hasAttribute(MARK)));
      if (isNamed && !this.#ownNode(label)) this.#made.get(label)?.remove();
      else {
        const node = this.#node(label, () => h("label"));
        if (!(node instanceof HTMLLabelElement)) set(control, { "aria-labelledby": node.id });
        else if (!node.control) node.htmlFor = control.id;
      }
      const described = [`${field}-error`, ...(field === "password" ? ["password-hint"] : [])];
      const ids = [
        ...described.map((name) => this.#node(name, () => h("span")).id),
        ...(control.getAttribute("aria-describedby") ?? "").split(" "),
      ];
      set(control, { "aria-describedby": [...new Set(ids)].join(" ").trim() });
      this.#parts[`${field}-input`]?.classList.toggle("own", isOwn);
    }
    // Enter in a field presses the first button of its form, which must not be hidden in Safari.
    this.#node("form", () => h("button", { form: this.#id, tabindex: "-1", "aria-hidden": "true" }));
    // The page's further fields, such as a box to accept its terms, belong to the same form.
    for (const control of this.querySelectorAll<HTMLInputElement>(OTHERS)) {
      if ("form" in control && !control.form && "name" in control) set(control, { form: this.#id });
    }
    if (!this.#captcha) this.#showCaptcha();
    this.#render();
  }

  /** Shows the widget of Turnstile, if the service asks for its token. */
  #showCaptcha(): void {
    const { site_key, action } = this.#rules?.turnstile ?? {};
    if (!site_key) return;
    this.#captcha = showCaptcha(
      this.#node("captcha", () => h("div", { tabindex: "-1" })),
      {
        sitekey: site_key,
        ...(action && { action }),
        language: languageOf(this),
        theme:
          getComputedStyle(this.#parts.captcha as HTMLElement).outlineColor === "rgb(0, 0, 0)" ? "dark" : "light",
      },
      () => this.#hearCaptcha(),
    );
  }

  /** Takes the widget away. A widget whose node leaves the page works no more, so the form then shows another one. */
  #endCaptcha(): void {
    this.#captcha?.end();
    this.#captcha = undefined;
    this.#made.get("captcha")?.remove();
    this.#made.delete("captcha");
  }

  /** The page's own node in a slot. */
  #ownNode(name: string): HTMLElement | undefined {
    const own = [...this.children].find((child) => child.slot === name && !child.hasAttribute(MARK));
    return own as HTMLElement | undefined;
  }

  /** The client. With invalid attributes, the form says that it does not work, and the console says why. */
  #getClient(): Client | null {
    if (this.#client === undefined) {
      try {
        this.#client = createClient({
          url: this.url,
          clientId: this.getAttribute("client-id") ?? "",
          timeout: Number(this.getAttribute("timeout")) || undefined,
          fetch: this.fetch,
        });
      } catch (error) {
        console.error(error);
        this.#client = null;
      }
    }
    if (!this.#client) this.#faults.form = ["refused", "refused"];
    return this.#client;
  }

  /**
   * Gets the texts and the rules. The form appears in one go when both are there, so it never changes its language. It
   * does not wait long for the rules.
   */
  async #start(): Promise<void> {
    const language = languageOf(this);
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    const texts = textsOf(language, this.url).then((texts) => {
      if (language !== languageOf(this)) return;
      this.#language = language;
      this.#texts = texts;
      this.#render();
    });
    await Promise.all([texts, Promise.race([late, this.#getRules()])]);
    this.#isShown = true;
    this.#render();
  }

  async #getRules(): Promise<void> {
    if (this.#rules) return;
    const client = this.#getClient();
    const answer = await client?.rules();
    if (!answer?.ok || client !== this.#client) return;
    this.#rules = answer.rules;
    this.#arrange();
  }

  #hearCaptcha(): void {
    const captcha = this.#captcha as Captcha;
    if (captcha.token) delete this.#faults.captcha;
    if (captcha.hasFailed) this.#faults.captcha = ["captcha_unavailable", ""];
    this.#render();
    if (captcha.token && this.#waitsForToken) this.#submit(true);
  }

  /** The proof of work begins when the user does. */
  #prepare(): void {
    if (this.#state === "idle") this.#getClient()?.prepare();
  }

  #changed(event: Event): void {
    const field = FIELDS.find((field) => event.composedPath().includes(this.#control(field)));
    if (!field) return;
    this.#prepare();
    this.#waitsForToken = false;
    if (!this.#faults[field]) return;
    delete this.#faults[field];
    this.#render();
  }

  /** The faults that are seen without the service, which has the same rules. */
  #check(username: string, password: string): Faults {
    const faults: Faults = {};
    const { username: name, password: secret } = this.#rules ?? {};
    const find = (field: Field, checks: Record<string, boolean | undefined>) => {
      const word = Object.keys(checks).find((word) => checks[word]);
      if (word) faults[field] = [word, "invalid"];
    };
    find("username", {
      username_missing: !username,
      username_invalid: this.hasAttribute("email") && this.#control("username").validity?.typeMismatch,
      username_length: name && length(username) > name.max_characters,
    });
    find("password", {
      password_missing: !password,
      password_too_short: secret && length(password) < secret.min_characters,
      password_too_long: secret && new TextEncoder().encode(password).length > secret.max_bytes,
    });
    return faults;
  }

  /** Signs the user up. A user who sent the form has the focus moved to the field at fault or to the result. */
  async #submit(movesFocus: boolean): Promise<void> {
    if (this.#state !== "idle") return;
    // The page may have changed what is in the slots.
    this.#arrange();
    // A name cannot have spaces, but keyboards and managers add one at its end.
    const username = String(this.#control("username").value ?? "").trim();
    const password = String(this.#control("password").value ?? "");

    this.#faults = this.#check(username, password);
    const client = this.#getClient();
    const other = [...this.#form.elements].find(
      (control) => !this.#isField(control) && !(control as HTMLInputElement).checkValidity?.(),
    ) as HTMLInputElement | undefined;
    if (!Object.keys(this.#faults).length && other) {
      this.#render();
      other.reportValidity();
      return;
    }
    if (this.#captcha && !this.#captcha.token && !Object.keys(this.#faults).length) {
      this.#waitsForToken = true;
      this.#faults.captcha = [
        this.#captcha.hasFailed ? "captcha_unavailable" : "captcha_token_missing",
        "refused",
      ];
      if (this.#captcha.hasFailed) this.#captcha.start();
    }
    const [place] = PLACES.filter((place) => this.#faults[place]);
    if (place || !client) {
      const [detail, reason] = this.#faults[place ?? "form"] as Fault;
      const field = place === "form" ? undefined : place === "captcha" ? "captchaToken" : place;
      return this.#fail({ ok: false, reason, detail, ...(field && { field }) }, movesFocus);
    }
    this.#waitsForToken = false;

    const fields = new FormData(this.#form);
    for (const field of FIELDS) fields.delete(this.#control(field).name);
    if (!this.#dispatch("before-sign-up", { username, fields }, true)) return this.#render();

    const values = JSON.stringify([username, password]);
    if (this.#attempt?.values !== values) this.#attempt = { values, key: freshKey() };
    this.#abort = new AbortController();
    this.#state = "busy";
    this.#progress = 0;
    this.#render();
    const call = client.signUp(
      {
        username,
        password,
        ...(this.#captcha?.token && { captchaToken: this.#captcha.token }),
        code: this.getAttribute("code") ?? undefined,
      },
      {
        signal: this.#abort.signal,
        idempotencyKey: this.#attempt.key,
        onProgress: (progress) => {
          this.#progress = progress;
          this.#render();
        },
      },
    );
    // The call is rejected if the element has left the page.
    const result = await call.catch(() => undefined);
    this.#progress = 0;
    this.#state = "idle";
    if (!result) return this.#render();
    if (result.ok) {
      this.#attempt = undefined;
      this.#user = result.user;
      this.#state = "done";
      this.#endCaptcha();
      this.#render();
      // The browser offers to save the password when the inputs go.
      for (const node of this.#made.values()) node.remove();
      if (movesFocus) (this.#parts.success as HTMLElement).focus();
      this.#dispatch("sign-up", { user: result.user, fields });
      return;
    }
    // Any other refusal says nothing about an earlier try, whose answer may have been lost.
    if (result.reason === "taken" || result.reason === "invalid") this.#attempt = undefined;
    // The service takes a token again only with the same key.
    if (!this.#attempt || result.field === "captchaToken") this.#captcha?.start();
    this.#retryAfter = result.retryAfter;
    const of = FIELDS.find((field) => field === result.field) ?? (result.reason === "taken" && "username");
    this.#faults[of || (result.field === "captchaToken" && this.#captcha ? "captcha" : "form")] = [
      result.detail,
      result.reason,
      result.message,
    ];
    this.#fail(result, movesFocus);
  }

  #isField(control: Element): boolean {
    return FIELDS.some((field) => this.#control(field) === control);
  }

  /** Shows and announces the faults, and moves the focus to the first field at fault. */
  #fail(result: object, movesFocus: boolean): void {
    this.#render();
    const errors = PLACES.map((place) => this.#faults[place]).filter((fault) => fault !== undefined);
    (this.#parts.alert as HTMLElement).replaceChildren(errors.map((fault) => this.#say(...fault)).join(" "));
    const field = FIELDS.find((field) => this.#faults[field]);
    const node = field ? this.#control(field) : this.#faults.captcha && this.#made.get("captcha");
    if (movesFocus) node?.focus();
    this.#dispatch("sign-up-error", result);
  }

  #dispatch(type: string, detail: object, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, cancelable, detail }));
  }

  /** A text of the page or of the language; or the `message` of the operator's hook, which is for the user. */
  #say(word: string, reason = "", message = ""): string {
    if (/_denied$/.test(word) && message && !this.#own[word]) return message;
    return filled(textOf(word, reason, this.#texts, this.#own, this.hasAttribute("email")), {
      min: this.#rules?.password.min_characters,
      max: this.#rules?.username.max_characters,
      username: this.#user?.username,
      when: new Intl.RelativeTimeFormat(this.#language).format(this.#retryAfter ?? 60, "second"),
    });
  }

  /** Writes the state into the tree. */
  #render(): void {
    const parts = this.#parts as Record<string, HTMLElement>;
    const write = (node: HTMLElement | undefined, text: string) => {
      if (node && node.textContent !== text) node.textContent = text;
    };
    if (!this.isConnected) return;
    const isBusy = this.#state === "busy";
    const isDone = this.#state === "done";
    parts.form.hidden = isDone;
    parts.success.hidden = !isDone;
    for (const node of [parts.form, parts.success]) {
      node.lang = this.#language;
      node.dir = this.dir || (this.#language === "ar" ? "rtl" : "ltr");
    }
    for (const node of this.#made.values()) node.lang = this.#language;
    parts.form.classList.toggle("wait", !this.#isShown);
    for (const state of ["busy", "done"]) this.#states[this.#state === state ? "add" : "delete"](state);

    write(parts.status, isBusy ? this.#say("busy") : "");
    if (isBusy) write(parts.alert, "");
    write(this.#made.get("form"), this.#say("submit"));
    write(
      parts.submit,
      this.#say(isBusy ? "busy" : this.#faults.form?.[1] === "unavailable" ? "again" : "submit"),
    );
    parts.submit.classList.toggle("busy", isBusy);
    for (const button of [parts.submit, this.#ownNode("submit")]) {
      if (button) set(button, { "aria-disabled": isBusy && "true" });
    }
    set(parts.progress, { value: String(this.#progress), "aria-label": this.#say("progress") });
    parts.progress.hidden = !this.#progress;
    if (isDone) {
      write(parts.title, this.#say("success"));
      write(parts.text, this.#say("success_text"));
      return;
    }

    for (const place of PLACES) {
      const fault = this.#faults[place];
      parts[`${place}-error`].hidden = !fault;
      write(
        this.#ownNode(`${place}-error`) ?? this.#made.get(`${place}-error`) ?? parts[`${place}-error`],
        fault ? this.#say(...fault) : "",
      );
    }
    parts.captcha.hidden = !this.#captcha && !this.#faults.captcha;
    for (const field of FIELDS) {
      write(this.#made.get(`${field}-label`), this.#say(field));
      const isBad = !!this.#faults[field];
      parts[`${field}-input`].classList.toggle("bad", isBad);
      set(this.#control(field), { "aria-invalid": isBad && "true" });
    }

    const min = this.#rules?.password.min_characters ?? 1;
    write(this.#made.get("password-hint"), min > 1 ? this.#say("password_rule") : "");
    parts.hint.hidden = min <= 1 && !this.#ownNode("password-hint") && !!this.#rules;
    const input = this.#control("password");
    const isInput = input instanceof HTMLInputElement;
    parts.show.hidden = !isInput;
    if (!isInput) return;
    if (!input.hasAttribute("passwordrules"))
      set(input, min > 1 ? { passwordrules: `minlength: ${min};`, minlength: String(min) } : {});
    const verb = input.type === "password" ? "show" : "hide";
    write(parts.show, this.#say(verb));
    set(parts.show, { "aria-label": this.#say(`${verb}_password`) });
  }
}

/** The number of characters, as the service counts them. */
const length = (text: string): number => [...text.normalize("NFC")].length;

if (!customElements.get("edge-sign-up")) customElements.define("edge-sign-up", EdgeSignUp);
