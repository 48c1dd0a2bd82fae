/**
 * The decision boundary with the data. Each class has a colour and a marker, and held-out data are hollow. Of several
 * classes, the plane has the colour of the most probable one, the paler the less probable it is.
 */

import { format } from "./dom.js";
import { classesIn } from "./own_points.js";
import { classMarkers, color, mark, pale, paleClasses, paleOf } from "./palette.js";
import { Picture } from "./picture.js";
import { Plane } from "./plane.js";
import { borders, regions, shades } from "./regions.js";

export class Boundary {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(point: number[], next: boolean) => void} onClick a click on the plane; `next` with Shift
   */
  constructor(canvas, onClick) {
    this.canvas = canvas;
    this.plane = new Plane(canvas);
    this.picture = new Picture();
    this.train = this.test = /** @type {number[][]} */ ([]);
    this.classes = 2;
    /** @type {Uint8Array | Uint16Array} the probability of class 1 from 0 to 255, or the regions of several classes */
    this.values = new Uint8Array(0);
    /** @type {Uint16Array[]} the probability of class 1, or of each of several classes, from 0 to 65535 */
    this.chances = [];
    this.size = 0;
    /** @type {Uint8Array | null} what the probabilities are read from */
    this.pixels = null;
    this.clicks = false;
    /** The data and the axes on a canvas of their own, as they stay the same for many frames. */
    this.still = document.createElement("canvas");
    /** What they were drawn for. */
    this.drawn = "";
    /** @type {import("./network_drawing.js").UnitMap | null} a unit that is shown instead */
    this.unit = null;
    canvas.addEventListener("click", (event) => {
      const point = this.clicks ? this.plane.point(event) : null;
      if (point) onClick(point, event.shiftKey);
    });
  }

  /** Show points before there is a network for them. @param {number[][]} points */
  sketch(points) {
    this.drawn = "";
    this.train = points;
    this.test = [];
    this.classes = classesIn(points);
    this.values = new Uint8Array(0);
    this.size = 0;
    // The limits that the engine will choose, so that the plane stays where it is under the clicks.
    const half = Math.max(2, ...points.map(([x, y]) => 1.1 * Math.max(Math.abs(x), Math.abs(y))));
    this.plane.limit([-half, half], [-half, half]);
    this.draw();
    this.describe(null);
  }

  /** @param {any} frame */
  take(frame) {
    if (frame.data) {
      this.drawn = "";
      this.train = frame.data.train;
      this.test = frame.data.test;
      this.classes = frame.classes.length;
    }
    const { size, x, y } = frame.boundary;
    if (frame.data || frame.pixels !== this.pixels) {
      this.pixels = frame.pixels;
      const count = this.classes > 2 ? this.classes : 1;
      this.chances = Array.from(
        { length: count },
        (_, label) => new Uint16Array(frame.pixels.buffer, 2 * size * size * label, size * size),
      );
    }
    this.values = this.classes > 2 ? regions(this.chances, this.values) : shades(this.chances[0], this.values);
    this.size = size;
    this.plane.limit(x, y);
  }

  draw() {
    const { plane } = this;
    if (!plane.begin()) return;
    const shown = this.unit ?? this;
    if (shown.size) {
      const colors = this.unit ? paleOf[this.unit.label ?? -1] : this.chances.length > 1 ? paleClasses : undefined;
      plane.spread(this.picture.paint(shown.values, shown.size, colors ?? pale), shown.size);
      if (!this.unit) {
        plane.context.strokeStyle = color.text;
        plane.context.lineWidth = 1.5;
        const { chances, size } = this;
        if (chances.length > 1) plane.trace(borders(chances, size), size);
        else plane.level(chances[0], size, 32767.5);
      }
    }
    this.#drawStill();
    plane.context.drawImage(this.still, 0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
  }

  /** Draw the data and the axes, unless they are drawn already. */
  #drawStill() {
    const { canvas, plane } = this;
    const now = [canvas.width, canvas.height, ...plane.x, ...plane.y, color.background, color.class0].join();
    if (now === this.drawn) return;
    this.drawn = now;
    plane.drawOn(this.still, () => {
      plane.clip(() => {
        for (const point of this.test) this.#point(point, false);
        for (const point of this.train) this.#point(point, true);
      });
      plane.axes(["x₁", "x₂"]);
    });
  }

  /** @param {number[]} point @param {boolean} filled */
  #point([x, y, label], filled) {
    const { context } = this.plane;
    const ink = color[`class${label}`];
    mark(context, classMarkers[label], this.plane.column(x), this.plane.row(y), 3.2);
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
      `${name}Decision boundary and data of ${this.classes} classes: ` +
        `${this.train.length} training samples and ${this.test.length} held-out samples. ` +
        (frame ? `Training loss ${format(frame.loss.train)} at step ${frame.step}.` : "Nothing is trained yet."),
    );
  }
}
