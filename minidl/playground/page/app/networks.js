/** The tab Networks: settings, the network, its decision boundary, and its losses. */

import { Boundary } from "./boundary.js";
import { Chart } from "./chart.js";
import { byId, el, format, percent, tell } from "./dom.js";
import { NetworkControls } from "./network_controls.js";
import { NetworkDrawing } from "./network_drawing.js";
import { color, dashes } from "./palette.js";
import { Series } from "./series.js";
import { Tab } from "./tab.js";

export class Networks extends Tab {
  /** @param {any} engine @param {any} catalog @param {any} app */
  constructor(engine, catalog, app) {
    super(engine, "networks", catalog, app);
    this.controls = new NetworkControls(
      this.panel.querySelector("form"),
      this.choices,
      catalog,
      (...change) => this.change(...change),
    );
    this.fields = this.controls.fields;
    this.boundary = new Boundary(byId("boundary"), (point, next) => this.controls.points.add(point, next));
    this.losses = new Chart(byId("losses"), "Loss at each step");
    this.drawing = new NetworkDrawing(byId("network"), byId("unit"), {
      most: this.choices.hidden.row[0].high,
      onUnits: (layer, change) =>
        this.change(
          "hidden",
          this.settings.hidden.map((units, at) => units + (at === layer ? change : 0)),
        ),
      onShow: (unit) => {
        this.boundary.unit = unit;
        byId("boundary-title").textContent = unit ? unit.name : "Decision boundary";
        this.boundary.draw();
      },
    });
  }

  show() {
    this.controls.show(this.settings);
    // Own points are shown at once, as the engine refuses to begin before there are enough of them.
    if (this.settings.data === "points") {
      this.boundary.sketch(this.settings.points);
      this.#key(Array.from({ length: this.boundary.classes }, (_, label) => `class ${label}`));
    }
    this.boundary.clicks = this.settings.data === "points";
    byId("boundary").classList.toggle("clickable", this.boundary.clicks);
  }

  /** There are not enough data yet: nothing of the data before is left. */
  blank() {
    super.blank();
    // A frame of the points before may have come since these were shown.
    this.boundary.sketch(this.settings.data === "points" ? this.settings.points : []);
    this.drawing.clear();
    this.losses.clear([]);
    this.losses.draw();
    byId("losses-key").replaceChildren();
    byId("network-numbers").replaceChildren();
  }

  /** @param {any} frame */
  take(frame) {
    if (frame.data) this.#begin(frame);
    this.boundary.take(frame);
    this.drawing.take(frame);
    for (const row of frame.losses) this.losses.lines.forEach((_, i) => this.losses.add(i, row[0], row[1 + i]));
  }

  /** The first frame of a run. @param {any} frame */
  #begin(frame) {
    const lines = [{ label: "training", color: color.class1, dash: dashes[0], points: new Series() }];
    if (frame.data.test.length) lines.push({ label: "held-out", color: color.negative, dash: dashes[1], points: new Series() });
    this.#key(frame.classes);
    this.losses.clear(lines);
    lines.forEach((_, i) => this.losses.add(i, 0, i ? frame.loss.test : frame.loss.train));
    byId("losses-key").replaceChildren(
      ...lines.map(({ label }) => el("li", {}, el("span", { className: `stroke ${label}` }), label)),
    );
    this.numbers = Object.fromEntries(lines.map((_, i) => [i ? "test" : "train", [el("dd"), el("dd")]]));
    byId("network-numbers").replaceChildren(
      ...lines.flatMap(({ label }, i) => [el("dt", {}, label), ...this.numbers[i ? "test" : "train"]]),
    );
  }

  /** List the classes below the boundary, and show what depends on their number. @param {string[]} names */
  #key(names) {
    byId("classes-key").replaceChildren(
      ...names.map((name, label) => el("li", {}, el("span", { className: `dot class${label}` }), name)),
      el("li", {}, "filled: training, hollow: held out"),
    );
    this.controls.showClasses(names.length);
  }

  draw() {
    if (this.panel.hidden) return;
    if (this.frame) this.drawing.draw(); // first, as the boundary may show one of its units
    this.boundary.draw();
    if (!this.frame) return;
    const shown = [color.class1, color.negative];
    this.losses.lines.forEach((line, i) => {
      line.color = shown[i];
    });
    this.losses.draw();
  }

  words() {
    super.words();
    this.boundary.describe(this.frame);
    this.losses.describe();
    if (!this.frame) return;
    const { loss, accuracy, fate } = this.frame;
    this.tell(fate);
    for (const [part, [ofLoss, ofAccuracy]] of Object.entries(this.numbers)) {
      tell(ofLoss, `${format(loss?.[part])} loss`);
      tell(ofAccuracy, `${percent(accuracy?.[part])} accuracy`);
    }
  }
}
