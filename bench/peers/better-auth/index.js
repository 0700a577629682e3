// better-auth's sign-up by email and password, with its defaults: scrypt, and a session for each new user.
import { env } from "cloudflare:workers";
import { betterAuth } from "better-auth";

const auth = betterAuth({ database: env.DB, emailAndPassword: { enabled: true } });

export default { fetch: (request) => auth.handler(request) };
