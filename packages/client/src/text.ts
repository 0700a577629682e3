// Texts of a request: the value of a header, and a fresh key.

/**
 * A text as a header's value. Visible ASCII stays as it is. Any other text takes the extended form of RFC 8187,
 * because `fetch` sends headers as Latin-1, not as UTF-8. So does a text that looks like the extended form.
 */
export function headerValue(text: string): string {
  return /^[!-~]*$/.test(text) && !/^utf-8'/i.test(text) ? text : `UTF-8''${percentEncoded(text)}`;
}

function percentEncoded(text: string): string {
  try {
    // `encodeURIComponent` leaves these four characters as they are; RFC 8187 does not allow that.
    return encodeURIComponent(text).replace(
      /['()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  } catch {
    // The text has half of a surrogate pair and so no form in UTF-8. The service refuses this byte, also.
    return "%FF";
  }
}

/** A fresh `Idempotency-Key`. Unlike `crypto.randomUUID`, this works on a page that came over plain HTTP too. */
export const freshKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
