/**
 * The network: each unit is a small map of its own output over the plane, each weight a line. The width of a line is the
 * size of the weight, its colour the sign. Units can be reached with Tab and the arrow keys.
 */

import { el, format, prepare, svg } from "./dom.js";
import { color, strongOf } from "./palette.js";
import { Picture } from "./picture.js";

const SMALLEST = 14,
  LARGEST = 42,
  HEIGHT = 400;

const HINT = "Point at a weight or a unit, or move to a unit with Tab and the arrow keys, to see its numbers.";

/** @typedef {{values: Uint8Array, size: number, name: string, label?: number}} UnitMap that of a class has its label */

export class NetworkDrawing {
  /**
   * @param {HTMLElement} box where it is drawn
   * @param {HTMLElement} details where numbers of a unit or a weight are shown
   * @param {{onUnits: (layer: number, change: number) => void, onShow: (map: UnitMap | null) => void,
   *   most: number}} options
   */
  constructor(box, details, options) {
    this.box = box;
    this.details = details;
    this.options = options;
    this.signature = "";
    /** @type {string[]} the names of the classes */
    this.classes = [];
    /** @type {any} */
    this.frame = null;
    /** @type {{layer: number, unit: number, from?: number} | null} what the details are about */
    this.chosen = null;
    this.hint = el("p", {}, HINT);
    new ResizeObserver(() => this.draw()).observe(box);
  }

  /** @param {any} frame */
  take(frame) {
    if (frame.layers) this.frame = frame;
    if (!frame.layers || !frame.data) return;
    this.inputs = maps(frame.boundary);
    this.classes = frame.classes;
  }

  /** Show no network. */
  clear() {
    this.frame = this.chosen = null;
    this.signature = "";
    this.box.replaceChildren();
    this.details.replaceChildren();
  }

  draw() {
    if (!this.frame || !this.box.clientWidth) return;
    const sizes = [2, ...this.frame.layers.map((layer) => layer.bias.length)];
    const signature = `${sizes} ${this.classes} ${this.box.clientWidth}`;
    if (signature !== this.signature) {
      this.signature = signature;
      this.#build(sizes);
    }
    if (this.frame.pixels !== this.pixels) this.#see(sizes);
    this.#drawWeights();
    this.pictures.forEach((column, l) =>
      column.forEach((picture, u) => {
        const map = this.#map(l, u);
        if (map) picture.paint(map.values, map.size, strongOf[map.label ?? -1]);
      }),
    );
    this.#tell();
  }

