// The JavaScript half of platform.rs. Each function does in one call the work for which wasm would need many calls.

/** Headers from `lines`: a name on one line, and its value on the next. */
export const headers = (lines) => change(new Headers(), lines);

/** A response with `headers`, overridden by `changes`: lines as above, where an empty value removes a header. */
export const respond = (status, body, headers, changes) =>
  new Response(body, { status, headers: change(new Headers(headers), changes) });

function change(headers, lines) {
  const items = lines.split("\n");
  for (let at = 0; at + 1 < items.length; at += 2) {
    if (items[at + 1] === "") headers.delete(items[at]);
    else headers.set(items[at], items[at + 1]);
  }
  return headers;
}

/** The bytes of `stream`, or `undefined` if there are more than `limit`: then the rest is not read. */
export async function read(stream, limit) {
  const bytes = new Uint8Array(limit);
  let length = 0;
  for await (const chunk of stream ?? []) {
    if (length + chunk.length > limit) return undefined;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes.subarray(0, length);
}

/** The status and the body of an answer from `url`; `question` is the options of `fetch` as JSON, `limit` as in `read`. */
export async function fetchAll(url, question, limit) {
  const response = await fetch(url, { ...JSON.parse(question), redirect: "manual" });
  return { status: response.status, body: await read(response.body, limit) };
}

/** Settles as `promise` does, or rejects with a `TimeoutError` after `limit` milliseconds. */
export function withTimeout(promise, limit) {
  return new Promise((resolve, reject) => {
    // After the isolate was busy, a timer that is due fires before an answer that arrived earlier: the answer can take
    // some turns of the event loop. The timer waits for those turns.
    let turns = 4;
    const late = () => {
      if (turns-- > 0) timer = setTimeout(late, 5);
      else reject(new DOMException("no answer in time", "TimeoutError"));
    };
    let timer = setTimeout(late, limit);
    const settle = (as) => (value) => {
      clearTimeout(timer);
      as(value);
    };
    promise.then(settle(resolve), settle(reject));
  });
}

/** The text under the first of `keys`, one a line, that `namespace` has, or `undefined`. */
export async function find(namespace, keys) {
  const lines = keys.split("\n");
  const entries = await namespace.get(lines);
  if (!(entries instanceof Map)) throw new Error("the answer is not a Map");
  return lines.map((key) => entries.get(key)).find((text) => typeof text === "string");
}

/** The first row that `statement` returns for `values`, a JSON array; `null` if it returns no row. */
export async function first(database, statement, values) {
  const prepared = database.prepare(statement);
  return prepared.bind(...JSON.parse(values)).first();
}
