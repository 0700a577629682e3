// Builds a request from a form's fields, and writes it as text. These are pure functions, which need neither the
// page nor the network.

import { headerValue } from "./client.js";

/** Replaces a password that must not be seen. It always has the same length, which does not tell the password's. */
const MASK = "••••••••";

/** The request of each form. A header or a token whose field is empty is left out. */
export const build = {
  signUp: ({ username, password, client_id, captcha_token, ...headers }) => ({
    method: "POST",
    path: "/sign-up",
    headers: [["Content-Type", "application/json"], ...sent(headers)],
    body: JSON.stringify({ username, password, client_id, ...(captcha_token && { captcha_token }) }),
  }),
  createAccount: (headers) => ({ method: "POST", path: "/users/", headers: sent(headers), body: "" }),
};

const sent = (fields) =>
  Object.entries(fields)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => [name, headerValue(value)]);

/** The same request with a proof of work, if there is one. */
export const proved = (request, solution) =>
  solution ? { ...request, headers: [...request.headers, ["Proof-Of-Work", solution]] } : request;

/** The same request with its password masked. */
export function masked(request) {
  if (!request.body) return request;
  return { ...request, body: JSON.stringify({ ...JSON.parse(request.body), password: MASK }) };
}

/** A request as text in three formats. The formats `curl` and `fetch` can be run. */
export const write = {
  http: ({ method, path, headers, body }) =>
    [
      `${method} ${path}`,
      ...headers.map(([name, value]) => `${name}: ${value}`),
      ...(body ? ["", body] : []),
    ].join("\n"),

  curl: ({ method, path, headers, body }, origin) =>
    [
      `curl -i -X ${method} ${quoted(origin + path)}`,
      ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
      ...(body ? [`--data-raw ${quoted(body)}`] : []),
    ].join(" \\\n  "),

  fetch: ({ method, path, headers, body }, origin) =>
    [
      `const answer = await fetch(${JSON.stringify(origin + path)}, {`,
      `  method: ${JSON.stringify(method)},`,
      "  headers: {",
      ...headers.map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`),
      "  },",
      ...(body ? [`  body: JSON.stringify(${body}),`] : []),
      "});",
      "console.log(answer.status, await answer.json());",
    ].join("\n"),
};

/** Any `text`, quoted as one word of a POSIX shell. */
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Whether two requests are equal, character by character. */
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
