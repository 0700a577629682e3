// Shows a JSON Schema of an OpenAPI 3.1 document as DOM nodes.

import { element, inline, prose } from "./dom.js";

/** How many levels of schemas are shown. Without this limit, a schema that contains itself would never end. */
const DEPTH = 6;

const CHOICES = { oneOf: "one of", anyOf: "any of", allOf: "all of" };

/** Gives a function that follows a `$ref` inside `api`; it keeps the members beside the `$ref`. */
export function resolver(api) {
  const at = (reference) =>
    reference
      .slice(2)
      .split("/")
      .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
      .reduce((node, part) => node?.[part], api);
  const follow = ({ $ref: reference, ...given } = {}, seen = []) =>
    reference?.startsWith("#/") && !seen.includes(reference)
      ? { ...follow(at(reference), [...seen, reference]), ...given }
      : given;
  return (given) => follow(given);
}

/** A value as a reader would write it: a string as it is, anything else as JSON. */
const written = (given) => (typeof given === "string" && given !== "" ? given : JSON.stringify(given));

/**
 * The terms and descriptions of a `dl` for the members of a schema, or for the schema itself if it has no members.
 *
 * `member` has the `name` of the schema, and perhaps its `place` (where a parameter is sent) and whether it is
 * `required`. `more` has a `description`, which is shown before the schema's own, and `examples`.
 */
export function schemaView(given, resolve, member = null, more = {}, depth = 0) {
  const schema = resolve(given);
  const inner = depth < DEPTH ? innerView(schema, resolve, depth + 1) : [];
  if (!member && inner.length > 0) return inner;
  return [
    element(
      "dt",
      {},
      member && [element("code", { class: "name" }, member.name), " "],
      element("span", { class: "kind" }, [member?.place, kind(schema)].filter(Boolean).join(", ")),
      member?.required && element("span", { class: "required" }, " required"),
    ),
    element(
      "dd",
      {},
      prose(more.description),
      more.description === schema.description ? null : prose(schema.description),
      rulesView(schema),
      (more.examples ?? []).map((example) =>
        element("p", {}, "Example: ", element("code", {}, written(example.value))),
      ),
      inner.length > 0 && element("dl", { class: "members" }, inner),
    ),
  ];
}

function innerView(schema, resolve, depth) {
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    schemaView(property, resolve, { name, required: schema.required?.includes(name) }, {}, depth),
  );
  const items = schema.items ? schemaView(schema.items, resolve, { name: "each item" }, {}, depth) : [];
  const choices = Object.keys(CHOICES)
    .filter((key) => !isWords(schema[key]))
    .flatMap((key) =>
      (schema[key] ?? []).flatMap((choice, at) =>
        schemaView(choice, resolve, { name: `${CHOICES[key]} ${at + 1}` }, {}, depth),
      ),
    );
  return [...members, ...items, ...choices];
}

/** Whether each choice is one fixed value. */
const isWords = (choices) => choices?.every((choice) => choice.const !== undefined);

/** The type of a schema in words. */
function kind({ type, format, properties, items }) {
  const types = [type ?? (properties ? "object" : items ? "array" : "any")].flat().join(" or ");
  return format ? `${types} (${format})` : types;
}

/** The rules that a value must follow, each on a line. */
function rulesView(schema) {
  const range = (low, high, unit) => {
    if (low === undefined && high === undefined) return null;
    if (high === undefined) return `At least ${low}${unit}.`;
    if (low === undefined) return `At most ${high}${unit}.`;
    return `${low} to ${high}${unit}.`;
  };
  const codes = (label, values) => [
    label,
    values.map((one, at) => [at > 0 && ", ", element("code", {}, written(one))]),
    ".",
  ];
  const rules = [
    schema.const !== undefined && codes("Always ", [schema.const]),
    schema.enum && codes("One of ", schema.enum),
    ...(isWords(schema.oneOf)
      ? schema.oneOf.map((one) => [element("code", {}, written(one.const)), ": ", inline(one.description ?? "")])
      : []),
    range(schema.minLength, schema.maxLength, " characters"),
    range(schema.minimum, schema.maximum, ""),
    range(schema.minItems, schema.maxItems, " items"),
    schema.pattern && ["Pattern ", element("code", {}, schema.pattern)],
    schema.default !== undefined && codes("Default ", [schema.default]),
  ].filter(Boolean);
  return (
    rules.length > 0 &&
    element(
      "ul",
      { class: "rules" },
      rules.map((rule) => element("li", {}, rule)),
    )
  );
}
