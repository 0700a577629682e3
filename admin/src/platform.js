// The JavaScript half of the admin's rooms. Each function does in one call the work for which wasm would need many.

/**
 * Runs `statements`, a JSON array of `[sql, values]`, as one transaction of `database`. Gives the rows of each statement
 * as JSON.
 */
export async function batch(database, statements) {
  const prepared = JSON.parse(statements).map(([sql, values]) => database.prepare(sql).bind(...values));
  const answers = await database.batch(prepared);
  return JSON.stringify(answers.map(({ results }) => results));
}

/** The bytes of `database`, as D1 tells them beside each answer. */
export async function size(database) {
  const { meta } = await database.prepare("SELECT 1").run();
  return meta.size_after ?? undefined;
}

/** A page of the keys of `namespace` with this prefix, after the page that ended at `cursor`, as JSON. */
export async function list(namespace, prefix, limit, cursor) {
  const page = await namespace.list({ prefix, limit, cursor: cursor || undefined });
  const keys = page.keys.map(({ name, expiration, metadata }) => ({
    key: name,
    reason: String(metadata?.reason ?? ""),
    expires_at: expiration,
  }));
  return JSON.stringify({ keys, next: page.cursor });
}

/** Stores an entry. The reason is stored twice: in the value, which the Worker logs, and for listings in the metadata. */
export const put = (namespace, key, reason, ttl) =>
  namespace.put(key, reason, { expirationTtl: ttl || undefined, metadata: { reason } });

/** The answer to a request. The log line leaves with it. */
export function respond(line, status, body, headers) {
  console.log(line);
  return new Response(body, { status, headers: JSON.parse(headers) });
}

/**
 * Sends `requests`, a JSON array of `{url, headers, body}`, at once by POST. Gives the status of each answer and its
 * Retry-After as JSON; 0 without an answer in `time` ms. No body is read, and a redirect is not followed.
 */
export async function postAll(requests, time) {
  const send = async ({ url, headers, body }) => {
    try {
      const signal = AbortSignal.timeout(time);
      const answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
      answer.body?.cancel().catch(() => {});
      return { status: answer.status, retry_after: answer.headers.get("Retry-After") };
    } catch {
      return { status: 0, retry_after: null };
    }
  };
  return JSON.stringify(await Promise.all(JSON.parse(requests).map(send)));
}
