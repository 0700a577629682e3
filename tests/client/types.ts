// The client's types, as an application meets them: `make check` compiles this file, and nothing runs it. A line below
// `@ts-expect-error` must be an error of the compiler.

import { createClient, type Failure, type Reason, type Rules, type SignUpField } from "@edge-signup/client";

const client = createClient({ url: "https://sign-up.example", clientId: "app" });

export async function signUp(): Promise<string | number> {
  const result = await client.signUp({ username: "ada", password: "correct horse" });
  // @ts-expect-error: nobody knows yet whether there is a user
  result.user;
  if (result.ok) {
    // @ts-expect-error: a success has no reason
    result.reason;
    return result.user.id + result.user.username.length;
  }
  // @ts-expect-error: a failure has no user
  result.user;
  const field: SignUpField | undefined = result.field;
  const seconds: number | undefined = result.retryAfter;
  // Without one of these cases, the function would lack a final `return`.
  switch (result.reason) {
    case "taken":
      return result.message;
    case "invalid":
      // @ts-expect-error: this is no argument of signUp
      return field === "privacy" ? "" : result.detail;
    case "blocked":
      return result.message;
    case "limited":
      return seconds ?? 60;
    case "refused":
      return result.message;
    case "unavailable":
      return result.idempotencyKey ?? "";
  }
}

export async function createAccount(): Promise<"Public" | "Private" | "name" | "other"> {
  // @ts-expect-error: this is no privacy
  await client.createAccount({ name: "Ada", privacy: "friends" });
  const result = await client.createAccount({ name: "Ada", privacy: "Private" });
  if (result.ok) return result.account.privacy;
  // @ts-expect-error: the argument of createAccount is called `name`
  if (result.field === "username") return "other";
  return result.field === "name" ? "name" : "other";
}

export async function rules(): Promise<number | undefined> {
  const result = await client.rules();
  // @ts-expect-error: nobody knows yet whether there are rules
  result.rules;
  const known: Rules | undefined = result.ok ? result.rules : undefined;
  // @ts-expect-error: a service need not ask for proof of work
  known?.proof_of_work.bits;
  return known?.proof_of_work?.bits;
}

/** The words of a reason are known to editors. */
export const detail: Extract<Failure, { reason: "taken" }>["detail"] = "username_taken";

// @ts-expect-error: this is none of the six reasons
export const reason: Reason = "username_taken";

export const misuses = [
  // @ts-expect-error: the password is missing
  () => client.signUp({ username: "ada" }),
  // @ts-expect-error: a password is a text
  () => client.signUp({ username: "ada", password: 1234 }),
  // @ts-expect-error: the time is a number
  () => createClient({ timeout: "30s" }),
];
