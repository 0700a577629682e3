// The streams of imports and exports. Each chunk is a task of the wasm module, and begins when the client has taken the
// chunk before.

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Content-Type": "application/x-ndjson; charset=utf-8",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** The most lines and characters of a chunk. A line that is longer than a good one is cut off, and so stays bad. */
const LINES = 500;
const CHARACTERS = 256 * 1024;
const LINE_LIMIT = 8 * 1024;

/** The answer to an import: the lines that `work` makes of each chunk of `body`. */
export function imported(body, plan, id, wasm, env, run) {
  const text = JSON.stringify(plan);
  const lines = chunksOf(body ?? new Blob([]).stream());
  return stream(id, async () => {
    const { value, done } = await lines.next();
    if (done) return undefined;
    return run((task) => wasm.importChunk(task, env, text, value.text, value.first));
  });
}

/** The answer to an export. */
export function exported(plan, id, wasm, env, run) {
  let rest = plan.export;
  return stream(id, async () => {
    if (!rest) return undefined;
    const answer = await run((task) => wasm.exportChunk(task, env, JSON.stringify({ export: rest })));
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

/** The lines of `body` in chunks: their text, and the number of the first line. */
async function* chunksOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let [first, lines, characters, rest] = [1, [], 0, ""];
  const chunk = () => {
    const value = { text: lines.join("\n"), first };
    [first, lines, characters] = [first + lines.length, [], 0];
    return value;
  };
  const add = (line) => {
    lines.push(line.slice(0, LINE_LIMIT));
    characters += Math.min(line.length, LINE_LIMIT);
    return lines.length === LINES || characters > CHARACTERS;
  };
  for (;;) {
    const { value, done } = await reader.read();
    const parts = (rest + (value ?? "")).split("\n");
    // The rest of a line that is too long is left out, so that it takes no memory.
    rest = parts.pop().slice(0, LINE_LIMIT);
    for (const line of parts) if (add(line)) yield chunk();
    if (done) break;
  }
  if (rest !== "") add(rest);
  if (lines.length) yield chunk();
}
