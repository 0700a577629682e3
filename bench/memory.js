// An uploaded Worker with one more entry point, which tells the size of its wasm's memory in bytes.
import { instance } from "./capture.js";

export { default } from "./index.js";

export const memory = { fetch: () => new Response(instance.exports.memory.buffer.byteLength) };
