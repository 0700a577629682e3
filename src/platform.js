// The JavaScript half of platform.rs. Each function does in one call the work for which wasm would need many calls.

/** Headers from `lines`: a name on one line, and its value on the next. */
export const headers = (lines) => change(new Headers(), lines);

/** Logs `line`. Returns a response with `headers`, overridden by `changes`: an empty value there removes a header. */
export function respond(line, status, body, headers, changes) {
  console.log(line);
  return new Response(body, { status, headers: change(new Headers(headers), changes) });
}

function change(headers, lines) {
  const items = lines.split("\n");
  for (let at = 0; at + 1 < items.length; at += 2) {
    if (items[at + 1] === "") headers.delete(items[at]);
    else headers.set(items[at], items[at + 1]);
  }
  return headers;
}

/** The method and the URL of `request`, and the values of the headers `names`: one a line, each value after a "=". */
export function head({ method, url, headers }, names) {
  const value = (text) => (text === null ? "" : `=${text}`);
  return [method, url, ...names.split("\n").map((name) => value(headers.get(name)))].join("\n");
}

/** The bytes of the body of `request`, as `read` gives them. A body of known length is within `limit`. */
export const readBody = (request, hasLength, limit, time) =>
  withTimeout(hasLength ? request.arrayBuffer() : read(request.body, limit), time);

/** The bytes of a buffer or of an array of bytes; `undefined` for a missing value. */
export const bytes = (value) => (value ? new Uint8Array(value) : undefined);

/** The bytes of `stream`, or `undefined` if there are more than `limit`: then the rest is not read. */
async function read(stream, limit) {
  const bytes = new Uint8Array(limit);
  let length = 0;
  for await (const chunk of stream ?? []) {
    if (length + chunk.length > limit) return undefined;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes.subarray(0, length);
}

/**
 * The status and the body of an answer from `url`, or from the Worker `service`. `question` is the options of `fetch` as
 * JSON, `limit` as in `read`.
 */
export async function fetchAll(service, url, question, limit) {
  const response = await (service ?? globalThis).fetch(url, { ...JSON.parse(question), redirect: "manual" });
  return { status: response.status, body: await read(response.body, limit) };
}

/** Whether `text` is a URL of HTTPS, or of HTTP on this machine, without a user. */
export function isSafe(text) {
  const { protocol, hostname, username, password } = URL.parse(text) ?? {};
  const isLocal = protocol === "http:" && ["127.0.0.1", "localhost"].includes(hostname);
  return (protocol === "https:" || isLocal) && !username && !password;
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

/** The text under the first of `keys`, one a line, that `namespace` has, or `undefined`. It waits for `time`, in ms. */
export const find = (namespace, keys, time) => withTimeout(firstOf(namespace, keys.split("\n")), time);

async function firstOf(namespace, lines) {
  const entries = await namespace.get(lines);
  if (!(entries instanceof Map)) throw new Error("the answer is not a Map");
  return lines.map((key) => entries.get(key)).find((text) => typeof text === "string");
}

/** The first row that `statement` returns for `values`, a JSON array: a line for each column. `undefined` without a row. */
export const first = (database, statement, values, time) => withTimeout(row(database, statement, values), time);

async function row(database, statement, values) {
  const prepared = database.prepare(statement);
  const first = await prepared.bind(...JSON.parse(values)).first();
  return first ? Object.values(first).join("\n") : undefined;
}

/** The same on the nearest copy of the database, which may lag behind. Its failure may be left alone. */
export function firstOfCopy(database, statement, values, time) {
  const promise = (async () => first(database.withSession("first-unconstrained"), statement, values, time))();
  promise.catch(() => {});
  return promise;
}

/** A character for each of `databases`: the first one of its row, "-" without a row, or "?" after a failure. */
export async function firstOfEach(databases, statement, values, time) {
  const one = (database, value) =>
    first(database, statement, JSON.stringify([value]), time).then(
      (row) => row?.[0] ?? "-",
      () => "?",
    );
  const all = JSON.parse(values);
  return (await Promise.all(databases.map((database, n) => one(database, all[n])))).join("");
}
