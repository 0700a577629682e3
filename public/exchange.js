// Sends a request and explains the answer: its sentence, the field at fault, and the result of a retry.

const REASONS = {
  200: "OK",
  201: "Created",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** The headers that tell a client something about the answer; the console shows them. */
const TELLING = ["Content-Type", "ETag", "X-Request-Id", "X-Runtime", "X-Error-Reason", "Retry-After", "Allow"];

/** Sends `request` and gives its answer; if the answer is lost, its status is 0. */
export async function send({ method, path, headers, body }) {
  const start = performance.now();
  try {
    const response = await fetch(path, { method, headers, body: body || undefined });
    const text = await response.text();
    return {
      status: response.status,
      headers: TELLING.map((name) => [name, response.headers.get(name)]).filter(([, value]) => value !== null),
      body: text,
      ms: performance.now() - start,
    };
  } catch {
    return { status: 0, headers: [], body: "", ms: performance.now() - start };
  }
}

/** The status and its words, such as `200 OK`, or `No answer`. */
export const statusLine = ({ status }) => (status ? `${status} ${REASONS[status] ?? ""}`.trim() : "No answer");

/** A time in milliseconds, or in seconds if it is a second or more. */
export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

/** The sentence of the answer, or an empty text if it has none. */
export function description(answer) {
  if (!answer.status) return "The service could not be reached. Is it running?";
  return json(answer)?.description ?? "";
}

/** The word in `X-Error-Reason`, or an empty text. */
export const reason = (answer) => answer.headers.find(([name]) => name === "X-Error-Reason")?.[1] ?? "";

/** The field of `fields` at fault, and the text of the error. The answer's reason begins with the field's name. */
export function fault(answer, fields) {
  const word = reason(answer);
  const name = fields.find((known) => word.startsWith(`${known.toLowerCase().replaceAll("-", "_")}_`));
  // A 409 of `/users/` has no description.
  return name ? { name, text: description(answer) || `${name} already in use` } : null;
}

/** Compares a retry's answer with the first one. If either was lost, this gives the description of the retry's. */
export function verdict(first, again, hasKey) {
  if (!first.status || !again.status) return description(again);
  if (first.status === again.status && first.body === again.body) {
    return hasKey && again.status < 300
      ? "Retried with the same Idempotency-Key: the same answer, and nothing was stored twice."
      : "Retried: the same answer.";
  }
  return hasKey
    ? "Retried with the same Idempotency-Key: the answer differs from the first one."
    : "Retried without an Idempotency-Key: the service took the retry for a second sign-up.";
}

function json(answer) {
  try {
    return JSON.parse(answer.body);
  } catch {
    return null;
  }
}
