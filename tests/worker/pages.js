// The faults of the page as it is shown, one line for each. `width` is the screen's, because a phone's `innerWidth`
// grows with a page that is too wide. `minimum` is the least height of a button, a field or a link.
const [width, minimum] = arguments;
const faults = [];
const visible = (node) =>
  node.checkVisibility({ visibilityProperty: true }) && !node.closest(".unseen, .skip, [aria-hidden]");
const describe = (node) =>
  `<${node.localName} class="${node.className}"> ${node.textContent.trim().slice(0, 40)}`;

if (document.documentElement.scrollWidth > width) faults.push("the page scrolls sideways");

for (const input of document.querySelectorAll("input")) {
  if (!input.labels.length) faults.push(`no label: ${input.name}`);
}
for (const node of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
  const names = ["aria-describedby", "aria-labelledby"].map((name) => node.getAttribute(name) ?? "");
  for (const id of names.join(" ").match(/\S+/g)) {
    if (document.querySelectorAll(`#${CSS.escape(id)}`).length !== 1) faults.push(`no such element: #${id}`);
  }
}
for (const node of [...document.querySelectorAll("button, input, nav a, summary")].filter(visible)) {
  // A click on its label ticks a box.
  const { height } = (node.type === "checkbox" ? node.labels[0] : node).getBoundingClientRect();
  if (height < minimum) faults.push(`${height}px high: ${describe(node)}`);
}

// The red, green, blue and alpha of a colour, in whatever notation it is computed.
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
function pixel(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}
function ground(node) {
  // A node in a slot has the ground of the slot.
  for (let at = node; at; at = at.assignedSlot ?? at.parentElement ?? at.getRootNode().host) {
    const colour = pixel(getComputedStyle(at).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255];
}
// https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
const luminance = ([red, green, blue]) =>
  [red, green, blue]
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
for (const node of [...document.querySelectorAll("body *")].filter(visible)) {
  const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (!hasText && node.localName !== "input") continue;
  if (node.type === "radio") continue;
  const pair = [pixel(getComputedStyle(node).color), ground(node)].map(luminance);
  const [dark, light] = pair.sort((a, b) => a - b);
  const contrast = (light + 0.05) / (dark + 0.05);
  if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${describe(node)}`);
}
return faults;
