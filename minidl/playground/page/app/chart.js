/** Lines over steps on a canvas: the losses of a network, and f in the course of a descent. */

import { ticks } from "./contours.js";
import { format, prepare } from "./dom.js";
import { color, mark } from "./palette.js";

const LEFT = 46,
  BOTTOM = 22,
  TOP = 8,
  RIGHT = 10;

/** @typedef {import("./series.js").Series} Series */
/** @typedef {{label: string, color: string, dash: number[], marker?: string, points: Series}} Line */

export class Chart {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string} what the text alternative starts with it
   */
  constructor(canvas, what) {
    this.canvas = canvas;
    this.what = what;
    /** @type {Line[]} */
    this.lines = [];
  }

  /** Start again with other lines. @param {Line[]} lines */
  clear(lines) {
    this.lines = lines;
  }

  /**
   * Add a point to a line.
   * @param {number} index @param {number} step @param {number | null} value
   */
  add(index, step, value) {
    this.lines[index].points.add(step, value ?? NaN);
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    if (width < 60) return;
    // A line that leaves the others far behind is cut off, so that they can still be seen.
    const begun = this.lines.filter(({ points }) => points.length);
    const firsts = begun.map(({ points }) => Math.abs(points.values[0])).filter(Number.isFinite);
    const limit = firsts.length ? 10 * Math.max(1e-6, ...firsts) : Infinity;
    const { steps, ...range } = extent(this.lines, limit);
    let { low, high } = range;
    const empty = low > high,
      positive = low > 0;
    if (empty) [low, high] = [0, 1];
    const logarithmic = !empty && positive && high / low > 30;
    if (logarithmic) {
      low = Math.max(low, high * 1e-12);
      [low, high] = [Math.log10(low), Math.log10(high)];
    } else if (positive) low = 0;
    if (high - low < 1e-12) high = low + (Math.abs(low) || 1);
    const margin = 0.04 * (high - low);
    [low, high] = [low === 0 && !logarithmic ? 0 : low - margin, high + margin];
    const x = (step) => LEFT + ((width - LEFT - RIGHT) * step) / steps;
    const y = (value) =>
      TOP + (height - TOP - BOTTOM) * (1 - ((logarithmic ? Math.log10(value) : value) - low) / (high - low));
    this.#axes(context, width, height, { low, high, logarithmic, steps, x, y });
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP - 4, width - LEFT - RIGHT + 6, height - TOP - BOTTOM + 8);
    context.clip();
    for (const line of this.lines) this.#line(context, line, x, y);
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {any} scale */
  #axes(context, width, height, { low, high, logarithmic, steps, x, y }) {
    context.font = "11px sans-serif";
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    let marks = ticks(low, high, 4);
    if (logarithmic) {
      const gap = Math.max(1, Math.ceil((high - low) / 5));
      marks = [];
      for (let power = Math.ceil(low); power <= high; power++) if (power % gap === 0) marks.push(power);
      if (marks.length < 2) marks = ticks(low, high, 3);
    }
    for (const value of marks) {
      const shown = logarithmic ? 10 ** value : value;
      const at = Math.round(y(shown)) + 0.5;
      context.strokeStyle = color.line;
      context.beginPath();
      context.moveTo(LEFT, at);
      context.lineTo(width - RIGHT, at);
      context.stroke();
      context.fillStyle = color.muted;
      context.fillText(format(Number(shown.toPrecision(logarithmic ? 2 : 6))), LEFT - 5, at);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const end = width - RIGHT - context.measureText("step").width - 6;
    for (const step of ticks(0, steps, 4)) {
      const label = format(step);
      if (Number.isInteger(step) && x(step) + context.measureText(label).width / 2 < end)
        context.fillText(label, x(step), height - BOTTOM + 6);
    }
    context.textAlign = "right";
    context.fillText("step", width - RIGHT, height - BOTTOM + 6);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Line} line
   * @param {(n: number) => number} x
   * @param {(n: number) => number} y
   */
  #line(context, line, x, y) {
    context.strokeStyle = context.fillStyle = line.color;
    context.lineWidth = 1.8;
    context.setLineDash(line.dash);
    context.beginPath();
    const { steps, values, length } = line.points;
    let last = -1;
    for (let i = 0; i < length; i++) {
      if (!Number.isFinite(values[i])) continue;
      if (i > 0 && last === i - 1) context.lineTo(x(steps[i]), y(values[i]));
      else context.moveTo(x(steps[i]), y(values[i]));
      last = i;
    }
    context.stroke();
    context.setLineDash([]);
    if (line.marker && last >= 0) {
      mark(context, line.marker, x(steps[last]), y(values[last]), 4);
      context.fill();
    }
  }

  /** The text alternative. */
  describe() {
    const ends = this.lines
      .filter((line) => line.points.length)
      .map(({ label, points: { steps, values, length } }) => {
        return `${label} ${format(values[length - 1])} at step ${steps[length - 1]}`;
      });
    const said = ends.length ? `${ends.join(", ")}.` : "Nothing to show yet.";
    this.canvas.setAttribute("aria-label", `${this.what}. ${said}`);
  }
}

/**
 * The last step, and the range of the values as far as they are between the limits.
 * @param {Line[]} lines @param {number} limit
 */
function extent(lines, limit) {
  let steps = 1,
    low = Infinity,
    high = -Infinity;
  for (const { points } of lines) {
    if (points.length) steps = Math.max(steps, points.steps[points.length - 1]);
    for (let i = 0; i < points.length; i++) {
      const value = points.values[i];
      if (!Number.isFinite(value)) continue;
      const shown = Math.max(-limit, Math.min(limit, value));
      low = Math.min(low, shown);
      high = Math.max(high, shown);
    }
  }
  return { steps, low, high };
}
