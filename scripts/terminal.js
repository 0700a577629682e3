// The output of the program: colours and progress on a terminal, and plain lines elsewhere.
"use strict";

/** Ends the command with a sentence for the operator, and this exit code. */
class Stop extends Error {
  constructor(message, code = 1) {
    super(message);
    this.code = code;
  }
}

const style =
  (code) =>
  (text, stream = process.stdout) =>
    stream.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;
const bold = style(1);
const red = style(31);
const green = style(32);

/** Announces a step. */
const say = (text) => console.log(bold(`==> ${text}`));

/** Waits for `work`. On a terminal, a line shows what it does and for how long, until it is done. */
async function progress(text, work) {
  const { stderr } = process;
  if (!stderr.isTTY) return work;
  const start = Date.now();
  const show = () => stderr.write(`\r\x1b[K${text} … ${Math.round((Date.now() - start) / 1000)} s`);
  show();
  const timer = setInterval(show, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    stderr.write("\r\x1b[K");
  }
}

/** Shows what `text` gives: in one line of a terminal, elsewhere as a line every few seconds. The result ends this. */
function ticker(text) {
  const { stderr } = process;
  const show = () =>
    stderr.write(stderr.isTTY ? `\r\x1b[K${bar(text(), stderr.columns || 80)}` : `${text().text}\n`);
  const timer = setInterval(show, stderr.isTTY ? 200 : 5000);
  return () => {
    clearInterval(timer);
    if (stderr.isTTY) stderr.write("\r\x1b[K");
  };
}

/** A line of a terminal with a bar for the done part, from 0 to 1; without a bar if that part is unknown. */
function bar({ text, done }, columns = 80) {
  const width = Math.min(30, columns - text.length - 4);
  if (done === undefined || width < 5) return text.slice(0, columns - 1);
  const full = Math.round(width * done);
  return `[${"█".repeat(full)}${"░".repeat(width - full)}] ${text}`;
}

module.exports = { Stop, bold, red, green, say, progress, ticker, bar };
