// The contract in hand-written JavaScript, as a team would write it without a framework.
import { admit, createAccount, signUp } from "../contract.js";
import { headersOf, internalError, METHOD_NOT_ALLOWED, NOT_FOUND, PREFLIGHT } from "../replies.js";

const SIGN_UP = { name: "/sign-up", handle: signUp };
const USERS = { name: "/users/", handle: createAccount };
const ROUTES = new Map([
  ["/sign-up", SIGN_UP],
  ["/sign-up/", SIGN_UP],
  ["/users/", USERS],
  ["/users", USERS],
  ["/connectmypairs/users/", USERS],
  ["/connectmypairs/users", USERS],
]);

export default {
  async fetch(request, env) {
    const arrival = performance.now();
    const id = crypto.randomUUID();
    const route = ROUTES.get(new URL(request.url).pathname);
    let reply;
    try {
      reply = await answer(route, request, env, id);
    } catch (error) {
      reply = internalError(error);
    }
    const { status, outcome, reason, body, cause } = reply;
    const ms = performance.now() - arrival;
    console.log(JSON.stringify({ id, route: route?.name, status, outcome, reason, ms, cause }));
    const text = body ? JSON.stringify(body) : null;
    return new Response(text, { status, headers: await headersOf(reply, text, id, ms) });
  },
};

async function answer(route, request, env, id) {
  if (!route) return NOT_FOUND;
  if (request.method === "OPTIONS") return PREFLIGHT;
  if (request.method !== "POST") return METHOD_NOT_ALLOWED;
  const refusal = await admit(request.headers.get("CF-Connecting-IP"), env.BLOCKLIST);
  return refusal ?? route.handle(request, env, id);
}
