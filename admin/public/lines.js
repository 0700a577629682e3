// Reads a file in batches of lines, in memory that does not grow with the file. Each batch is a request of its own: a
// browser reads an answer only after it has sent the whole request, so a single request would show no progress, and it
// would stop for ever when its answers fill the buffers on the way.

/** The limits of a batch, each far below what one request may carry or work on. */
const BATCH = { lines: 500, bytes: 256 * 1024 };

/** The service refuses a line of more than 4 KB. The rest of a longer line is not kept. */
const LINE_BYTES = 8 * 1024;

const NEWLINE = 10;
const isBlank = (line) => line.every((byte) => byte === 32 || byte === 9 || byte === 13);

/**
 * The lines of a stream of bytes, without the blank ones. Each batch has `numbers`, the number of each of its lines in
 * the file; `lines`, their bytes; and `end`, the number of bytes of the file up to here. The bytes stay as they
 * are, so the service sees a fault of the encoding.
 */
export async function* batches(stream) {
  let number = 0;
  let end = 0;
  /** The line that is being read, in parts. */
  let line = [];
  let size = 0;
  let batch = { numbers: [], lines: [], bytes: 0 };

  function add() {
    number += 1;
    const bytes = joined(line, size);
    [line, size] = [[], 0];
    if (isBlank(bytes)) return;
    batch.numbers.push(number);
    batch.lines.push(bytes);
    batch.bytes += bytes.length + 1;
  }
  function take(end) {
    const { numbers, lines } = batch;
    batch = { numbers: [], lines: [], bytes: 0 };
    return { numbers, lines, end };
  }
  const isFull = () => batch.numbers.length >= BATCH.lines || batch.bytes >= BATCH.bytes;

  for await (const piece of pieces(stream)) {
    for (let from = 0; from < piece.length; ) {
      const at = piece.indexOf(NEWLINE, from);
      const to = at < 0 ? piece.length : at;
      const kept = piece.subarray(from, Math.min(to, from + LINE_BYTES - size));
      line.push(kept);
      size += kept.length;
      from = to + 1;
      if (at < 0) break;
      add();
      if (isFull()) yield take(end + from);
    }
    end += piece.length;
  }
  if (size) add();
  if (batch.numbers.length) yield take(end);
}

/** The pieces of a stream. Safari has no iterator for streams before version 26. */
export async function* pieces(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function joined(parts, size) {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
