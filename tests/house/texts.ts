// Prints the texts of every language of the element, and the text of each word of `X-Error-Reason`, as JSON. The
// words are the arguments.

import { LANGUAGES } from "../../packages/element/src/language.js";
import ar from "../../packages/element/src/texts/ar.js";
import de from "../../packages/element/src/texts/de.js";
import en from "../../packages/element/src/texts/en.js";
import es from "../../packages/element/src/texts/es.js";
import fr from "../../packages/element/src/texts/fr.js";
import ja from "../../packages/element/src/texts/ja.js";
import pt from "../../packages/element/src/texts/pt.js";
import zh from "../../packages/element/src/texts/zh.js";
import { textOf } from "../../packages/element/src/words.js";
import { reasonOf } from "../../packages/client/src/reasons.js";

declare const process: { argv: string[] };

const texts = { ar, de, en, es, fr, ja, pt, zh };
const words = Object.fromEntries(
  Object.entries(texts).map(([language, known]) => [
    language,
    Object.fromEntries(
      process.argv.slice(2).map((word) => [word, textOf(word, reasonOf(word, 400), known, {}, false)]),
    ),
  ]),
);
console.log(JSON.stringify({ languages: LANGUAGES, texts, words }));
