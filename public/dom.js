// DOM nodes from plain values. Every text becomes a text node; these functions never parse HTML.

/**
 * An element with `attributes` and `children`, which are nodes, texts or lists of them. Values of `null`,
 * `undefined` and `false` are left out.
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (isThere(value)) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter(isThere));
  return node;
}

const isThere = (value) => value !== null && value !== undefined && value !== false;

/** The paragraphs of a text; text in backticks becomes code. */
export function prose(text = "") {
  return text
    .split(/\n{2,}/)
    .filter(Boolean)
    .map((paragraph) => element("p", {}, inline(paragraph)));
}

/** One line of text; text in backticks becomes code. */
export function inline(text = "") {
  return text.split(/`([^`]+)`/).map((part, at) => (at % 2 ? element("code", {}, part) : part));
}
