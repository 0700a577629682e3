import type { Texts } from "./texts/en.js";

/** Keys of texts that several words of `X-Error-Reason` share, by the beginning of the word. */
const SHARED: [string, keyof Texts][] = [
  ["proof_", "proof"],
  ["captcha_", "captcha_token_refused"],
  ["username_", "username_characters"],
  ["password_", "password_characters"],
];

/** The key of a text for every other word, by the client's `reason`. */
const OTHERS: Record<string, keyof Texts> = {
  taken: "username_taken",
  blocked: "address_blocked",
  limited: "rate_limited",
  unavailable: "unavailable",
};

/**
 * The text of a key or of a word of `X-Error-Reason`, whose `reason` the client gives. The page's `own` texts come
 * first, by the word itself. For an e-mail address, the text of `email_…` takes the place of `username_…`. A word
 * without a text of its own is the fault of the page.
 */
export function textOf(
  word: string,
  reason: string,
  language: Texts,
  own: Record<string, string>,
  isEmail: boolean,
): string {
  const shared = SHARED.find(([beginning]) => word.startsWith(beginning))?.[1];
  const key = Object.hasOwn(language, word) ? (word as keyof Texts) : (shared ?? OTHERS[reason] ?? "refused");
  let kept = key;
  if (isEmail && key.startsWith("username")) {
    const asEmail = key.replace("username", "email");
    kept = Object.hasOwn(language, asEmail) ? (asEmail as keyof Texts) : "email_invalid";
  }
  return own[word] ?? own[kept] ?? own[key] ?? language[kept];
}

/** Puts values into a text. */
export const filled = (text: string, values: Record<string, unknown>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