  #drawWeights() {
    const { layers } = this.frame;
    const { context } = prepare(this.canvas);
    let largest = 1e-9;
    for (const { weights } of layers)
      for (const row of weights) for (const weight of row) largest = Math.max(largest, Math.abs(weight ?? 0));
    for (let l = 0; l < layers.length; l++) {
      const { weights } = layers[l];
      for (let from = 0; from < weights.length; from++) {
        for (let to = 0; to < weights[from].length; to++) {
          const weight = weights[from][to] ?? 0;
          context.lineWidth = 0.4 + 4.6 * (Math.abs(weight) / largest) ** 0.7 * this.density;
          context.strokeStyle = weight >= 0 ? color.positive : color.negative;
          context.stroke(this.lines[l][from][to]);
        }
      }
    }
  }

  /** The map of a unit; column 0 holds the inputs. @param {number} column @param {number} unit */
  #map(column, unit) {
    if (column === 0) return this.inputs?.[unit] ?? null;
    const values = this.values[column][unit];
    const ofClass = column === this.frame.layers.length && this.classes.length > 2;
    return { values, size: Math.sqrt(values.length), label: ofClass ? unit : undefined };
  }

  /** Find the maps of all units among the pixels, behind the boundary. @param {number[]} sizes units of each column */
  #see(sizes) {
    const { pixels, boundary } = this.frame;
    this.pixels = pixels;
    const pictures = this.classes.length > 2 ? this.classes.length : 1;
    let at = 2 * pictures * boundary.size ** 2;
    const size = (pixels.length - at) / sizes.slice(1).reduce((sum, units) => sum + units, 0);
    /** @type {Uint8Array[][]} column 0 holds the inputs, which have maps of their own */
    this.values = sizes.map((units, column) =>
      Array.from({ length: column ? units : 0 }, () => pixels.subarray(at, (at += size))),
    );
  }

  /** @param {number[]} sizes units of each column */
  #build(sizes) {
    if (this.chosen) this.options.onShow(null); // it may not exist any more
    this.chosen = null;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.place;
    const width = this.box.clientWidth;
    const most = Math.max(...sizes);
    /** Where there are many lines, they are thinner. */
    this.density = Math.min(1, 9 / most);
    const pitch = Math.max(SMALLEST + 4, Math.min(LARGEST + 12, HEIGHT / most));
    const across = width / sizes.length;
    const size = Math.max(SMALLEST, Math.min(LARGEST, pitch - 6, 0.62 * across));
    const top = 34,
      height = top + pitch * most + 4;
    const x = (column) => across * (column + 0.5);
    const y = (column, unit) => top + (height - top) / 2 + pitch * (unit - (sizes[column] - 1) / 2);
    this.canvas = el("canvas", { className: "weights" });
    this.canvas.setAttribute("aria-hidden", "true");
    const hits = svg("svg", { width, height, "aria-hidden": "true" });
    this.lines = sizes.slice(1).map((units, l) =>
      Array.from({ length: sizes[l] }, (_, from) =>
        Array.from({ length: units }, (_, to) => {
          const [x0, y0, x1, y1] = [x(l) + size / 2, y(l, from), x(l + 1) - size / 2, y(l + 1, to)];
          const middle = (x0 + x1) / 2;
          const path = `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
          const hit = svg("path", { d: path, fill: "none", class: "hit" });
          hit.addEventListener("pointerenter", () => this.#choose({ layer: l, unit: to, from }));
          hit.addEventListener("pointerleave", (event) => this.#leave(event));
          hits.append(hit);
          return new Path2D(path);
        }),
      ),
    );
    this.units = sizes.map((count, column) =>
      Array.from({ length: count }, (_, unit) => {
        const element = el("button", { type: "button", className: "unit", tabIndex: column + unit ? -1 : 0 });
        element.append(el("canvas"));
        element.dataset.place = `${column} ${unit}`;
        element.setAttribute("aria-label", this.#name(column, unit, sizes));
        Object.assign(element.style, {
          left: `${x(column) - size / 2}px`,
          top: `${y(column, unit) - size / 2}px`,
          width: `${size}px`,
          height: `${size}px`,
        });
        element.addEventListener("pointerenter", () => this.#choose({ layer: column - 1, unit }));
        element.addEventListener("pointerleave", (event) => this.#leave(event));
        element.addEventListener("focus", () => this.#choose({ layer: column - 1, unit }));
        element.addEventListener("blur", () => this.#choose(null));
        element.addEventListener("keydown", (event) => this.#move(event, column, unit));
        return element;
      }),
    );
    this.pixels = null;
    this.pictures = this.units.map((column) => column.map((unit) => new Picture(unit.querySelector("canvas"))));
    const narrow = across < 66;
    const counters = sizes.slice(1, -1).map((count, layer) => this.#counter(layer, count, x(layer + 1), narrow));
    const ends = [
      [narrow ? "in" : "input", 0],
      [narrow ? "out" : "output", sizes.length - 1],
    ].map(([text, column]) => {
      const label = el("span", { className: "column-name" }, String(text));
      label.style.left = `${x(Number(column))}px`;
      return label;
    });
    this.box.style.height = `${height}px`;
    this.box.replaceChildren(this.canvas, hits, ...counters, ...ends, ...this.units.flat());
    const again = focused && this.box.querySelector(`[data-place="${focused}"]`);
    if (again) /** @type {HTMLElement} */ (again).focus();
  }

  /**
   * The buttons − and + above a hidden layer. Where there is no room for them, the form has a field for the units.
   * @param {number} layer @param {number} count @param {number} x @param {boolean} narrow
   */
  #counter(layer, count, x, narrow) {
    const button = (text, change, what, disabled) => {
      const element = el("button", { type: "button", disabled }, text);
      element.dataset.place = `count ${layer} ${change}`;
      element.setAttribute("aria-label", `${what}, layer ${layer + 1} has ${count}`);
      element.addEventListener("click", () => this.options.onUnits(layer, change));
      return element;
    };
    const box = el("span", { className: "counter" }, el("b", {}, String(count)));
    if (!narrow) {
      box.prepend(button("−", -1, "Remove a unit", count <= 1));
      box.append(button("+", 1, "Add a unit", count >= this.options.most));
    }
    box.style.left = `${x}px`;
    return box;
  }

  /** @param {number} column @param {number} unit @param {number[]} sizes */
  #name(column, unit, sizes) {
    if (column === 0) return `Input ${["x₁", "x₂"][unit]}`;
    if (column === sizes.length - 1) return sizes[column] > 1 ? `Output, ${this.classes[unit]}` : "Output";
    return `Layer ${column}, unit ${unit + 1}`;
  }

  /** Arrow keys move between the units. @param {KeyboardEvent} event @param {number} column @param {number} unit */
  #move(event, column, unit) {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [
      0, 0,
    ];
    const next = this.units[column + dx];
    if (!(dx || dy) || !next) return;
    event.preventDefault();
    const goal = next[Math.max(0, Math.min(next.length - 1, unit + dy))];
    this.units.flat().forEach((other) => {
      other.tabIndex = other === goal ? 0 : -1;
    });
    goal.focus();
  }

  /** The mouse has left: the unit with the focus is shown again, if there is one. @param {PointerEvent} event */
  #leave(event) {
    if (event.pointerType === "touch") return; // a finger has to leave before one can read
    const focused = /** @type {HTMLElement | null} */ (this.box.querySelector(".unit:focus"));
    const [column, unit] = (focused?.dataset.place ?? "").split(" ").map(Number);
    this.#choose(focused ? { layer: column - 1, unit } : null);
  }

  /** @param {{layer: number, unit: number, from?: number} | null} chosen */
  #choose(chosen) {
    this.chosen = chosen;
    const map = chosen && chosen.from === undefined ? this.#map(chosen.layer + 1, chosen.unit) : null;
    const sizes = this.units.map((column) => column.length);
    this.options.onShow(map && chosen ? { ...map, name: this.#name(chosen.layer + 1, chosen.unit, sizes) } : null);
    this.#tell();
  }

  /** Show the numbers of what is chosen. */
  #tell() {
    const { chosen } = this;
    const sizes = this.units.map((column) => column.length);
    const layer = chosen && this.frame.layers[chosen.layer];
    // A frame of another network may be here before its drawing.
    const there = layer && chosen.unit < layer.bias.length && (chosen.from ?? 0) < layer.weights.length;
    if (!chosen || !there) {
      if (this.details.firstChild !== this.hint) this.details.replaceChildren(this.hint);
      return;
    }
    const started = this.frame.step > 0; // before, there are no gradients
    const name = this.#name(chosen.layer + 1, chosen.unit, sizes);
    const rows = chosen.from === undefined ? layer.weights.map((_, from) => from) : [chosen.from];
    const items = rows.map((from) => {
      const weight = layer.weights[from][chosen.unit];
      const gradient = started ? layer.grad[from][chosen.unit] : undefined;
      return el(
        "li",
        {},
        `${this.#name(chosen.layer, from, [...sizes, 0])}: `,
        el("b", {}, format(weight)),
        gradient === undefined ? "" : ` (${format(gradient)})`,
      );
    });
    this.details.replaceChildren(
      el(
        "p",
        {},
        el("b", {}, name),
        ` in ${layer.name}, bias ${format(layer.bias[chosen.unit])}. `,
        started ? "Weights, and their gradients in brackets:" : "Weights:",
      ),
      el("ul", {}, ...items),
    );
  }
}

/** What the inputs look like over the plane: two gradients. @param {any} boundary */
function maps(boundary) {
  const size = 16,
    values = [new Uint8Array(size * size), new Uint8Array(size * size)];
  [boundary.x, boundary.y].forEach(([low, high], axis) => {
    const largest = Math.max(Math.abs(low), Math.abs(high)) || 1;
    for (let i = 0; i < size * size; i++) {
      const share = (axis ? Math.floor(i / size) : i % size) / (size - 1);
      values[axis][i] = Math.round(127.5 + (127.5 * (low + share * (high - low))) / largest);
    }
  });
  return values.map((map) => ({ values: map, size }));
}
