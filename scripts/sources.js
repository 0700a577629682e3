// Reads files of any size in pieces: lines, CSV and JSON. Each reader gives one entry after the other, as
// `{ place, value }`: `place` says where it stands in the file, as `{ line: 12 }` or `{ place: "users[11]" }`.
"use strict";

const { Stop } = require("./terminal");

/** A longer line or record is not read into memory: the file is then of another format. */
const LONGEST = 1 << 20;

const TOO_LONG = `must have at most ${LONGEST} bytes`;
const BOM = Buffer.from("\ufeff");

/** The lines of a stream of bytes that are not blank. A line that is too long has no value. */
async function* lines(stream) {
  let line = 1;
  let parts = [];
  let size = 0;
  const finished = () => {
    const value = size > LONGEST ? undefined : withoutBom(Buffer.concat(parts), line);
    const entry = { place: { line }, value };
    line += 1;
    parts = [];
    size = 0;
    return value && !/[^ \t\r]/.test(value.toString("latin1")) ? [] : [entry];
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      keep(chunk.subarray(start, end));
      yield* finished();
      start = end + 1;
    }
    keep(chunk.subarray(start));
  }
  if (size) yield* finished();

  function keep(part) {
    size += part.length;
    if (size <= LONGEST) parts.push(part);
    else parts = [];
  }
}

const withoutBom = (bytes, line) =>
  line === 1 && bytes.subarray(0, BOM.length).equals(BOM) ? bytes.subarray(BOM.length) : bytes;

/** The values of a file that has JSON on each line. */
async function* ndjson(stream) {
  for await (const { place, value } of lines(stream)) {
    if (!value) yield { place, failure: `The line ${TOO_LONG}` };
    else yield { place, ...parsed(value) };
  }
}

function parsed(bytes) {
  try {
    return { value: JSON.parse(bytes) };
  } catch {
    return { failure: "The line must be JSON" };
  }
}

/** The rows of a CSV file whose first line names the columns, as objects. It must have the columns in `needed`. */
async function* csv(stream, needed) {
  const { parse, CsvError } = require("csv-parse");
  const options = {
    bom: true,
    columns: (names) => {
      const missing = needed.filter((name) => !names.includes(name));
      if (missing.length) {
        throw new Stop(`The first line of the file must name the columns: ${missing.join(" and ")} is missing`);
      }
      return names;
    },
    info: true,
    max_record_size: LONGEST,
    relax_column_count: true, // one bad row must not stop the others
    skip_empty_lines: true,
  };
  const rows = stream.pipe(parse(options));
  stream.on("error", (error) => rows.destroy(error));
  try {
    for await (const { record: value, info } of rows) {
      const place = { line: info.lines };
      if (info.error) yield { place, failure: "The row must have as many columns as the first line" };
      else yield { place, value };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new Stop(`The file is not CSV: ${error.message}`);
  }
}

/** The elements of an array in a JSON file: of the array in the member `name`, or of the file itself. */
async function* json(stream, name = "") {
  const { JSONParser } = require("@streamparser/json");
  const parser = new JSONParser({ paths: [name ? `$.${name}.*` : "$.*"], keepStack: false });
  let entries = [];
  parser.onValue = ({ key, value }) => entries.push({ place: { place: `${name}[${key}]` }, value });
  for await (const chunk of stream) {
    try {
      parser.write(chunk);
    } catch ({ message }) {
      yield* entries;
      throw new Stop(`The file is not JSON: ${message}`);
    }
    yield* entries;
    entries = [];
  }
  if (!parser.isEnded) throw new Stop("The file is not JSON: it ends too early");
}

module.exports = { lines, ndjson, csv, json, TOO_LONG };
