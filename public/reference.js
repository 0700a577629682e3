// The reference: it shows openapi.json as a page.

import { element, inline, prose } from "./dom.js";
import { resolver, schemaView } from "./schema.js";

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

const main = document.querySelector("main");
try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`the answer was ${response.status}`);
  show(await response.json());
} catch (error) {
  const words = `openapi.json could not be shown: ${error.message}. Reload to try again.`;
  main.replaceChildren(element("p", { class: "intro", role: "alert" }, words));
}

function show(api) {
  const resolve = resolver(api);
  const operations = Object.entries(api.paths ?? {}).flatMap(([path, given]) => {
    const item = resolve(given);
    return METHODS.filter((method) => item[method]).map((method) => ({
      path,
      method,
      id: `${method}-${path.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "")}`,
      ...item[method],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(resolve),
    }));
  });
  main.replaceChildren(
    element(
      "div",
      { class: "intro" },
      element("h1", {}, `${api.info.title} reference`),
      api.info.summary && element("p", {}, inline(api.info.summary)),
      prose(api.info.description),
    ),
    element(
      "nav",
      { class: "contents", "aria-label": "Operations" },
      element(
        "ul",
        {},
        operations.map((operation) =>
          element("li", {}, element("a", { href: `#${operation.id}` }, called(operation))),
        ),
      ),
    ),
    element(
      "div",
      { class: "operations" },
      operations.map((operation) => operationView(operation, resolve)),
    ),
  );
  // The part of the page that the URL's fragment names exists only now. The ids need no percent-encoding.
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function called({ method, path }) {
  return [
    element("code", { class: "method", "data-method": method }, method.toUpperCase()),
    " ",
    element("code", {}, path),
  ];
}

function operationView(operation, resolve) {
  const { id, summary, description, deprecated, parameters, requestBody, responses = {} } = operation;
  return element(
    "section",
    { class: "operation", id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title` }, inline(summary ?? operation.operationId ?? operation.path)),
    element("p", { class: "call" }, called(operation)),
    deprecated && element("p", { class: "notice" }, "Deprecated."),
    prose(description),
    parameters.length > 0 && [element("h3", {}, "Parameters"), parametersView(parameters, resolve)],
    requestBody && bodyView(resolve(requestBody), resolve),
    element("h3", {}, "Answers"),
    Object.entries(responses).map(([status, response]) => responseView(status, resolve(response), resolve)),
  );
}

function parametersView(parameters, resolve) {
  return element(
    "dl",
    { class: "members" },
    parameters.map((parameter) =>
      schemaView(
        parameter.schema ?? {},
        resolve,
        { name: parameter.name, place: parameter.in, required: parameter.required },
        { description: parameter.description, examples: examples(parameter) },
      ),
    ),
  );
}

function bodyView(body, resolve) {
  const title = body.required ? "Body" : "Body (optional)";
  return [element("h3", {}, title), prose(body.description), contentView(body, resolve)];
}

function responseView(status, response, resolve) {
  const headers = Object.entries(response.headers ?? {});
  return element(
    "details",
    { class: "response panel", open: status.startsWith("2") },
    element(
      "summary",
      {},
      element("span", { class: "status", "data-class": status[0] }, status),
      element("span", {}, inline(response.description)),
    ),
    element(
      "div",
      {},
      contentView(response, resolve),
      headers.length > 0 &&
        element(
          "details",
          { class: "headers" },
          element("summary", {}, headers.length === 1 ? "1 header" : `${headers.length} headers`),
          element(
            "dl",
            { class: "members" },
            headers.map(([name, given]) => {
              const header = resolve(given);
              return schemaView(
                header.schema ?? {},
                resolve,
                { name },
                {
                  description: header.description,
                  examples: examples(header),
                },
              );
            }),
          ),
        ),
    ),
  );
}

function contentView({ content = {} }, resolve) {
  return Object.entries(content).map(([type, media]) => {
    const schema = resolve(media.schema ?? {});
    return element(
      "div",
      { class: "content" },
      element("p", { class: "type" }, element("code", {}, type)),
      schema.properties ? prose(schema.description) : null,
      element("dl", { class: "members" }, schemaView(schema, resolve)),
      examples(media, resolve).map(({ summary, value: example }) =>
        element(
          "figure",
          {},
          element("figcaption", {}, summary ? inline(summary) : "Example"),
          element(
            "pre",
            { tabindex: "0", role: "group", "aria-label": summary ?? "Example" },
            JSON.stringify(example, null, 2),
          ),
        ),
      ),
    );
  });
}

/** The `example` or the `examples` of a parameter, a header or a media type. */
function examples({ example, examples: named = {} }, resolve = (given) => given) {
  if (example !== undefined) return [{ value: example }];
  return Object.values(named)
    .map(resolve)
    .filter((given) => given.value !== undefined);
}
