/** The landscape of a function f(x, y): shaded levels, contour lines, and the paths of the descents. */

import { format } from "./dom.js";
import { color, dashes, lineColors, mark, markers } from "./palette.js";
import { Plane } from "./plane.js";

/** The most points of a path that are drawn. Later ones replace some from the middle. */
const MAX_POINTS = 16000;

export class Landscape {
  /** @param {HTMLCanvasElement} canvas @param {(point: number[]) => void} onClick */
  constructor(canvas, onClick) {
    this.canvas = canvas;
    this.plane = new Plane(canvas);
    /** @type {any} */
    this.grid = null;
    /** @type {{label: string, look: number, points: number[][], fate: string | null, f: number}[]} */
    this.paths = [];
    /** @type {HTMLCanvasElement | null} */
    this.shades = null;
    canvas.addEventListener("click", (event) => {
      const point = this.plane.point(event);
      if (point) onClick(point);
    });
  }

  /** @param {any} frame @param {(path: number) => number} look the look of a path */
  take(frame, look) {
    if (frame.grid) {
      this.grid = frame.grid;
      this.plane.limit(frame.grid.x, frame.grid.y);
      this.paths = [];
      this.shade();
    }
    frame.paths.forEach((path, index) => {
      if (!this.paths[index])
        this.paths[index] = { label: path.label, look: look(index), points: [], fate: null, f: 0 };
      const mine = this.paths[index];
      this.#extend(mine.points, path.points);
      mine.fate = path.fate;
      mine.f = path.f;
    });
  }

  /**
   * Add points to a path, except for those that nobody could tell apart.
   * @param {number[][]} points
   * @param {number[][]} more
   */
  #extend(points, more) {
    const { x, y } = this.grid;
    const near = [(x[1] - x[0]) / 2000, (y[1] - y[0]) / 2000];
    for (const point of more) {
      const last = points[points.length - 1];
      const far = !last || Math.abs(point[0] - last[0]) > near[0] || Math.abs(point[1] - last[1]) > near[1];
      if (far) points.push(point);
    }
    if (points.length > MAX_POINTS) points.splice(MAX_POINTS / 2, MAX_POINTS / 4);
  }

  /** Draw the bands between the levels on a canvas of their own, once. */
  shade() {
    const { size, values, levels } = this.grid;
    const scale = 4,
      wide = (size - 1) * scale + 1;
    const image = document.createElement("canvas");
    image.width = image.height = wide;
    const context = /** @type {CanvasRenderingContext2D} */ (image.getContext("2d"));
    const pixels = context.createImageData(wide, wide);
    const base = channels(color.surface),
      deep = channels(color.class1);
    for (let row = 0; row < wide; row++) {
      for (let column = 0; column < wide; column++) {
        const value = interpolate(values, size, column / scale, (wide - 1 - row) / scale);
        let band = 0;
        while (band < levels.length && value > levels[band]) band++;
        const share = value === null ? 0 : 0.5 * (1 - band / levels.length);
        const at = 4 * (row * wide + column);
        for (let i = 0; i < 3; i++) pixels.data[at + i] = base[i] + share * (deep[i] - base[i]);
        pixels.data[at + 3] = value === null ? 0 : 255;
      }
    }
    context.putImageData(pixels, 0, 0);
    this.shades = image;
  }

  draw() {
    const { plane, grid } = this;
    if (!grid || !plane.begin()) return;
    if (this.shades) plane.spread(this.shades, this.shades.width);
    const { context } = plane;
    context.lineWidth = 0.6;
    context.strokeStyle = color.muted;
    for (const level of grid.levels) plane.level(grid.values, grid.size, level);
    plane.clip(() => {
      for (const [x, y] of grid.minima ?? []) this.#minimum(plane.column(x), plane.row(y));
      this.paths.forEach((path) => this.#path(path));
    });
    plane.axes(["x", "y"]);
    this.canvas.setAttribute("aria-label", this.#describe());
  }

  /** @param {number} x @param {number} y */
  #minimum(x, y) {
    const { context } = this.plane;
    context.strokeStyle = color.text;
    context.lineWidth = 1.6;
    context.beginPath();
    context.moveTo(x - 6, y);
    context.lineTo(x + 6, y);
    context.moveTo(x, y - 6);
    context.lineTo(x, y + 6);
    context.stroke();
  }

  /** @param {{look: number, points: number[][]}} path */
  #path({ look, points }) {
    const { plane } = this;
    const { context } = plane;
    const there = points.filter(([x, y]) => x !== null && y !== null);
    if (!there.length) return;
    context.beginPath();
    there.forEach(([x, y], i) =>
      i ? context.lineTo(plane.column(x), plane.row(y)) : context.moveTo(plane.column(x), plane.row(y)),
    );
    context.lineJoin = "round";
    context.strokeStyle = color.background;
    context.lineWidth = 4;
    context.stroke();
    context.strokeStyle = lineColors[look % lineColors.length];
    context.lineWidth = 2;
    context.setLineDash(dashes[look % dashes.length]);
    context.stroke();
    context.setLineDash([]);
    const [x, y] = there[there.length - 1];
    mark(context, "circle", plane.column(there[0][0]), plane.row(there[0][1]), 4.5);
    context.fillStyle = color.background;
    context.strokeStyle = color.text;
    context.lineWidth = 1.5;
    context.fill();
    context.stroke();
    mark(context, markers[look % markers.length], plane.column(x), plane.row(y), 5.5);
    context.fillStyle = lineColors[look % lineColors.length];
    context.strokeStyle = color.background;
    context.fill();
    context.stroke();
  }

  #describe() {
    const { x, y } = this.grid;
    const paths = this.paths.map((path) => {
      const [px, py] = path.points[path.points.length - 1] ?? [null, null];
      return `${path.label} is at x ${format(px)}, y ${format(py)}, f ${format(path.f)}`;
    });
    return (
      `Contour lines of f for x from ${format(x[0])} to ${format(x[1])} and y from ${format(y[0])} to ${format(y[1])}. ` +
      `${paths.join(". ")}.`
    );
  }
}

/** @param {string} text #rrggbb */
const channels = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

/**
 * Bilinear interpolation.
 * @param {(number | null)[]} values
 * @param {number} size
 * @param {number} column
 * @param {number} row
 */
function interpolate(values, size, column, row) {
  const c = Math.min(Math.floor(column), size - 2),
    r = Math.min(Math.floor(row), size - 2);
  const s = column - c,
    t = row - r,
    at = r * size + c;
  const corners = [values[at], values[at + 1], values[at + size], values[at + size + 1]];
  if (corners.some((value) => value === null)) return null;
  const [a, b, d, e] = /** @type {number[]} */ (corners);
  return (1 - t) * ((1 - s) * a + s * b) + t * ((1 - s) * d + s * e);
}
