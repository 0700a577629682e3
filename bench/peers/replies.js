// The replies, and the headers that all of them share. A reply is plain data: a `status`, an `outcome` (a word for
// the log) and a `body`, and optionally a `reason` (a word for the client), a `cause` for the log, and `headers`
// of its own.

export const problem = (status, outcome, reason, description) => ({
  status,
  outcome,
  reason,
  body: { description, code: String(status) },
});

export const invalid = (reason, description, field) => ({
  status: 400,
  outcome: "invalid",
  reason,
  body: { description: field ? `${field} ${description}` : description, code: "400", field },
});

export const unavailable = (cause) => ({
  ...problem(503, "unavailable", "unavailable", "The service is unavailable for the moment, try again later"),
  cause,
  headers: { "Retry-After": "5" },
});

export const internalError = (error) => ({
  ...problem(500, "internal_error", "internal_error", "Internal error"),
  cause: String(error),
});

export const NOT_FOUND = problem(
  404,
  "not_found",
  "not_found",
  "There is nothing here: the paths are /sign-up and /users/",
);

export const METHOD_NOT_ALLOWED = {
  ...problem(405, "method_not_allowed", "method_not_allowed", "This path takes POST and OPTIONS only"),
  headers: { Allow: "POST, OPTIONS" },
};

export const PREFLIGHT = {
  status: 204,
  outcome: "preflight",
  headers: { "Access-Control-Max-Age": "86400" },
};

// The headers of the replies

const COMMON_HEADERS = {
  "X-Frame-Options": "SAMEORIGIN",
  "X-XSS-Protection": "1; mode=block",
  "X-Content-Type-Options": "nosniff",
  "X-UA-Compatible": "chrome=1",
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST, PUT, DELETE, GET, OPTIONS",
  "Access-Control-Request-Method": "*",
  "Access-Control-Allow-Headers":
    "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition",
  "Access-Control-Expose-Headers": "ETag, X-Request-Id, X-Runtime, X-Error-Reason, Retry-After",
  "Cache-Control": "max-age=0, private, must-revalidate",
};

const PREFLIGHT_HEADERS = {
  ...COMMON_HEADERS,
  "Access-Control-Allow-Headers": `${COMMON_HEADERS["Access-Control-Allow-Headers"]}, Username, Privacy, Idempotency-Key`,
};

/** All headers of `reply`; `text` is its body as text. */
export async function headersOf(reply, text, id, ms) {
  const headers = {
    ...(reply === PREFLIGHT ? PREFLIGHT_HEADERS : COMMON_HEADERS),
    ...reply.headers,
    "X-Request-Id": id,
    "X-Runtime": (ms / 1000).toFixed(6),
  };
  if (reply.reason) headers["X-Error-Reason"] = reply.reason;
  if (text !== null) {
    headers["Content-Type"] = "application/json; charset=utf-8";
    if (reply.status < 300) headers.ETag = `"${await md5(text)}"`;
  }
  return headers;
}

const md5 = async (text) =>
  new Uint8Array(await crypto.subtle.digest("MD5", new TextEncoder().encode(text))).toHex();
