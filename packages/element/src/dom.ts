/** An element with attributes and children. It needs no HTML parser, so it works with Trusted Types too. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(name);
  set(node, attributes);
  node.append(...children);
  return node;
}

/** Sets attributes, or removes those whose value is `false`. */
export function set(node: Element, attributes: Record<string, string | false>): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false) node.removeAttribute(key);
    else if (node.getAttribute(key) !== value) node.setAttribute(key, value);
  }
}
