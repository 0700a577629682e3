// The requests of the bench, a client to send them, and the check that the peers answer alike.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { BLOCKED } from "./targets.js";

const agent = new Agent({ keepAlive: true });

/** Sends a request to a port of this machine and gives the answer. */
export function send(port, { method = "POST", path, headers, body }) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const outgoing = request({
      agent,
      host: "127.0.0.1",
      port,
      method,
      path,
      headers: { ...length, ...headers },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: incoming.statusCode, headers: incoming.headers, body });
      });
    });
    outgoing.end(body);
  });
}

/**
 * Sends a request and gives the answer. It fails unless the answer has the request's `status`, so errors are never
 * measured.
 */
export async function expect(port, request) {
  const answer = await send(port, request);
  const { status, body } = answer;
  assert.equal(status, request.status, `${request.path} answered ${status}: ${body}`);
  return answer;
}

let serial = 0;
const unique = (prefix) => `${prefix}${(serial++).toString(36)}`;
const FROM = { "CF-Connecting-IP": "198.51.100.1" };
const JSON_FROM = { ...FROM, "Content-Type": "application/json" };
const PASSWORD = "correct horse battery staple";

function signUp(username, more) {
  const body = JSON.stringify({ username, password: PASSWORD, client_id: "bench" });
  return { path: "/sign-up", headers: JSON_FROM, body, status: 200, ...more };
}

const users = (name, more) => ({
  path: "/users/",
  headers: { ...FROM, Username: name },
  status: 201,
  ...more,
});

/** A request to `/users/` for a random name, of hexadecimal digits. */
export const anywhere = () => users(randomBytes(16).toString("hex"));

/** The kinds of requests. Each call makes a new request. */
const CONTRACT = {
  "sign-up": () => signUp(unique("user")),
  taken: () => signUp("taken", { status: 409 }),
  users: () => users(unique("account")),
  blocked: () => signUp("anybody", { headers: { ...JSON_FROM, "CF-Connecting-IP": BLOCKED }, status: 403 }),
  invalid: () => signUp("a name with spaces", { status: 400 }),
  /** Signs up the name that `taken` uses. */
  first: () => signUp("taken"),
};

function email(name, more) {
  const body = JSON.stringify({ name, email: `${name}@example.com`, password: PASSWORD });
  // Each sign-up has an address of its own, because better-auth limits the sign-ups of an address.
  const headers = { "Content-Type": "application/json", "X-Forwarded-For": address(serial++) };
  return { path: "/api/auth/sign-up/email", headers, body, status: 200, ...more };
}

const address = (n) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;

const BETTER_AUTH = {
  "sign-up": () => email(unique("user")),
  taken: () => email("taken", { status: 422 }),
  first: () => email("taken"),
};

/** The requests that a target knows. */
export const requestsOf = ({ name }) => (name === "better-auth" ? BETTER_AUTH : CONTRACT);

/** Fails unless all servers give the same answers, headers included, and log one line for each request. */
export async function checkAgreement(servers) {
  const body = (text, more) => signUp("", { body: text, ...more });
  const requests = [
    signUp("username"),
    signUp("USERNAME"),
    signUp("Zoe\u0308"),
    signUp("ＺＯË"),
    signUp("☃", { headers: { ...JSON_FROM, "Idempotency-Key": "key" } }),
    signUp("☃", { headers: { ...JSON_FROM, "Idempotency-Key": "key" } }),
    signUp("☃", { headers: { ...JSON_FROM, "Idempotency-Key": "a b" } }),
    ...["", "a b", "\u0301a", "\u3164", "a\u200d", "x".repeat(254), "x".repeat(255)].map((name) => signUp(name)),
    ...["", "a\0", "é".repeat(513), "\u200d"].map((password) =>
      body(JSON.stringify({ username: "ada", password, client_id: "bench" })),
    ),
    body(JSON.stringify({ username: "ada", password: "x", client_id: "a b" })),
    body(JSON.stringify({ username: "ada", password: "x" })),
    body(JSON.stringify({ username: 1, password: "x", client_id: "bench" })),
    ...["", "[]", "{", Buffer.from([0x7b, 0xff]), "x".repeat(20000)].map((text) => body(text)),
    signUp("ada", { headers: FROM }),
    signUp("ada", {
      path: "/sign-up/",
      headers: { ...FROM, "Content-Type": "application/json; charset=utf-8" },
    }),
    signUp("ada", { path: "/nowhere" }),
    signUp("ada", { method: "PUT" }),
    signUp("ada", { method: "OPTIONS", body: undefined }),
    ...[BLOCKED, `::ffff:${BLOCKED}`, "2001:db8::1", "nonsense", "203.0.113.256"].map((ip) =>
      signUp(`from ${ip}`, { headers: { ...JSON_FROM, "CF-Connecting-IP": ip } }),
    ),
    users("Username"),
    users("username"),
    users("Other", {
      path: "/connectmypairs/users/",
      headers: { ...FROM, Username: "Other", Privacy: "PRIVATE" },
    }),
    users("UTF-8''%E2%98%83"),
    users("UTF-8''%zz"),
    users("a b"),
    users("c", { headers: { ...FROM, Username: "c", Privacy: "secret" } }),
    users("d", { headers: FROM }),
  ];
  for (const request of requests) {
    const answers = await Promise.all(servers.map(({ ports }) => send(ports[0], request)));
    for (const { headers } of answers) {
      assert.match(headers["x-request-id"], /^[0-9a-f-]{36}$/);
      assert.match(headers["x-runtime"], /^\d+\.\d{6}$/);
      for (const name of ["x-request-id", "x-runtime", "date"]) delete headers[name];
    }
    const [first, ...others] = answers;
    for (const [at, other] of others.entries()) {
      const { method = "POST", path, headers, body } = request;
      const asked = `${method} ${path} ${JSON.stringify({ headers, body })}`;
      assert.deepEqual(other, first, `${servers[at + 1].name} differs on ${asked}`);
    }
  }
  // A log line can arrive after the answer.
  for (let tries = 50; tries > 0 && servers.some(({ lines }) => lines < requests.length); tries--)
    await delay(100);
  for (const { name, lines } of servers) {
    assert.equal(lines, requests.length, `${name} must log one line for each request`);
  }
}
