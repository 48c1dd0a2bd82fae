/** Small pictures of the data sets. They only hint at the shape: the data themselves come from minidl. */

import { el } from "./dom.js";
import { color, mark, onTheme } from "./palette.js";

/**
 * Numbers from 0 to 1 that look random and are always the same.
 * @returns {Generator<number, never>}
 */
function* numbers() {
  for (let state = 7; ; state = (state * 16807) % 2147483647) yield (state % 10007) / 10007;
}

/**
 * @type {Record<string, (i: number, draw: () => number) => number[]>} a point of each data set, between −1 and 1, and its class
 */
const SHAPES = {
  xor: (i, draw) => {
    const [a, b] = [
      [1, 1],
      [-1, 1],
      [-1, -1],
      [1, -1],
    ][i % 4];
    return [0.5 * a + 0.35 * (draw() - 0.5), 0.5 * b + 0.35 * (draw() - 0.5), i % 2];
  },
  moons: (i, draw) => {
    const angle = Math.PI * draw();
    return i % 2
      ? [0.28 - 0.55 * Math.cos(angle), 0.2 - 0.6 * Math.sin(angle), 1]
      : [-0.28 + 0.55 * Math.cos(angle), -0.2 + 0.6 * Math.sin(angle), 0];
  },
  circles: (i, draw) => {
    const angle = 2 * Math.PI * draw(),
      radius = i % 2 ? 0.3 : 0.75;
    return [radius * Math.cos(angle), radius * Math.sin(angle), i % 2];
  },
  spirals: (i) => {
    const share = (i + 1) / 36,
      angle = 7.5 * share + (i % 2 ? Math.PI : 0);
    return [0.85 * share * Math.cos(angle), 0.85 * share * Math.sin(angle), i % 2];
  },
  blobs: (i, draw) => {
    const side = i % 2 ? 0.4 : -0.4;
    return [side + 0.5 * (draw() - 0.5), side + 0.5 * (draw() - 0.5), i % 2];
  },
};

const SIZE = 40;

/** @param {string} name of a data set @returns {HTMLElement} */
export function thumbnail(name) {
  const canvas = el("canvas", { width: 2 * SIZE, height: 2 * SIZE });
  canvas.setAttribute("aria-hidden", "true");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const draw = () => {
    context.setTransform(2, 0, 0, 2, 0, 0);
    context.clearRect(0, 0, SIZE, SIZE);
    if (!SHAPES[name]) {
      context.fillStyle = color.muted;
      context.font = `bold ${name === "csv" ? 12 : 24}px sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(name === "points" ? "+" : "CSV", SIZE / 2, SIZE / 2);
      return;
    }
    const source = numbers();
    for (let i = 0; i < 36; i++) {
      const [x, y, label] = SHAPES[name](i, () => source.next().value);
      context.fillStyle = label ? color.class1 : color.class0;
      mark(context, label ? "triangle" : "circle", SIZE * (0.5 + 0.5 * x), SIZE * (0.5 - 0.5 * y), 1.7);
      context.fill();
    }
  };
  draw();
  onTheme(draw);
  return canvas;
}
