// The Worker's entry: hands the runtime's event to the wasm. The one that worker-build makes would
// create an object and two proxies for each request.
import Worker from "../build/index.js";

const { fetch } = Worker.prototype;

export default {
  fetch: (request, env, ctx) => fetch.call({ env, ctx }, request),
};
