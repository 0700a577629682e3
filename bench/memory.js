// A Worker of the bench with one more entry point, which answers the size of its wasm memory in bytes.
import { instance } from "./capture.js";

export { default } from "./index.js";

export const memory = { fetch: () => new Response(instance.exports.memory.buffer.byteLength) };
