// The calls of the admin API. The token is kept here, in memory alone.

import { pieces } from "./lines.js";

let token = null;

/** Asks the operator for a token, and resolves when `useToken` has accepted it; `page.js` sets it. */
let signIn = null;
/** The sign-in that is under way. Every call that the service refuses meanwhile waits for it. */
let signingIn = null;

/** The longest time that a call may take, except an import. */
const PATIENCE = 60_000;

export const onSignIn = (ask) => (signIn = ask);

/** A call that failed. `status` is 0 if the answer was lost. */
export class ApiError extends Error {
  constructor(status, description, details = {}) {
    super(description);
    Object.assign(this, { status, ...details });
  }
}

const lost = (description) => new ApiError(0, description);

/** The error to show for an error of `fetch` or of a stream. An abort by `signal` stays as it is. */
function explained(error, signal) {
  if (error instanceof ApiError || signal?.aborted) return error;
  if (error.name === "TimeoutError") return lost("The service took more than a minute to answer.");
  if (error instanceof SyntaxError) return lost("The service's answer was cut short.");
  return lost("The service could not be reached. Is it running, and are you online?");
}

/** The error that an answer stands for. */
async function refusal(response) {
  const { description, field } = await response.json().catch(() => ({}));
  return new ApiError(response.status, description || `The service answered ${response.status}.`, {
    field,
    retryAfter: response.headers.get("Retry-After"),
    requestId: response.headers.get("X-Request-Id"),
  });
}

async function request(method, path, { query = {}, body, type, signal, bearer = token }) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const headers = { ...(bearer && { Authorization: `Bearer ${bearer}` }), ...(type && { "Content-Type": type }) };
  // Cloudflare Access redirects to its own pages when its session has ended.
  const response = await fetch(path + search, { method, headers, body, signal, redirect: "manual" });
  if (response.type === "opaqueredirect") {
    throw lost("The session of Cloudflare Access has ended. Load the page again to sign in.");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/**
 * Sends a request and gives what `read` makes of its answer. If the service refuses the token, this waits for another
 * token and sends the request again.
 */
async function call(method, path, { signal, patience, ...options }, read) {
  for (;;) {
    const used = token;
    const signals = [...(signal ? [signal] : []), ...(patience ? [AbortSignal.timeout(patience)] : [])];
    try {
      return await read(await request(method, path, { ...options, signal: AbortSignal.any(signals) }));
    } catch (error) {
      if (error.status !== 401) throw explained(error, signal);
    }
    // Another call may have received a new token meanwhile.
    if (used !== token) continue;
    signingIn ??= signIn().finally(() => (signingIn = null));
    await signingIn;
  }
}

const json = (response) => (response.status === 204 ? null : response.json());

const get = (path, query = {}, signal) => call("GET", path, { query, signal, patience: PATIENCE }, json);

const send = (method, path, value) => {
  const content = value && { body: JSON.stringify(value), type: "application/json" };
  return call(method, path, { ...content, patience: PATIENCE }, json);
};

/** Uses `candidate` from now on, if the service accepts it. Gives the session. */
export async function useToken(candidate) {
  // A header cannot have every other character. Some programs put a long dash in the place of two hyphens.
  if (/[^!-~]/.test(candidate)) {
    throw new ApiError(
      0,
      "The text has a character that is not visible ASCII, such as a long dash. Copy the token again.",
    );
  }
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const session = await json(await request("GET", "/session", { signal, bearer: candidate }));
    token = candidate;
    return session;
  } catch (error) {
    throw explained(error);
  }
}

/** Whether the page has a token. Behind Cloudflare Access it needs none. */
export const hasToken = () => token !== null;

export const session = () => get("/session");

export const users = (query, signal) => get("/users", query, signal);
export const user = (id, signal) => get(`/users/${id}`, {}, signal);
export const setPassword = (id, password) => send("PUT", `/users/${id}/password`, { password });
export const eraseUser = (id) => send("DELETE", `/users/${id}`);

export const blocks = (query, signal) => get("/blocks", query, signal);
export const block = (key, value) => send("PUT", `/blocks/${encodeURIComponent(key)}`, value);
export const unblock = (key) => send("DELETE", `/blocks/${encodeURIComponent(key)}`);

export const clients = (signal) => get("/clients", {}, signal);
export const registerClient = (value) => send("POST", "/clients", value);
export const changeClient = (id, value) => send("PATCH", `/clients/${encodeURIComponent(id)}`, value);

const webhookPath = (id) => `/webhooks/${encodeURIComponent(id)}`;
export const webhooks = (signal) => get("/webhooks", {}, signal);
export const webhook = (id, signal) => get(webhookPath(id), {}, signal);
export const addWebhook = (value) => send("POST", "/webhooks", value);
export const changeWebhook = (id, value) => send("PATCH", webhookPath(id), value);
export const deleteWebhook = (id) => send("DELETE", webhookPath(id));
export const rotateSecret = (id) => send("POST", `${webhookPath(id)}/secret`);
export const testWebhook = (id) => send("POST", `${webhookPath(id)}/test`);
export const resend = (id, value) => send("POST", `${webhookPath(id)}/resend`, value);
export const events = (query, signal) => get("/events", query, signal);

export const statistics = (query, signal) => get("/statistics", query, signal);
export const audit = (query, signal) => get("/audit", query, signal);
export const shards = (signal) => get("/shards", {}, signal);

/** Imports the lines of `body`, or only checks them. Calls `onAnswer` with the answer of each line. */
export function importUsers(body, { isDry, signal, onAnswer }) {
  const query = { dry: isDry ? "1" : "" };
  return call("POST", "/imports", { query, body, type: "application/x-ndjson", signal }, async (response) => {
    let rest = "";
    for await (const text of pieces(response.body.pipeThrough(new TextDecoderStream()))) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) onAnswer(JSON.parse(line));
    }
    if (rest) onAnswer(JSON.parse(rest));
  });
}
