// The streams of imports and exports. Each chunk is a task of the wasm module, and begins when the client has taken the
// chunk before.

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Type": "application/x-ndjson; charset=utf-8",
  "X-Content-Type-Options": "nosniff",
};

/** The most lines and characters of a chunk. A line that is longer than a good one is cut off, and so stays bad. */
const LINES = 500;
const CHARACTERS = 256 * 1024;
const LINE_LIMIT = 8 * 1024;

/** The answer to an import: the lines that `work` makes of each chunk of `body`. */
export function imported(body, plan, wasm, env, run) {
  const lines = chunksOf(body ?? new Blob([]).stream());
  return stream(async () => {
    const { value, done } = await lines.next();
    if (done) return undefined;
    return run((task) => wasm.importChunk(task, env, plan, value.text, value.first));
  });
}

/** The answer to an export. */
export function exported(plan, wasm, env, run) {
  let rest = plan.export;
  return stream(async () => {
    if (!rest) return undefined;
    const answer = await run((task) => wasm.exportChunk(task, env, JSON.stringify({ export: rest })));
    if (typeof answer !== "string") return answer ?? null;
    const chunk = JSON.parse(answer);
    rest = chunk.rest;
    return chunk.text;
  });
}

/** A response that has the texts that `next` gives, until it gives `undefined`. Any other value breaks the answer off. */
function stream(next) {
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
  return new Response(body, { headers: HEADERS });
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
