// Draws the ratios as bars in an SVG, in colours that are readable on light and dark backgrounds. Observable Plot
// would need 60 packages and a DOM, only to draw rectangles and texts.
const COLOURS = { "edge-signup": "#2f81f7", hono: "#e0823d", "better-auth": "#a371f7" };
export const GREY = "#768390";

const WIDTH = 860;
const LEFT = 330;
const RIGHT = 60;
const TOP = 56;
const BAR = 11;
const GAP = 14;

/** The ratio at which a longer bar is cut. */
const MOST = 2.5;

const x = (value) => LEFT + (Math.min(value, MOST) / MOST) * (WIDTH - LEFT - RIGHT);
export const text = (at, y, content, more = "") => `<text x="${at}" y="${y}" ${more}>${content}</text>`;

/**
 * Gives the SVG of `rows`. Each row has a `label` and the `cells` of its targets, and each cell has a `middle` and
 * the quartiles `low` and `high`.
 */
export function plot(rows, titles) {
  const shapes = [];
  let y = TOP;
  for (const { label, cells } of rows) {
    const bars = Object.entries(cells).filter(([name]) => COLOURS[name]);
    const height = bars.length * BAR;
    shapes.push(text(LEFT - 10, y + height / 2 + 4, label.replaceAll("`", ""), 'text-anchor="end"'));
    bars.forEach(([name, { middle, low, high }], at) => {
      const top = y + at * BAR;
      const colour = `fill="${COLOURS[name]}"`;
      shapes.push(`<rect x="${LEFT}" y="${top}" width="${x(middle) - LEFT}" height="${BAR - 2}" ${colour}/>`);
      if (middle <= MOST) {
        const quartiles = `x="${x(low)}" y="${top + BAR / 2 - 2}" width="${x(high) - x(low)}" height="2"`;
        shapes.push(`<rect ${quartiles} fill="${GREY}"/>`);
      }
      const value = middle.toFixed(2) + (middle > MOST ? " →" : "");
      shapes.push(text(Math.max(x(high), x(middle)) + 5, top + BAR - 2, value, 'font-size="10"'));
    });
    y += height + GAP;
  }
  let at = 10;
  const legend = Object.entries(COLOURS).flatMap(([name, colour]) => {
    const entry = [
      `<rect x="${at}" y="14" width="${BAR}" height="${BAR}" fill="${colour}"/>`,
      text(at + 17, 24, titles[name]),
    ];
    at += 110;
    return entry;
  });
  const one = [
    text(x(1), TOP - 14, `${titles.js} = 1`, 'text-anchor="middle"'),
    `<path d="M${x(1)} ${TOP - 8}V${y - GAP + 6}" stroke="${GREY}" stroke-dasharray="3 3"/>`,
  ];
  const style = `font-family="system-ui, sans-serif" font-size="13" fill="${GREY}"`;
  const size = `viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>
${[...legend, ...one, ...shapes].join("\n")}
</svg>
`;
}
