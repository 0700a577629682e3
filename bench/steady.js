// A Worker of the bench with one more entry point, which answers 1,000 requests to `/users/`, all with the same name.
import Worker from "./index.js";

export default Worker;

// The local KV and D1 would take ten times as long as the Worker's own code. These bindings take no time: every
// address may pass, and every name is taken.
const statement = { bind: () => statement, first: async () => null };
const FAST = {
  BLOCKLIST: { get: async (keys) => new Map(keys.map((key) => [key, null])) },
  DB: { prepare: () => statement },
};

const headers = { "CF-Connecting-IP": "198.51.100.1", Username: "taken" };

export const steady = {
  async fetch(_, env) {
    for (let n = 0; n < 1000; n++) {
      // Some requests have the real bindings, because V8 optimises JavaScript for the kinds of objects that it has met.
      const bindings = n % 100 === 0 ? env : FAST;
      const request = new Request("http://bench/users/", { method: "POST", headers });
      const { status } = await Worker.fetch(request, bindings);
      // The first request of all makes the account.
      if (status !== 409 && status !== 201) throw new Error(`/users/ answered ${status}`);
    }
    return new Response();
  },
};
