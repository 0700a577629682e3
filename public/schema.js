// A JSON Schema of an OpenAPI 3.1 document as readable nodes.

import { element, inline, prose } from "./dom.js";

/** How deep schemas are shown inside schemas; one that holds itself would have no end. */
const DEPTH = 6;

const CHOICES = { oneOf: "one of", anyOf: "any of", allOf: "all of" };

/** Gives a function that follows a `$ref` inside `api`; what stands beside the `$ref` counts too. */
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
 * The members of a schema, or the schema itself where it has none, as terms and descriptions of a `dl`.
 *
 * `member` names it: `name`, and perhaps `place` (where a parameter stands) and `required`.
 * `more` has a `description` that goes before the schema's, and `examples`.
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

/** Whether choices are values alone, each with its meaning. */
const isWords = (choices) => choices?.every((choice) => choice.const !== undefined);

/** Its type in words. */
function kind({ type, format, properties, items }) {
  const types = [type ?? (properties ? "object" : items ? "array" : "any")].flat().join(" or ");
  return format ? `${types} (${format})` : types;
}

/** The rules that a value must keep, each as a line. */
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
