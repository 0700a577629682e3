// The users: search, one user's details, a new password, and erasure.

import * as api from "../api.js";
import { element } from "../dom.js";
import { button, choice, count, field, fill, form, input, openDialog, paged, say, table, time } from "../parts.js";

export const title = "Users";

/** The search that was last made. It stays, with its page, while the operator looks at one user. */
let search = null;

export function show({ part, mayWrite, go }) {
  if (/^[0-9]+$/.test(part ?? "")) return detail(part, mayWrite, go);
  search ??= makeSearch();
  search.reload();
  return search.node;
}

const columns = [
  { label: "Name", cell: ({ id, username }) => element("a", { href: `#/users/${id}` }, username), kind: "wide" },
  { label: "Client", cell: ({ client_id }) => element("code", {}, client_id) },
  { label: "Signed up (UTC)", cell: ({ created_at }) => time(created_at) },
  { label: "Password hash", cell: ({ hash }) => element("code", {}, hash) },
  { label: "Id", cell: ({ id }) => String(id), kind: "number" },
];

function makeSearch() {
  let query = {};
  const list = paged({
    load: (after, signal) => api.users({ ...query, after }, signal),
    rows: "users",
    show: (users) => table(`${count(users.length, "user")} on this page`, columns, users),
    nothing: () => "No user matches this search.",
  });
  const filter = form(
    { class: "toolbar", role: "search", "aria-label": "Search of users" },
    [
      field("Name", input("text")),
      field(
        "Match",
        choice("match", [
          ["prefix", "the beginning of the name"],
          ["username", "the whole name"],
        ]),
      ),
      field("Client", input("client", { placeholder: "all clients" })),
      element("button", { class: "primary" }, "Search"),
    ],
    ({ match, text, client }) => {
      query = { [match]: text.trim(), client_id: client.trim() };
      return list.restart();
    },
  );
  return { node: element("div", { class: "stack" }, filter, list.node), reload: list.reload };
}

function detail(id, mayWrite, go) {
  const node = element("div", { class: "stack" });
  fill(
    node,
    (signal) => api.user(id, signal),
    (user) =>
      [
        element("p", {}, element("a", { href: "#/users" }, "All users")),
        element("h2", { class: "long" }, user.username),
        element(
          "dl",
          { class: "facts" },
          [
            ["Id", String(user.id)],
            ["Client", element("code", {}, user.client_id)],
            ["Signed up (UTC)", time(user.created_at)],
            ["Password hash", element("code", {}, user.hash)],
          ].map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))),
        ),
        mayWrite &&
          element(
            "div",
            { class: "actions" },
            button("Set a new password", () => askPassword(user)),
            button("Erase this user", () => askErase(user, go), { class: "danger" }),
          ),
      ].filter(Boolean),
  );
  return node;
}

function askPassword({ id, username }) {
  const password = input("password", { type: "password", required: true });
  const isShown = input("", { type: "checkbox" });
  isShown.addEventListener("change", () => (password.type = isShown.checked ? "text" : "password"));
  openDialog(
    {
      title: "Set a new password",
      children: [
        element(
          "p",
          {},
          "The password of ",
          element("strong", { class: "long" }, username),
          " is replaced at once.",
        ),
        field("New password", password),
        element("label", { class: "check" }, isShown, "Show the password"),
      ],
      submit: "Set password",
    },
    async (values) => {
      await api.setPassword(id, values.password);
      return () => say(`${username} has a new password.`);
    },
  );
}

function askErase({ id, username }, go) {
  const typed = input("name", { required: true });
  const isSame = () => typed.value.normalize() === username.normalize();
  const { action } = openDialog(
    {
      title: "Erase this user",
      children: [
        element(
          "p",
          {},
          "The user and the password hash are deleted for good. The name is then free for anybody.",
        ),
        field("Name of the user", typed, ["Type ", element("strong", { class: "long" }, username), " to go on."]),
      ],
      submit: "Erase for good",
      isDangerous: true,
    },
    async () => {
      if (!isSame()) throw Object.assign(new Error("This is another name."), { status: 0 });
      await api.eraseUser(id);
      return () => go("#/users", `${username} was erased.`);
    },
  );
  action.disabled = true;
  typed.addEventListener("input", () => (action.disabled = !isSame()));
}
