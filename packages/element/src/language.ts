import english, { type Texts } from "./texts/en.js";

/** The languages whose texts the service has in a file. English is a part of the element. */
export const LANGUAGES = ["ar", "de", "es", "fr", "ja", "pt", "zh"];

/** The first included language: of the element or the page around it, and then of the browser. */
export function languageOf(element: HTMLElement): string {
  const around = element.closest<HTMLElement>("[lang]")?.lang;
  const known = [around, document.documentElement.lang, ...navigator.languages]
    .map((tag) => tag?.toLowerCase().split("-")[0] ?? "")
    .find((tag) => tag === "en" || LANGUAGES.includes(tag));
  return known ?? "en";
}

/** The texts of an included language. If the service does not give them, the texts are English. */
export async function textsOf(language: string, service: string): Promise<Texts> {
  if (language === "en") return english;
  try {
    return (await import(new URL(`/edge-sign-up.${language}.js`, service).href)).default;
  } catch {
    return english;
  }
}
