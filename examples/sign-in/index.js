// Signs users of edge-signup in, and keeps them signed in by a cookie for a week.
const WEEK = 7 * 24 * 60 * 60;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname === "/sign-in") return signIn(request, env);
    if (request.method === "POST" && pathname === "/sign-out") return answer(200, { ok: true }, cookie("", 0));
    if (request.method === "GET" && pathname === "/me") {
      const id = await idOf(request, env);
      // The user may have been erased since.
      const user = id && (await env.USERS.get({ id }));
      return user ? answer(200, user) : answer(401, { ok: false });
    }
    return answer(404, { ok: false });
  },
};

async function signIn(request, env) {
  const { username, password } = (await request.json().catch(() => undefined)) ?? {};
  const { ok, user } = await env.USERS.verify({ client_id: env.CLIENT_ID, username, password });
  if (!ok) return answer(401, { ok });
  const session = `${user.id}.${Math.floor(Date.now() / 1000) + WEEK}`;
  const signature = await crypto.subtle.sign("HMAC", await key(env), new TextEncoder().encode(session));
  return answer(200, { ok, user }, cookie(`${session}.${new Uint8Array(signature).toHex()}`, WEEK));
}

/** The id of the user whose cookie is signed and not expired. */
async function idOf(request, env) {
  const [, session, signature] =
    request.headers.get("Cookie")?.match(/(?:^|; )session=(\d+\.\d+)\.([0-9a-f]{64})(?:;|$)/) ?? [];
  if (!session) return undefined;
  const bytes = [Uint8Array.fromHex(signature), new TextEncoder().encode(session)];
  const isSigned = await crypto.subtle.verify("HMAC", await key(env), ...bytes);
  const [id, end] = session.split(".").map(Number);
  return isSigned && end > Date.now() / 1000 ? id : undefined;
}

const key = ({ SESSION_SECRET }) =>
  crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(SESSION_SECRET),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );

const cookie = (value, age) => `session=${value}; Max-Age=${age}; Path=/; HttpOnly; Secure; SameSite=Lax`;

const answer = (status, body, setCookie) =>
  Response.json(body, { status, headers: setCookie ? { "Set-Cookie": setCookie } : {} });
