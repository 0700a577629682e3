// The Worker with one more entry point, which calls its password hash.
import { instance } from "./capture.js";
import Worker from "./index.js";
import { serve } from "./serve.js";

export default serve(Worker.prototype);

export const hash = { fetch: () => new Response(instance.exports.hash()) };
