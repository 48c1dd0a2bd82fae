/** A plane with axes on a canvas: what the decision boundary and the descent have in common. */

import { contour, ticks } from "./contours.js";
import { format, prepare } from "./dom.js";
import { color } from "./palette.js";

const LEFT = 34,
  BOTTOM = 22,
  TOP = 6,
  RIGHT = 8;

export class Plane {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.x = [-1, 1];
    this.y = [-1, 1];
    /** @type {CanvasRenderingContext2D} */
    this.context = /** @type {any} */ (null);
    this.width = this.height = 1;
  }

  /** @param {number[]} x @param {number[]} y the limits of both axes */
  limit(x, y) {
    this.x = x;
    this.y = y;
  }

  /** Start a new drawing. @returns {boolean} false if the canvas is not visible */
  begin() {
    const { context, width, height } = prepare(this.canvas);
    this.context = context;
    this.width = width - LEFT - RIGHT;
    this.height = height - TOP - BOTTOM;
    return this.width > 0 && this.height > 0;
  }

  /** Draw on another canvas of the same size. @param {HTMLCanvasElement} canvas @param {() => void} draw */
  drawOn(canvas, draw) {
    const { context } = this;
    canvas.width = this.canvas.width;
    canvas.height = this.canvas.height;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.context.setTransform(context.getTransform());
    draw();
    this.context = context;
  }

  /** @param {number} x */
  column(x) {
    return LEFT + (this.width * (x - this.x[0])) / (this.x[1] - this.x[0]);
  }

  /** @param {number} y */
  row(y) {
    return TOP + this.height * (1 - (y - this.y[0]) / (this.y[1] - this.y[0]));
  }

  /** Draw inside the axes only. @param {() => void} draw */
  clip(draw) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(LEFT, TOP, this.width, this.height);
    this.context.clip();
    draw();
    this.context.restore();
  }

  /**
   * Spread a picture whose outer pixels are centred on the limits.
   * @param {HTMLCanvasElement} image
   * @param {number} size
   */
  spread(image, size) {
    const halfX = this.width / (size - 1) / 2,
      halfY = this.height / (size - 1) / 2;
    this.context.imageSmoothingEnabled = true;
    this.clip(() =>
      this.context.drawImage(image, LEFT - halfX, TOP - halfY, this.width + 2 * halfX, this.height + 2 * halfY),
    );
  }

  /**
   * Trace the contour line of a grid that spans the axes.
   * @param {ArrayLike<number | null>} values @param {number} size @param {number} level
   */
  level(values, size, level) {
    this.trace(contour(values, size, level), size);
  }

  /**
   * Trace line segments of a grid that spans the axes.
   * @param {number[]} segments x0, y0, x1, y1 of each, in columns and rows @param {number} size
   */
  trace(segments, size) {
    const { context } = this;
    const x = (column) => LEFT + (this.width * column) / (size - 1);
    const y = (row) => TOP + this.height * (1 - row / (size - 1));
    context.beginPath();
    for (let i = 0; i < segments.length; i += 4) {
      context.moveTo(x(segments[i]), y(segments[i + 1]));
      context.lineTo(x(segments[i + 2]), y(segments[i + 3]));
    }
    context.stroke();
  }

  /** Draw a line through points of the canvas. @param {number[][]} points @param {string} ink @param {number[]} dash */
  line(points, ink, dash) {
    const { context } = this;
    context.strokeStyle = ink;
    context.lineWidth = 1.8;
    context.setLineDash(dash);
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
    context.setLineDash([]);
  }

  /** Draw the frame and the ticks. @param {string[]} names of both axes */
  axes(names) {
    const { context } = this;
    context.lineWidth = 1;
    context.strokeStyle = color.line;
    context.strokeRect(LEFT, TOP, this.width, this.height);
    context.fillStyle = color.muted;
    context.font = "11px sans-serif";
    context.textBaseline = "top";
    context.textAlign = "center";
    const bottom = TOP + this.height;
    for (const value of ticks(this.x[0], this.x[1])) {
      const at = this.column(value);
      context.fillRect(at, bottom, 1, 3);
      if (at < LEFT + this.width - 18) context.fillText(format(Number(value.toPrecision(6))), at, bottom + 6);
    }
    context.fillText(names[0], LEFT + this.width - 6, bottom + 6);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ticks(this.y[0], this.y[1])) {
      const at = this.row(value);
      context.fillRect(LEFT - 3, at, 3, 1);
      if (!names[1] || at > TOP + 16) context.fillText(format(Number(value.toPrecision(6))), LEFT - 5, at);
    }
    context.fillText(names[1], LEFT - 5, TOP + 6);
  }

  /**
   * The point of the plane below the pointer, null outside the axes.
   * @param {MouseEvent} event
   * @returns {number[] | null}
   */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const across = (event.clientX - box.left - LEFT) / this.width;
    const up = 1 - (event.clientY - box.top - TOP) / this.height;
    if (across < 0 || across > 1 || up < 0 || up > 1) return null;
    const round = (low, high, share) => Number((low + share * (high - low)).toPrecision(4));
    return [round(this.x[0], this.x[1], across), round(this.y[0], this.y[1], up)];
  }
}
