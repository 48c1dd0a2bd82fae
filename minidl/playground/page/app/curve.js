/** A small plot of what an activation or a loss looks like, below the field where it is chosen. */

import { el, format } from "./dom.js";
import { color, dashes, onTheme } from "./palette.js";
import { Plane } from "./plane.js";

/** @typedef {{axes: string[], x: number[], y: number[], lines: Record<string, (number | null)[]>}} Curve */

const COLORS = ["positive", "negative"];

export class CurvePlot {
  /** @param {Record<string, Curve>} curves of all values that can be chosen */
  constructor(curves) {
    this.curves = curves;
    /** @type {Curve | undefined} */
    this.curve = undefined;
    this.canvas = el("canvas", { className: "curve", role: "img" });
    this.key = el("ul", { className: "key" });
    this.element = el("div", {}, this.canvas, this.key);
    this.plane = new Plane(this.canvas);
    onTheme(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** @param {string} name the value that is chosen */
  show(name) {
    const curve = this.curves[name];
    if (!curve || curve === this.curve) return;
    this.curve = curve;
    const [low, high] = curve.y;
    const margin = 0.08 * (high - low);
    this.plane.limit(curve.x, [low - margin, high + margin]);
    const lines = Object.entries(curve.lines);
    this.key.replaceChildren(
      ...lines.map(([label], i) =>
        el("li", {}, el("span", { className: `stroke ${COLORS[i]}${i ? " dashed" : ""}` }), label),
      ),
    );
    const ends = lines.map(([label, values]) => `${label} from ${format(values[0])} to ${format(values.at(-1))}`);
    const [left, right] = curve.x;
    this.canvas.setAttribute(
      "aria-label",
      `${name} for ${curve.axes[0]} from ${format(left)} to ${format(right)}: ${ends.join(", ")}`,
    );
    this.draw();
  }

  draw() {
    const { plane, curve } = this;
    if (!curve || !plane.begin()) return;
    const [left, right] = curve.x;
    plane.axes(curve.axes);
    plane.clip(() => {
      Object.values(curve.lines).forEach((values, i) => {
        const place = (value, at) => [plane.column(left + ((right - left) * at) / (values.length - 1)), plane.row(value)];
        plane.line(values.map(place), color[COLORS[i]], dashes[i]);
      });
    });
  }
}
