// Why a call did not succeed. The words of the service come from the types of `openapi.json`: a word that is missing
// in the table, or that the service does not have, is an error of the compiler.

import type { components } from "./openapi.js";

type Headers = components["headers"];

/** A word of `X-Error-Reason`. No operation of the API's description answers with `method_not_allowed`. */
export type Word = Headers[Extract<keyof Headers, `X-Error-Reason${string}`>] | "method_not_allowed";

/** A word of the client, for a call that got no answer of the service. */
export type OwnWord =
  /** No request was answered. The service may have stored the sign-up all the same. */
  | "no_answer"
  /** The time limit ended while the client waited. The service may have stored the sign-up all the same. */
  | "timed_out"
  /** The answer came from another server, such as a proxy with a page of HTML. */
  | "unreadable_answer";

/** The remedy for a failure: one of six words. */
export type Reason =
  /** The name is taken: the user chooses another one. */
  | "taken"
  /** A value breaks a rule: the user, or the page, corrects the argument `field`. */
  | "invalid"
  /** The service refuses the address of the user. */
  | "blocked"
  /** There were too many sign-ups: the user waits `retryAfter` seconds. */
  | "limited"
  /** The service does not accept the application, its page, its captcha token or its proof of work; or a hook denies it. */
  | "refused"
  /** The service could not be reached, or is at fault: the user tries again later. */
  | "unavailable";

const REASONS = {
  username_taken: "taken",
  username_missing: "invalid",
  username_encoding: "invalid",
  username_length: "invalid",
  username_characters: "invalid",
  username_leading_mark: "invalid",
  username_invisible: "invalid",
  username_denied: "invalid",
  password_missing: "invalid",
  password_too_short: "invalid",
  password_too_long: "invalid",
  password_characters: "invalid",
  password_breached: "invalid",
  client_id_missing: "invalid",
  client_id_invalid: "invalid",
  privacy_invalid: "invalid",
  idempotency_key_invalid: "invalid",
  body_encoding: "invalid",
  body_not_object: "invalid",
  body_not_json: "invalid",
  body_member_twice: "invalid",
  body_too_large: "invalid",
  content_type_not_json: "invalid",
  address_blocked: "blocked",
  address_unverified: "blocked",
  rate_limited: "limited",
  client_id_unknown: "refused",
  client_id_denied: "refused",
  hook_denied: "refused",
  origin_refused: "refused",
  captcha_token_missing: "refused",
  captcha_token_refused: "refused",
  proof_missing: "refused",
  proof_invalid: "refused",
  proof_expired: "refused",
  proof_unsolved: "refused",
  proof_used: "refused",
  not_found: "refused",
  method_not_allowed: "refused",
  body_incomplete: "unavailable",
  internal_error: "unavailable",
  unavailable: "unavailable",
  no_answer: "unavailable",
  timed_out: "unavailable",
  unreadable_answer: "unavailable",
} as const satisfies Record<Word | OwnWord, Reason>;

type Reasons = typeof REASONS;

/** The words of one reason. */
export type DetailOf<R extends Reason> = {
  [W in keyof Reasons]: Reasons[W] extends R ? W : never;
}[keyof Reasons];

/** The reason of a word. A later version of the service may have words that this table lacks: see their status. */
export function reasonOf(word: string, status: number): Reason {
  if (Object.hasOwn(REASONS, word)) return REASONS[word as keyof Reasons];
  if (status === 409) return "taken";
  if (status === 429) return "limited";
  if (status >= 500) return "unavailable";
  return fieldOf(word) ? "invalid" : "refused";
}

/** The arguments of both calls that a word can begin with. */
export type Field = "username" | "password" | "clientId" | "privacy" | "captchaToken" | "idempotencyKey";

/** The argument at fault: the word begins with its name. */
export function fieldOf(word: string): Field | undefined {
  const name = /^(username|password|client_id|privacy|captcha_token|idempotency_key)_/.exec(word)?.[1];
  return name?.replace(/_(.)/, (_, letter: string) => letter.toUpperCase()) as Field | undefined;
}
