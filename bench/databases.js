// A Worker of the bench with one more entry point, which serves it with databases that take one statement at a time.
// The local D1 has no network, so its pace is that of this machine's processors. A statement on Cloudflare occupies its
// database for some milliseconds, in which the processors may rest.
import Worker from "./index.js";

export default Worker;

const PATH = "http://bench/users/";

/** How long a statement occupies its database, in milliseconds. */
const DURATION = 5;

/** A database that stores nothing: each statement is answered when its turn and then its time are over. */
function database() {
  let free = 0;
  const occupy = () => {
    const now = Date.now();
    free = Math.max(free, now) + DURATION;
    return new Promise((resolve) => setTimeout(resolve, free - now));
  };
  const statement = (sql, values = []) => ({
    bind: (...bound) => statement(sql, bound),
    async first() {
      await occupy();
      // An insert has the name and the privacy at its end, and stores the row. The other statement asks for the fence.
      const [name, privacy] = values.slice(-2);
      return sql.startsWith("INSERT") ? { name, privacy } : { frozen: 0 };
    },
  });
  const handle = { prepare: (sql) => statement(sql), withSession: () => handle };
  return handle;
}

// Every address may pass. The local KV would take as much time as the rest of the request.
const BLOCKLIST = { get: async (keys) => new Map(keys.map((key) => [key, null])) };

let bindings;
let serial = 0;

/** Sends a request to `/users/` with a new name. */
async function signUp() {
  const headers = { "CF-Connecting-IP": "198.51.100.1", Username: `account${serial++}` };
  const { status } = await Worker.fetch(new Request(PATH, { method: "POST", headers }), bindings);
  if (status !== 201) throw new Error(`/users/ answered ${status}`);
}

// The requests do not come over HTTP, because this machine's processors would reach their limit with fewer databases.
export const databases = {
  /** Sends requests from as many `clients`, for some `milliseconds`, and answers their number and time. */
  async fetch(request, env) {
    const { clients, milliseconds } = await request.json();
    if (!bindings) {
      const names = env.SHARDS.split(" ");
      bindings = { ...env, BLOCKLIST, ...Object.fromEntries(names.map((name) => [name, database()])) };
      // The first request of an isolate asks each database for its place.
      await signUp();
    }
    const begin = Date.now();
    let count = 0;
    const client = async () => {
      for (; Date.now() < begin + milliseconds; count++) await signUp();
    };
    await Promise.all(Array.from({ length: clients }, client));
    return Response.json({ count, milliseconds: Date.now() - begin });
  },
};
