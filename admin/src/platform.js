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
