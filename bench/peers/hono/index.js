// The contract on Hono, with its router and context, and with middleware for the steps that all routes share.
import { Hono } from "hono";

import { admit, createAccount, signUp } from "../contract.js";
import { headersOf, internalError, METHOD_NOT_ALLOWED, NOT_FOUND, PREFLIGHT } from "../replies.js";

const app = new Hono({ strict: false });

app.use(async (c, next) => {
  c.set("arrival", performance.now());
  c.set("id", crypto.randomUUID());
  await next();
  const { status, outcome, reason, cause } = c.get("reply");
  console.log(
    JSON.stringify({ id: c.get("id"), route: c.get("route"), status, outcome, reason, ms: c.get("ms"), cause }),
  );
});

const guard = async (c, next) => {
  const refusal = await admit(c.req.header("CF-Connecting-IP"), c.env.BLOCKLIST);
  return refusal ? send(c, refusal) : next();
};

async function send(c, reply) {
  const ms = performance.now() - c.get("arrival");
  c.set("ms", ms);
  c.set("reply", reply);
  const text = reply.body ? JSON.stringify(reply.body) : null;
  return c.body(text, reply.status, await headersOf(reply, text, c.get("id"), ms));
}

for (const [path, name, handle] of [
  ["/sign-up", "/sign-up", signUp],
  ["/users", "/users/", createAccount],
  ["/connectmypairs/users", "/users/", createAccount],
]) {
  app.use(path, (c, next) => {
    c.set("route", name);
    return next();
  });
  app.options(path, (c) => send(c, PREFLIGHT));
  app.post(path, guard, async (c) => send(c, await handle(c.req.raw, c.env, c.get("id"))));
  app.all(path, (c) => send(c, METHOD_NOT_ALLOWED));
}
app.notFound((c) => send(c, NOT_FOUND));
app.onError((error, c) => send(c, internalError(error)));

export default app;
