// The parts that the views are made of: states, tables, pages, fields and dialogs.

import { element } from "./dom.js";

/** Says `text` to screen readers only. */
export const announce = (text) => (document.querySelector("#announcement").textContent = text);

/** Shows `text` above the view, until the next view or message. */
export const say = (text) => (document.querySelector("#message").textContent = text);

export function button(text, onClick, attributes = {}) {
  const node = element("button", { type: "button", ...attributes }, text);
  node.addEventListener("click", onClick);
  return node;
}

/** A time as `2026-11-24 10:00:00`, or a dash. The page shows every time in UTC. */
export const time = (text) =>
  text ? element("time", { datetime: text }, text.replace("T", " ").replace(/(\.\d+)?Z$/, "")) : "–";

const format = new Intl.NumberFormat("en");
export const number = (value) => (typeof value === "number" ? format.format(value) : "–");

/** `1 user`, `2 users`. */
export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A size such as `1.5 MB`. */
export function bytes(value) {
  if (typeof value !== "number") return "–";
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  const at = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3));
  return `${(value / 1000 ** at).toLocaleString("en", { maximumFractionDigits: at && 1 })} ${units[at]}`;
}

// States

export const empty = (...words) => element("p", { class: "state" }, ...words);

/** The headings of failed calls by their status; 0 is an answer that was lost. */
const HEADINGS = {
  0: "No answer",
  403: "You may not see this",
  404: "Not found",
  429: "Too many requests",
  503: "Not available at the moment",
};

/** The state of a failed call, with a button that repeats it. A call that is not allowed cannot be repeated. */
function failed(error, retry) {
  const isForbidden = error.status === 403;
  return element(
    "div",
    { class: "state", "data-state": isForbidden ? "forbidden" : "failed", role: "alert" },
    element("p", {}, element("strong", {}, HEADINGS[error.status] ?? "That did not work")),
    element("p", {}, reasonOf(error)),
    error.requestId && element("p", { class: "hint" }, "Request ", element("code", {}, error.requestId)),
    !isForbidden && button("Try again", retry),
  );
}

/** The sentence about a failed call. */
export function reasonOf(error) {
  const wait = /^\d+$/.test(error.retryAfter ?? "")
    ? ` Try again in ${count(Number(error.retryAfter), "second")}.`
    : "";
  return `${error.message}${wait}`;
}

/** The load of each node that `fill` fills. A newer one stops it. */
const loads = new WeakMap();

/**
 * Fills `node` with the nodes that `show` makes of the value that `load` gives. Until then it shows that it loads;
 * if the call fails, it shows why.
 */
export async function fill(node, load, show) {
  loads.get(node)?.abort();
  const stop = new AbortController();
  loads.set(node, stop);
  node.tabIndex = -1;
  node.setAttribute("aria-busy", "true");
  // The old content stays while new content is loaded.
  if (!node.childElementCount || node.querySelector(".state")) {
    replace(node, [element("p", { class: "state", "data-state": "loading" }, "Loading…")]);
  }
  let content;
  try {
    content = show(await load(stop.signal));
  } catch (error) {
    if (stop.signal.aborted) return;
    if (!("status" in error)) console.error(error);
    content = [failed(error, () => fill(node, load, show))];
  }
  if (stop.signal.aborted) return;
  replace(node, [content].flat());
  node.setAttribute("aria-busy", "false");
  announce(node.querySelector("caption, .state:not([role])")?.textContent ?? "");
}

/** Replaces the content of `node`. If a button in it was pressed and is gone, the keyboard goes on from `node`. */
function replace(node, children) {
  const hadFocus = node.contains(document.activeElement);
  node.replaceChildren(...children);
  if (hadFocus) node.focus();
}

// Tables

/**
 * A table. A column has a `label`, a `cell` that makes the content from a row, and a `kind`: `number`, `wide` or
 * `actions`. On a phone each row is a block, and the roles keep it a table for screen readers.
 */
export function table(caption, columns, rows) {
  const heads = columns.map(({ label, kind }) =>
    element("th", { scope: "col", role: "columnheader", "data-kind": kind }, label),
  );
  const cells = (row) =>
    columns.map(({ label, cell, kind }, at) =>
      element(
        at ? "td" : "th",
        {
          ...(at ? { role: "cell" } : { scope: "row", role: "rowheader" }),
          "data-label": label,
          "data-kind": kind,
        },
        element("div", {}, cell(row)),
      ),
    );
  return element(
    "table",
    { role: "table" },
    element("caption", {}, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, heads)),
    element(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) => element("tr", { role: "row" }, cells(row))),
    ),
  );
}

/**
 * A list in pages. `load` takes the place where a page begins; its answer has the rows as `rows`, and as `next` the
 * place of the next page. `show` makes the nodes of the rows, and `nothing` is the text for a list without rows.
 * Gives the node, and the functions that load the current page and the first one.
 */
