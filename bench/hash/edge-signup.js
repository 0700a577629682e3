// The Worker with an entry point that calls its hash.
import { instance } from "./capture.js";

export { default } from "./index.js";

export const hash = { fetch: () => new Response(instance.exports.hash()) };
