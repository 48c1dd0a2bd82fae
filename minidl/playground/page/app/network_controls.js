/** The settings of a network: data with thumbnails, own points, own CSV, the layers, and the training. */

import { CurvePlot } from "./curve.js";
import { el } from "./dom.js";
import { failing, labelled, number, NUMBERS, select, text } from "./fields.js";
import { thumbnail } from "./thumbnails.js";

const DATA = {
  xor: "XOR",
  moons: "moons",
  circles: "circles",
  spirals: "spirals",
  blobs: "blobs",
  points: "own points",
  csv: "own CSV",
};
const RATES = {
  lr: { log: true, low: 1e-4, high: 10 },
  weight_decay: { log: true, high: 0.1 },
  batch_size: { log: true },
  samples: { low: 20, high: 500 },
  epochs: { log: true, low: 10, high: 10000 },
};
/** How long nothing is typed before a table is read, in milliseconds. */
const TYPING = 500;

const LABELS = {
  samples: "Samples",
  noise: "Noise",
  test_share: "Share of held-out data",
  data_seed: "Seed of the data",
  activation: "Activation",
  initializer: "Initial weights",
  dropout: "Dropout",
  loss: "Loss",
  optimizer: "Optimizer",
  lr: "Learning rate",
  weight_decay: "Weight decay",
  batch_size: "Batch size",
  epochs: "Epochs",
  seed: "Seed",
};

/** @type {[string, string[]][]} */
const GROUPS = [
  ["Data", ["samples", "noise", "test_share", "data_seed"]],
  ["Network", ["activation", "initializer", "dropout"]],
  ["Training", ["loss", "optimizer", "lr", ...Object.keys(NUMBERS), "weight_decay", "batch_size", "epochs", "seed"]],
];

export class NetworkControls {
  /**
   * @param {HTMLElement} form
   * @param {Record<string, any>} choices
   * @param {{numbers: Record<string, string[]>, curves: Record<string, Record<string, import("./curve.js").Curve>>}} catalog
   * the numbers of optimizers, and the curves of activations and losses
   * @param {(name: string, value: any, push?: boolean) => void} onChange
   */
  constructor(form, choices, { numbers, curves }, onChange) {
    this.choices = choices;
    this.numbers = numbers;
    this.curves = curves;
    /** @type {Record<string, CurvePlot>} */
    this.plots = {};
    this.onChange = onChange;
    this.settings = /** @type {Record<string, any>} */ ({});
    /** The class of a point that is added with a click. */
    this.label = 1;
    /** @type {Record<string, import("./fields.js").Field>} */
    this.fields = {};
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const [title, names] of GROUPS) {
      const group = el("details", { open: matchMedia("(min-width: 701px)").matches }, el("summary", {}, title));
      if (title === "Data") group.append(this.#data(), this.#points(), this.#csv());
      if (title === "Network") group.append(this.#layers());
      for (const name of names) if (choices[name]) group.append(this.#field(name));
      form.append(group);
    }
  }

  /** @param {string} name */
  #field(name) {
    const choice = this.choices[name];
    const change = (value) => this.onChange(name, value);
    const { label, slide } = NUMBERS[name] ?? { label: LABELS[name], slide: RATES[name] };
    const field = choice.kind === "choice" ? select(label, choice, change) : number(label, choice, change, slide);
    this.fields[name] = field;
    field.element.dataset.field = name;
    if (this.curves[name]) {
      this.plots[name] = new CurvePlot(this.curves[name]);
      field.element.append(this.plots[name].element);
    }
    return field.element;
  }

  #data() {
    this.radios = this.choices.data.values.map((value) => {
      const radio = el("input", { type: "radio", name: "data", value });
      radio.addEventListener("change", () => this.onChange("data", value, true));
      return radio;
    });
    const error = el("p", { className: "field-error", role: "alert", hidden: true });
    this.fields.data = {
      element: error,
      set: (value) =>
        this.radios.forEach((radio) => {
          radio.checked = radio.value === value;
        }),
      label: "Data set",
      fail: failing(error),
    };
    const labels = this.radios.map((radio) =>
      el("label", {}, radio, thumbnail(radio.value), el("span", {}, DATA[radio.value] ?? radio.value)),
    );
    return el("fieldset", { className: "thumbnails" }, el("legend", {}, "Data set"), ...labels, error);
  }

