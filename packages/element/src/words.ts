import type { Texts } from "./texts/en.js";

/**
 * The text of a key or of a word of `X-Error-Reason`, whose `reason` the client gives. The page's `own` texts come
 * first. A word without a text has that of its field, as `username_invalid`, or that of its reason. For an e-mail
 * address, the text of `email_…` takes the place of `username_…`.
 */
export function textOf(
  word: string,
  reason: string,
  language: Texts,
  own: Record<string, string>,
  isEmail: boolean,
): string {
  const texts: Record<string, string> = { ...language, ...own };
  const keys = [word, word.replace(/_.*/, "_invalid"), reason, "refused"];
  const fitting = isEmail ? keys.map((key) => key.replace("username", "email")) : keys;
  return own[word] ?? texts[fitting.find((key) => Object.hasOwn(texts, key)) as string] ?? "";
}

/** Puts values into a text. */
export const filled = (text: string, values: Record<string, unknown>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
