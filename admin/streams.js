// The streams of imports and exports. Each chunk is a task of the wasm module, and begins when the client has taken the
// chunk before.

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Content-Type": "application/x-ndjson; charset=utf-8",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** The most lines of a chunk, and the bytes after which it ends. */
const LINES = 500;
const BYTES = 256 * 1024;

/** The bytes that are kept of a line. A longer line is longer than a good one even so. */
const LINE_LIMIT = 8 * 1024;

const NEWLINE = 10;

/** The answer to an import: the lines that `work` makes of each chunk of `body`. */
export function imported(body, plan, id, wasm, env, run) {
  const text = JSON.stringify(plan);
  const lines = chunksOf(body ?? new Blob([]).stream());
  return stream(id, async () => {
    const { value, done } = await lines.next();
    if (done) return undefined;
    const work = (task) => wasm.importChunk(task, env, id, text, value.bytes, value.first);
    return (await run(work)) ?? null;
  });
}

/** The answer to an export. */
export function exported(plan, id, wasm, env, run) {
  let rest = plan.export;
  return stream(id, async () => {
    if (!rest) return undefined;
    const answer = await run((task) => wasm.exportChunk(task, env, id, JSON.stringify({ export: rest })));
    if (typeof answer !== "string") return answer ?? null;
    const chunk = JSON.parse(answer);
    rest = chunk.rest;
    return chunk.text;
  });
}

/**
 * The response to the request `id`, of the texts that `next` gives until it gives `undefined`. Any other value breaks the
 * answer off.
 */
function stream(id, next) {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async pull(controller) {
      for (;;) {
        const text = await next();
        if (text === undefined) return controller.close();
        if (typeof text !== "string") return controller.error(new Error("the work failed: the log has the cause"));
        // A chunk without text would not ask for the next one.
        if (text !== "") return controller.enqueue(encoder.encode(text));
      }
    },
  });
  return new Response(body, { headers: { ...HEADERS, "X-Request-Id": id } });
}

/** The lines of `body` in chunks: their bytes, which stay as they came, and the number of the first line. */
async function* chunksOf(body) {
  // A chunk, with the line that is being read, which begins at `start`.
  const bytes = new Uint8Array(BYTES + LINE_LIMIT + 1);
  let [first, lines, start, end] = [1, 0, 0, 0];
  for await (const piece of body) {
    for (let from = 0; from < piece.length; ) {
      const at = piece.indexOf(NEWLINE, from);
      const to = at < 0 ? piece.length : at;
      // The rest of a line that is too long is left out, so that it takes no memory.
      const kept = piece.subarray(from, Math.min(to, from + LINE_LIMIT - (end - start)));
      bytes.set(kept, end);
      end += kept.length;
      from = to + 1;
      if (at < 0) break;
      bytes[end++] = NEWLINE;
      start = end;
      if (++lines < LINES && end <= BYTES) continue;
      yield { bytes: bytes.slice(0, end), first };
      [first, lines, start, end] = [first + lines, 0, 0, 0];
    }
  }
  if (end > 0) yield { bytes: bytes.slice(0, end), first };
}
