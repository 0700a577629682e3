// A request from a form's fields, and the request as text. Pure functions: no page, no network.

/** What stands for the password where it must not be seen; it does not tell the length. */
const MASK = "••••••••";

/** The request of each form; a header or a token whose field is empty is not sent. */
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

/**
 * A text as a header's value: as it is, or in the extended form of RFC 8187, because `fetch` sends
 * no character beyond U+00FF and not as UTF-8. So is a text that looks like the extended form.
 */
export function headerValue(text) {
  return /^[!-~]*$/.test(text) && !/^utf-8'/i.test(text) ? text : `UTF-8''${percentEncoded(text)}`;
}

// `encodeURIComponent` leaves four characters as they are that RFC 8187 does not.
const percentEncoded = (text) =>
  encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The same request with a proof of work, if there is one. */
export const proved = (request, solution) =>
  solution ? { ...request, headers: [...request.headers, ["Proof-Of-Work", solution]] } : request;

/** The same request with its password out of sight. */
export function masked(request) {
  if (!request.body) return request;
  return { ...request, body: JSON.stringify({ ...JSON.parse(request.body), password: MASK }) };
}

/** A request in three ways of writing; all but the first can be run. */
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

/** A word of a POSIX shell that stands for `text`, whatever is in it. */
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Whether two requests are the same to the last character. */
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** A fresh `Idempotency-Key`; unlike `crypto.randomUUID` also where the page came over plain HTTP. */
export const freshKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
