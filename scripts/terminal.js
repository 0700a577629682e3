// What the program prints: colours and progress on a terminal, and plain lines elsewhere.
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

module.exports = { Stop, bold, red, green, say, progress };
