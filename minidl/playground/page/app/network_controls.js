/** The settings of a network: data with thumbnails, own points, own CSV, the layers, and the training. */

import { CurvePlot } from "./curve.js";
import { el } from "./dom.js";
import { failing, labelled, number, NUMBERS, select, text } from "./fields.js";
import { OwnPoints } from "./own_points.js";
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
  classes: "Classes",
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
  ["Data", ["classes", "samples", "noise", "test_share", "data_seed"]],
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
    /** @type {Record<string, import("./fields.js").Field>} */
    this.fields = {};
    this.points = new OwnPoints(choices.points.row[0], (points) => this.onChange("points", points, true));
    this.fields.points = this.points.field;
    /** Stands in for the field of the loss. */
    this.crossEntropy = el("p", { className: "hint" }, "With more than two classes, the loss is CrossEntropyLoss.");
    this.noHidden = el("p", { className: "hint" });
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const [title, names] of GROUPS) {
      const group = el("details", { open: matchMedia("(min-width: 701px)").matches }, el("summary", {}, title));
      if (title === "Data") group.append(this.#data(), this.points.element, this.#csv());
      if (title === "Network") group.append(this.#layers());
      if (title === "Training") group.append(this.crossEntropy);
      for (const name of names) if (choices[name]) group.append(this.#field(name));
      form.append(group);
    }
    this.showClasses(2);
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
      "Two features and the class in each row, with a header or without. Each feature is scaled to mean 0 and standard " +
        "deviation 1. The data stay on your computer, and in the address of this page.",
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
        this.noHidden.hidden = value.length > 0;
        units.set(value.join(", "));
      },
    };
    return el("div", {}, row, units.element, this.noHidden);
  }

  /** The number of classes is known. More than two have a loss of their own. @param {number} classes */
  showClasses(classes) {
    const several = classes > 2;
    const lines = several ? "the boundaries are lines" : "the boundary is a line";
    this.noHidden.textContent = `Without a hidden layer, ${lines}.`;
    this.fields.loss.element.hidden = several;
    this.crossEntropy.hidden = !several;
  }

  /** Show settings. @param {Record<string, any>} settings */
  show(settings) {
    this.settings = settings;
    for (const [name, field] of Object.entries(this.fields)) field.set(settings[name]);
    for (const [name, plot] of Object.entries(this.plots)) plot.show(settings[name]);
    const own = settings.data === "points" || settings.data === "csv";
    this.points.element.hidden = settings.data !== "points";
    this.csvBox.hidden = settings.data !== "csv";
    for (const name of ["samples", "noise", "data_seed"]) if (this.fields[name]) this.fields[name].element.hidden = own;
    this.fields.classes.element.hidden = settings.data !== "blobs";
    for (const name of ["activation", "dropout"]) this.fields[name].element.hidden = !settings.hidden.length;
    const numbers = this.numbers[settings.optimizer] ?? [];
    for (const name of Object.keys(NUMBERS)) this.fields[name].element.hidden = !numbers.includes(name);
  }
}
