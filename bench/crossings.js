// A Worker of the bench with one more entry point, whose answers have the counts of their request in a header.
import { counts, reset } from "./count.js";
import Worker from "./index.js";

export default Worker;

export const crossings = {
  async fetch(request, env) {
    reset();
    const { status, body } = await Worker.fetch(request, env);
    return new Response(body, { status, headers: { Crossings: JSON.stringify(counts) } });
  },
};
