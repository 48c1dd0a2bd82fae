/** The form for own points: the class of the next one, a point by numbers, undo and clear. */

import { el, format } from "./dom.js";
import { failing } from "./fields.js";
import { classMarkers } from "./palette.js";

/** @param {number[][]} points @returns {number} how many classes they have, from two to those with a marker */
export const classesIn = (points) =>
  Math.min(Math.max(1, ...points.map((point) => point[2])) + 1, classMarkers.length);

export class OwnPoints {
  /**
   * @param {{low: number, high: number}} limits of a coordinate
   * @param {(points: number[][]) => void} onChange
   */
  constructor(limits, onChange) {
    this.limits = limits;
    this.onChange = onChange;
    this.points = /** @type {number[][]} */ ([]);
    /** What Undo brings back after Clear. */
    this.cleared = this.points;
    /** The class of a point that is added with a click. */
    this.label = 1;
    this.radios = classMarkers.map((_, label) => {
      const radio = el("input", { type: "radio", name: "class", value: String(label), checked: label === this.label });
      radio.addEventListener("change", () => {
        this.label = label;
      });
      return radio;
    });
    this.choices = this.radios.map((radio, label) =>
      el("label", {}, radio, el("span", { className: `dot class${label}` }), ` class ${label}`),
    );
    const place = ["x₁", "x₂"].map((name) => el("input", { type: "number", step: "any", value: "0", title: name }));
    const addPlace = () => this.#addNumbers(place.map((input) => input.valueAsNumber));
    place.forEach((input, i) => {
      input.setAttribute("aria-label", ["x₁", "x₂"][i]);
      input.addEventListener("keydown", (event) => event.key === "Enter" && addPlace());
    });
    const button = (name, action) => {
      const element = el("button", { type: "button" }, name);
      element.addEventListener("click", action);
      return element;
    };
    const add = button("Add", addPlace);
    const undo = button("Undo", () => onChange(this.points.length ? this.points.slice(0, -1) : this.cleared));
    const clear = button("Clear", () => {
      this.cleared = this.points;
      onChange([]);
    });
    const error = el("p", { className: "field-error", role: "alert", hidden: true });
    this.element = el(
      "fieldset",
      { className: "points", hidden: true },
      el("legend", {}, "Own points"),
      el(
        "p",
        { className: "hint" },
        "Click into the decision boundary to add a point, with Shift for the next class.",
      ),
      el("div", { className: "row" }, ...this.choices),
      el("div", { className: "row" }, ...place, add),
      el("div", { className: "row" }, undo, clear),
      error,
    );
    /** @type {import("./fields.js").Field} */
    this.field = {
      element: this.element,
      set: (points) => this.show(points),
      label: "Own points",
      fail: failing(error),
    };
  }

  /** Show the classes that there are, and the one that may come next. @param {number[][]} points */
  show(points) {
    this.points = points;
    const next = classesIn(points);
    this.label = Math.min(this.label, next);
    this.radios.forEach((radio, label) => {
      radio.checked = label === this.label;
      this.choices[label].hidden = label > next;
    });
  }

  /** @param {number[]} place */
  #addNumbers(place) {
    const { low, high } = this.limits;
    const right = place.every((x) => x >= low && x <= high);
    this.field.fail(right ? null : `Enter two numbers from ${format(low)} to ${format(high)}.`);
    if (right) this.add(place);
  }

  /** @param {number[]} place @param {boolean} [next] of the next class, which is the other one of two */
  add(place, next = false) {
    const count = Math.max(classesIn(this.points), this.label + 1);
    const label = next ? (this.label + 1) % count : this.label;
    this.onChange([...this.points, [...place, label]]);
  }
}
