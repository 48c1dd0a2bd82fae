/**
 * The colours of the drawings. They are those of `minidl.plotting.style` (Okabe and Ito 2008), which colour-blind readers
 * can tell apart. The dark theme uses lighter shades of them. All are defined in style.css.
 */

/** Markers of the classes, in order. Their colours are class0 to class5. */
export const classMarkers = ["circle", "triangle", "square", "diamond", "cross", "down"];

const CLASSES = classMarkers.map((_, label) => `class${label}`);
const NAMES = [...CLASSES, "middle", "positive", "negative", "text", "muted", "line", "surface", "background"];

/** @type {Record<string, string>} the colours of the current theme, by name */
export const color = {};

/** @type {string[]} colours of lines, in order */
export const lineColors = [];

/** Dashes of lines, in order: the first five lines differ without colour. */
export const dashes = [[], [7, 3], [2, 2], [8, 3, 2, 3], [4, 2, 1, 2, 1, 2]];

/** Markers at the end of a path, in order. */
export const markers = ["circle", "square", "triangle", "diamond", "cross"];

/**
 * The diverging colour scale, as 256 pixels of a canvas: as strong as it gets, and paler, for what data are drawn
 * on.
 */
export const strong = new Uint32Array(256);
export const pale = new Uint32Array(256);

/** For each class the 256 pixels of its probability, from the middle to its colour. */
export const strongOf = CLASSES.map(() => new Uint32Array(256));
/** The paler ones, one class after the other, and each alone. */
export const paleClasses = new Uint32Array(256 * CLASSES.length);
export const paleOf = CLASSES.map((_, label) => paleClasses.subarray(256 * label, 256 * (label + 1)));

const listeners = new Set();

/** @param {() => void} redraw what to call when the theme changes */
export const onTheme = (redraw) => listeners.add(redraw);

/** @param {string} text a colour #rrggbb @returns {number[]} */
const parts = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

function read() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) color[name] = style.getPropertyValue(`--${name}`).trim();
  lineColors.length = 0;
  for (let i = 0; i < 6; i++) lineColors.push(style.getPropertyValue(`--line${i}`).trim());
  const ends = CLASSES.map((name) => parts(color[name])),
    middle = parts(color.middle);
  const pixel = (end, share) => {
    const [r, g, b] = middle.map((value, channel) => Math.round(value + share * (end[channel] - value)));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  };
  for (const isStrong of [true, false]) {
    const most = isStrong ? 0.9 : 0.5;
    for (let i = 0; i < 256; i++) {
      const t = (i - 127.5) / 127.5;
      (isStrong ? strong : pale)[i] = pixel(ends[t < 0 ? 0 : 1], most * Math.abs(t));
      (isStrong ? strongOf : paleOf).forEach((scale, label) => {
        scale[i] = pixel(ends[label], (most * i) / 255);
      });
    }
  }
}

read();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  read();
  for (const redraw of listeners) redraw();
});

/**
 * Draw a marker, filled or hollow.
 * @param {CanvasRenderingContext2D} context
 * @param {string} shape
 * @param {number} x @param {number} y @param {number} r
 */
export function mark(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === "square") context.rect(x - 0.85 * r, y - 0.85 * r, 1.7 * r, 1.7 * r);
  else if (shape === "triangle")
    polygon(context, [
      [x, y - 1.15 * r],
      [x + r, y + 0.75 * r],
      [x - r, y + 0.75 * r],
    ]);
  else if (shape === "down")
    polygon(context, [
      [x, y + 1.15 * r],
      [x + r, y - 0.75 * r],
      [x - r, y - 0.75 * r],
    ]);
  else if (shape === "diamond")
    polygon(context, [
      [x, y - 1.2 * r],
      [x + 1.2 * r, y],
      [x, y + 1.2 * r],
      [x - 1.2 * r, y],
    ]);
  else {
    const a = 0.35 * r;
    polygon(context, [
      [x - a, y - r],
      [x + a, y - r],
      [x + a, y - a],
      [x + r, y - a],
      [x + r, y + a],
      [x + a, y + a],
      [x + a, y + r],
      [x - a, y + r],
      [x - a, y + a],
      [x - r, y + a],
      [x - r, y - a],
      [x - a, y - a],
    ]);
  }
}

/** @param {CanvasRenderingContext2D} context @param {number[][]} corners */
function polygon(context, corners) {
  corners.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}
