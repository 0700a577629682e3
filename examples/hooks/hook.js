// A hook of edge-signup: a Worker that decides which sign-ups may pass.
import { Webhook } from "standardwebhooks";

export const allow = { decision: "allow" };

/** A denial, with a sentence for the user. `field` is "username" if another name could pass. */
export const deny = (description, field) => ({ decision: "deny", description, field });

/**
 * A Worker that answers with `decide(attempt, env)`. An attempt has the `id` that each of its retries has, and the
 * members `route`, `client_id`, `username`, `ip`, `user_agent`, `origin` and `code`.
 */
export const hook = (decide) => ({
  async fetch(request, env) {
    const id = request.headers.get("webhook-id");
    let attempt;
    try {
      const headers = Object.fromEntries(request.headers);
      attempt = new Webhook(env.SIGN_UP_HOOK_SECRET).verify(await request.text(), headers).data;
    } catch {
      return new Response("The signature is missing, wrong or too old", { status: 401 });
    }
    return Response.json(await decide({ ...attempt, id }, env));
  },
});

/** The domain of an e-mail address, as browsers write it, or `undefined` if the name is not an address. */
export function domainOf(username) {
  const [, domain] = /^[^@]+@([^@/\\?#:]+)$/.exec(username) ?? [];
  return domain && URL.parse(`https://${domain}`)?.hostname.replace(/\.$/, "");
}