  /** What is needed to place points: the class, a point by numbers, undo and clear. */
  #points() {
    const classes = [0, 1].map((label) => {
      const radio = el("input", { type: "radio", name: "class", value: String(label), checked: label === this.label });
      radio.addEventListener("change", () => {
        this.label = label;
      });
      return el("label", {}, radio, el("span", { className: `dot class${label}` }), ` class ${label}`);
    });
    const place = ["x₁", "x₂"].map((name) => el("input", { type: "number", step: "any", value: "0", title: name }));
    place.forEach((input, i) => input.setAttribute("aria-label", ["x₁", "x₂"][i]));
    const button = (name, action) => {
      const element = el("button", { type: "button" }, name);
      element.addEventListener("click", action);
      return element;
    };
    const points = () => this.settings.points ?? [];
    const add = button("Add", () =>
      this.addPoint(
        place.map((input) => Number(input.value)),
        false,
      ),
    );
    const undo = button("Undo", () => this.onChange("points", points().slice(0, -1), true));
    const clear = button("Clear", () => this.onChange("points", [], true));
    const error = el("p", { className: "field-error", role: "alert", hidden: true });
    this.pointBox = el(
      "fieldset",
      { className: "points", hidden: true },
      el("legend", {}, "Own points"),
      el(
        "p",
        { className: "hint" },
        "Click into the decision boundary to add a point, with Shift for the other class.",
      ),
      el("div", { className: "row" }, ...classes),
      el("div", { className: "row" }, ...place, add),
      el("div", { className: "row" }, undo, clear),
      error,
    );
    this.fields.points = {
      element: this.pointBox,
      set: () => {},
      label: "Own points",
      fail: failing(error),
    };
    return this.pointBox;
  }

  /** @param {number[]} point @param {boolean} other of the other class */
  addPoint(point, other) {
    const label = other ? 1 - this.label : this.label;
    this.onChange("points", [...(this.settings.points ?? []), [...point, label]], true);
  }

  #csv() {
    const area = el("textarea", {
      rows: 5,
      spellcheck: false,
      placeholder: "x1, x2, class\n0.5, 1.2, a\n-0.3, 0.8, b\n…",
    });
    const file = el("input", { type: "file", accept: ".csv,.txt,text/csv,text/plain" });
    file.setAttribute("aria-label", "Read the CSV from a file");
    file.addEventListener("change", async () => {
      if (!file.files.length) return;
      area.value = await file.files[0].text();
      this.onChange("csv", area.value);
    });
    area.addEventListener("input", () => {
      field.fail(null);
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.onChange("csv", area.value), TYPING);
    });
    const hint = el(
      "p",
      { className: "hint" },
      "Two features and the class in each row, with a header or without. The data stay on your computer, and in the address of this page.",
    );
    const field = labelled("CSV", area, [hint, el("div", { className: "row" }, file)]);
    this.csvBox = el("div", { hidden: true }, field.element);
    this.fields.csv = {
      ...field,
      element: this.csvBox,
      set: (value) => {
        clearTimeout(this.typing);
        area.value = value;
      },
    };
    return this.csvBox;
  }

  /** The number of hidden layers, and all of them as text. */
  #layers() {
    const most = this.choices.hidden.longest;
    const button = (name, label, change) => {
      const element = el("button", { type: "button" }, name);
      element.setAttribute("aria-label", label);
      element.addEventListener("click", () => {
        const hidden = this.settings.hidden;
        if (change > 0 && hidden.length < most) this.onChange("hidden", [...hidden, hidden[hidden.length - 1] ?? 4]);
        if (change < 0 && hidden.length) this.onChange("hidden", hidden.slice(0, -1));
      });
      return element;
    };
    const count = el("output", {}, "");
    const row = el(
      "div",
      { className: "row layers" },
      el("span", {}, "Hidden layers"),
      button("−", "Remove a hidden layer", -1),
      count,
      button("+", "Add a hidden layer", 1),
    );
    const units = text("Units of the hidden layers", (value) => {
      const hidden = value
        .split(/[\s,]+/)
        .filter(Boolean)
        .map(Number);
      if (hidden.some((one) => !Number.isInteger(one))) units.fail("Enter whole numbers, such as 8, 8.");
      else this.onChange("hidden", hidden);
    });
    this.fields.hidden = {
      ...units,
      set: (value) => {
        count.textContent = String(value.length);
        none.hidden = value.length > 0;
        units.set(value.join(", "));
      },
    };
    const none = el("p", { className: "hint" }, "Without a hidden layer, the boundary is a line.");
    return el("div", {}, row, units.element, none);
  }

  /** Show settings. @param {Record<string, any>} settings */
  show(settings) {
    this.settings = settings;
    for (const [name, field] of Object.entries(this.fields)) field.set(settings[name]);
    for (const [name, plot] of Object.entries(this.plots)) plot.show(settings[name]);
    const own = settings.data === "points" || settings.data === "csv";
    this.pointBox.hidden = settings.data !== "points";
    this.csvBox.hidden = settings.data !== "csv";
    for (const name of ["samples", "noise", "data_seed"]) if (this.fields[name]) this.fields[name].element.hidden = own;
    const numbers = this.numbers[settings.optimizer] ?? [];
    for (const name of Object.keys(NUMBERS)) this.fields[name].element.hidden = !numbers.includes(name);
  }
}
