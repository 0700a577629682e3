// The page of the admin: it signs the operator in, and shows the view that the URL's hash names.

import { hasToken, onSignIn, session, useToken } from "./api.js";
import { element } from "./dom.js";
import { fill, handle, say } from "./parts.js";
import * as audit from "./views/audit.js";
import * as blocks from "./views/blocks.js";
import * as clients from "./views/clients.js";
import * as databases from "./views/databases.js";
import * as events from "./views/events.js";
import * as imports from "./views/imports.js";
import * as overview from "./views/overview.js";
import * as users from "./views/users.js";

/**
 * The views by their names in the hash, such as `#/users/7`. A view has a `title`, and `show` makes its node: it gets
 * `mayWrite`, the function `go`, and the part of the hash behind the name, which is never secret or personal.
 */
const VIEWS = { overview, users, blocks, clients, events, imports, audit, databases };

const find = (selector) => document.querySelector(selector);
const [title, view, dialog] = ["#title", "#view", "#sign-in"].map(find);

/** The answer of the service to who the operator is. */
let operator = null;

const links = Object.entries(VIEWS).map(([name, { title }]) => element("a", { href: `#/${name}` }, title));
find("#views").append(...links);

/** The node of the view that the hash names; the title and the links follow it. */
function current() {
  const [, name, part] = location.hash.split("/");
  const known = Object.hasOwn(VIEWS, name) ? name : "overview";
  title.textContent = VIEWS[known].title;
  document.title = `${VIEWS[known].title} · edge-signup admin`;
  for (const link of links) {
    if (link.hash === `#/${known}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  return VIEWS[known].show({ mayWrite: operator.write, go, part });
}

function turn(message) {
  say(message);
  view.replaceChildren(current());
  title.focus();
}

/** Goes to a view, and shows a message there. */
function go(hash, message) {
  history.pushState(null, "", hash);
  turn(message);
}

function greet(session) {
  operator = session;
  const rights = operator.write ? "" : ", to look without changing anything";
  find("#operator").textContent = `Signed in as ${operator.actor}${rights}. Version ${operator.version}.`;
  find("#sign-out").hidden = !hasToken();
}

/** Is called when the service has accepted a token. */
let accepted = null;

onSignIn(() => {
  dialog.showModal();
  return new Promise((resolve) => (accepted = resolve));
});

handle(dialog.querySelector("form"), async ({ token }) => {
  try {
    greet(await useToken(token.trim()));
  } catch (error) {
    if (error.status === 401) error.message = "The service does not accept this token.";
    throw error;
  }
  dialog.querySelector("form").reset();
  accepted();
  accepted = null;
  dialog.close();
});

// Escape does not help without a token.
dialog.addEventListener("cancel", (event) => event.preventDefault());
dialog.addEventListener("close", () => accepted && dialog.showModal());

find("#sign-out").addEventListener("click", () => location.reload());
find(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  find("#main").focus();
});
addEventListener("hashchange", () => operator && turn(""));

fill(view, session, (session) => {
  greet(session);
  return current();
});
