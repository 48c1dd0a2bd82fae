/** The decision boundary with the data: orange circles are class 0, blue triangles class 1; held-out data are hollow. */

import { bytes, format } from "./dom.js";
import { color, mark, pale } from "./palette.js";
import { Picture } from "./picture.js";
import { Plane } from "./plane.js";

const SHAPES = ["circle", "triangle"];

export class Boundary {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(point: number[], other: boolean) => void} onClick a click on the plane; `other` with Shift
   */
  constructor(canvas, onClick) {
    this.canvas = canvas;
    this.plane = new Plane(canvas);
    this.picture = new Picture();
    this.train = this.test = /** @type {number[][]} */ ([]);
    /** @type {Uint8Array} */
    this.values = new Uint8Array(0);
    this.size = 0;
    this.clicks = false;
    /** @type {{values: Uint8Array, size: number, name: string} | null} a unit that is shown instead */
    this.unit = null;
    canvas.addEventListener("click", (event) => {
      const point = this.clicks ? this.plane.point(event) : null;
      if (point) onClick(point, event.shiftKey);
    });
  }

  /** Show points before there is a network for them. @param {number[][]} points */
  sketch(points) {
    this.train = points;
    this.test = [];
    this.values = new Uint8Array(0);
    this.size = 0;
    // The limits that the engine will choose, so that the plane stays where it is under the clicks.
    const half = Math.max(2, ...points.map(([x, y]) => 1.1 * Math.max(Math.abs(x), Math.abs(y))));
    this.plane.limit([-half, half], [-half, half]);
    this.draw();
  }

  /** @param {any} frame */
  take(frame) {
    if (frame.data) {
      this.train = frame.data.train;
      this.test = frame.data.test;
    }
    if (frame.boundary) {
      this.values = bytes(frame.boundary.values, this.values);
      this.size = frame.boundary.size;
      this.plane.limit(frame.boundary.x, frame.boundary.y);
    }
  }

  draw() {
    const { plane } = this;
    if (!plane.begin()) return;
    const shown = this.unit ?? this;
    if (shown.size) {
      plane.spread(this.picture.paint(shown.values, shown.size, pale), shown.size);
      if (!this.unit) {
        plane.context.strokeStyle = color.text;
        plane.context.lineWidth = 1.5;
        plane.level(this.values, this.size, 127.5);
      }
    }
    plane.clip(() => {
      for (const point of this.test) this.#point(point, false);
      for (const point of this.train) this.#point(point, true);
    });
    plane.axes(["x₁", "x₂"]);
  }

  /** @param {number[]} point @param {boolean} filled */
  #point([x, y, label], filled) {
    const { context } = this.plane;
    const ink = label ? color.class1 : color.class0;
    mark(context, SHAPES[label ? 1 : 0], this.plane.column(x), this.plane.row(y), 3.2);
    context.lineWidth = filled ? 0.8 : 1.4;
    context.fillStyle = filled ? ink : color.background;
    context.strokeStyle = filled ? color.background : ink;
    context.fill();
    context.stroke();
  }

  /** The text alternative. @param {any} frame */
  describe(frame) {
    const name = this.unit ? `${this.unit.name}. ` : "";
    this.canvas.setAttribute(
      "aria-label",
      `${name}Decision boundary and data: ${this.train.length} training samples and ${this.test.length} held-out samples. ` +
        (frame ? `Training loss ${format(frame.loss.train)} at step ${frame.step}.` : "Nothing is trained yet."),
    );
  }
}
