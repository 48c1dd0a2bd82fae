/** The tab Descent: a function f(x, y), optimizers that descend on it, their paths, and what became of them. */

import { Chart } from "./chart.js";
import { DescentControls } from "./descent_controls.js";
import { byId, el, format, tell } from "./dom.js";
import { Landscape } from "./landscape.js";
import { dashes, lineColors, markers, onTheme } from "./palette.js";
import { Series } from "./series.js";
import { swatch } from "./swatch.js";
import { Tab } from "./tab.js";

export class Descent extends Tab {
  /** @param {any} engine @param {any} catalog @param {any} app */
  constructor(engine, catalog, app) {
    super(engine, "descent", catalog, app);
    this.controls = new DescentControls(
      this.panel.querySelector("form"),
      this.choices,
      catalog.numbers,
      (...change) => this.change(...change),
    );
    this.fields = this.controls.fields;
    this.landscape = new Landscape(byId("landscape"), (point) => this.controls.addStart(point));
    this.values = new Chart(byId("values"), "f at each step");
    this.fates = byId("fates");
    onTheme(() => {
      if (this.landscape.grid) this.landscape.shade();
      this.values.lines.forEach((line, i) => {
        line.color = lineColors[this.#look(i) % lineColors.length];
      });
    });
  }

  /** The look of a path: that of its optimizer. Each optimizer descends from all starts. @param {number} path */
  #look(path) {
    return Math.floor(path / this.settings.starts.length);
  }

  show() {
    this.controls.show(this.settings);
  }

  /** @param {any} frame */
  take(frame) {
    this.landscape.take(frame, (path) => this.#look(path));
    if (frame.grid) this.#begin(frame);
    frame.paths.forEach((path, at) => this.#values(path, at));
  }

  /** @param {any} frame the first of a run */
  #begin(frame) {
    this.values.clear(
      frame.paths.map((path, at) => {
        const look = this.#look(at);
        return {
          label: path.label,
          color: lineColors[look % lineColors.length],
          dash: dashes[look % dashes.length],
          marker: markers[look % markers.length],
          points: new Series(),
        };
      }),
    );
    this.items = frame.paths.map((path, at) => {
      const text = el("p", { className: "hint" }),
        fate = el("p");
      return { element: el("li", {}, swatch(this.#look(at)), el("span", {}, path.label), text, fate), text, fate };
    });
    this.fates.replaceChildren(...this.items.map((item) => item.element));
  }

  /** @param {any} path @param {number} at */
  #values(path, at) {
    for (const [step, value] of path.values ?? [[path.length - 1, path.f]]) this.values.add(at, step, value);
  }

  /** @param {any} frame */
  #tellFates(frame) {
    const news = [];
    frame.paths.forEach((path, at) => {
      const item = this.items?.[at];
      if (!item) return;
      tell(item.text, `f = ${format(path.f, 4)}, gradient ${format(path.gradient_norm)}`);
      if (item.told === path.fate) return;
      item.told = path.fate;
      const reason = path.reason ? `: ${path.reason}` : "";
      item.fate.replaceChildren(...(path.fate ? [el("b", {}, path.fate), reason] : []));
      if (path.fate) news.push(`${path.label}: ${path.fate}${reason}`);
    });
    if (news.length) byId("announce").textContent = news.join(". ");
  }

  words() {
    super.words();
    this.values.describe();
    if (this.frame) this.#tellFates(this.frame);
  }

  draw() {
    if (this.panel.hidden || !this.frame) return;
    this.landscape.draw();
    this.values.draw();
  }
}