export function paged({ load, rows, show, nothing }) {
  const node = element("div", { class: "list" });
  /** The places of the pages up to the current one. */
  let places = [null];
  const turn = (to) => {
    places = to;
    return reload();
  };
  const content = (answer) => {
    if (answer[rows].length) return show(answer[rows]);
    return empty(answer.next ? "This page is empty. The list goes on with the next page." : nothing());
  };
  const reload = () =>
    fill(
      node,
      (signal) => load(places.at(-1), signal),
      (answer) => [content(answer), pager(answer.next)].flat(),
    );
  function pager(next) {
    if (places.length === 1 && !next) return [];
    const [isFirst, isLast] = [places.length === 1, !next];
    return element(
      "nav",
      { class: "pager", "aria-label": "Pages" },
      button("Previous", () => turn(places.slice(0, -1)), { disabled: isFirst }),
      element("span", {}, `Page ${places.length}`),
      button("Next", () => turn([...places, next]), { disabled: isLast }),
    );
  }
  return { node, reload, restart: () => turn([null]) };
}

// Forms

let fields = 0;

/** A field with its label, its hint and a place for its error; `input` is any control with a name. */
export function field(label, input, hint) {
  const id = `field-${++fields}`;
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-error${hint ? ` ${id}-hint` : ""}`);
  return element(
    "div",
    { class: "field" },
    element("label", { for: id }, label),
    input,
    element("p", { class: "error", id: `${id}-error`, role: "alert", hidden: true }),
    hint && element("p", { class: "hint", id: `${id}-hint` }, hint),
  );
}

export const input = (name, attributes = {}) =>
  element("input", { name, autocomplete: "off", autocapitalize: "none", spellcheck: "false", ...attributes });

/** A choice; `options` are pairs of a value and its text. */
export const choice = (name, options) =>
  element(
    "select",
    { name },
    options.map(([value, text]) => element("option", { value }, text)),
  );

/** Shows `text` as the error of `control`, or hides the error if there is no text. */
export function setError(control, text) {
  const error = document.getElementById(`${control.id}-error`);
  if (!error) return;
  error.hidden = !text;
  error.textContent = text ?? "";
  if (text && control.name) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/**
 * A form. `onSubmit` gets its values by their names. If it fails, the error stands at the field that the error names,
 * or else at the first one; while it runs, the form sends nothing more.
 */
export function form(attributes, children, onSubmit) {
  const node = element("form", { novalidate: true, autocomplete: "off", ...attributes }, ...children);
  handle(node, onSubmit);
  return node;
}

/** Handles a form as `form` says. */
export function handle(node, onSubmit) {
  let isBusy = false;
  const controls = () => [...node.elements].filter(({ name }) => name);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy) return;
    for (const control of controls()) setError(control, null);
    const missing = controls().find((control) => control.required && !control.value);
    if (missing) {
      setError(missing, "Fill in this field.");
      missing.focus();
      return;
    }
    setError(node, null);
    say("");
    isBusy = true;
    node.setAttribute("aria-busy", "true");
    try {
      await onSubmit(Object.fromEntries(controls().map(({ name, value }) => [name, value])));
    } catch (error) {
      if (!("status" in error)) console.error(error);
      const control = controls().find(({ name }) => name === error.field) ?? controls()[0];
      setError(control ?? node, reasonOf(error));
      control?.focus();
    } finally {
      isBusy = false;
      node.removeAttribute("aria-busy");
    }
  });
  node.addEventListener("input", ({ target }) => target.hasAttribute("aria-invalid") && setError(target, null));
}

/**
 * Opens a dialog with a form. `onSubmit` gets its values; the dialog closes when it has succeeded. It may give a
 * function, which is called after that, and may change the view. Escape and Cancel close the dialog, but do not end a
 * call that is under way: its result is then a message of the page. The focus returns to the button that opened the
 * dialog, or goes to the title if that button is gone.
 */
export function openDialog({ title, children, submit, isDangerous }, onSubmit) {
  const id = "dialog-title";
  const action = element("button", { class: isDangerous ? "danger" : "primary" }, submit);
  const dialog = element("dialog", { "aria-labelledby": id });
  let isBusy = false;
  dialog.append(
    form(
      { id: "dialog" },
      [
        element("h2", { id }, title),
        ...children,
        // The error of a form without fields.
        element("p", { class: "error", id: "dialog-error", role: "alert", hidden: true }),
        element(
          "div",
          { class: "actions" },
          button("Cancel", () => dialog.close()),
          action,
        ),
      ],
      async (values) => {
        let goOn;
        isBusy = true;
        try {
          goOn = await onSubmit(values);
        } catch (error) {
          if (dialog.open) throw error;
          if (!("status" in error)) console.error(error);
          say(`${title}: ${reasonOf(error)}`);
          return;
        } finally {
          isBusy = false;
        }
        dialog.close();
        await goOn?.();
      },
    ),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (isBusy) say(`${title}: the answer of the service will be shown here.`);
    if (document.activeElement === document.body) document.querySelector("#title").focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, action };
}
