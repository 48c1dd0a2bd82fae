/** The settings of a descent: the function, the starting points, and a row for each optimizer. */

import { el } from "./dom.js";
import { failing, number, NUMBERS, select, text } from "./fields.js";
import { swatch } from "./swatch.js";

const OBJECTIVES = {
  cubic_valley: "f(x, y) of the assignment",
  rosenbrock: "Rosenbrock",
  himmelblau: "Himmelblau",
  beale: "Beale",
  expression: "own expression",
};

export class DescentControls {
  /**
   * @param {HTMLElement} form
   * @param {Record<string, any>} choices
   * @param {Record<string, string[]>} numbers those of each optimizer
   * @param {(name: string, value: any, push?: boolean) => void} onChange
   */
  constructor(form, choices, numbers, onChange) {
    this.choices = choices;
    this.numbers = numbers;
    this.onChange = onChange;
    this.settings = /** @type {Record<string, any>} */ ({});
    form.addEventListener("submit", (event) => event.preventDefault());
    const change = (name) => (value) => onChange(name, value);
    /** @type {Record<string, import("./fields.js").Field>} */
    this.fields = {
      objective: select("Function", choices.objective, change("objective"), OBJECTIVES),
      expression: text("f(x, y) =", change("expression")),
      steps: number("Steps", choices.steps, change("steps"), { log: true }),
      starts: this.#starts(),
      optimizers: this.#optimizers(),
    };
    const hint = el(
      "p",
      { className: "hint" },
      "In x and y, with + − * / **, numbers, and functions such as sin, cos, exp and sqrt. The gradient is numerical.",
    );
    this.fields.expression.element.append(hint);
    const group = (title, ...names) =>
      el(
        "details",
        { open: matchMedia("(min-width: 701px)").matches || title === "Optimizers" },
        el("summary", {}, title),
        ...names.map((name) => this.fields[name].element),
      );
    form.append(
      group("Function", "objective", "expression", "steps"),
      group("Starting points", "starts"),
      group("Optimizers", "optimizers"),
    );
  }

  #starts() {
    this.startList = el("ul", { className: "starts" });
    const place = ["x", "y"].map((name) => {
      const input = el("input", { type: "number", step: "any", value: "0" });
      input.setAttribute("aria-label", `${name} of a new start`);
      return input;
    });
    const add = el("button", { type: "button" }, "Add");
    add.addEventListener("click", () => this.addStart(place.map((input) => Number(input.value))));
    const box = el("div", {}, this.startList, el("div", { className: "row" }, ...place, add));
    const error = el("p", { className: "field-error", role: "alert", hidden: true });
    box.append(error);
    return {
      element: box,
      set: (starts) =>
        this.startList.replaceChildren(
          ...starts.map(([x, y], at) => {
            const remove = el("button", { type: "button", disabled: starts.length < 2 }, "×");
            remove.setAttribute("aria-label", `Remove the start ${x}, ${y}`);
            remove.addEventListener("click", () =>
              this.onChange(
                "starts",
                this.settings.starts.filter((_, i) => i !== at),
              ),
            );
            return el("li", {}, `(${x}, ${y})`.replace(/-/g, "−"), remove);
          }),
        ),
      label: "Starting points",
      fail: failing(error),
    };
  }

  /** @param {number[]} point */
  addStart(point) {
    const most = this.choices.starts.longest ?? 8;
    // Beyond the limit, the oldest start makes room.
    this.onChange("starts", [...this.settings.starts, point].slice(-most), true);
  }

  #optimizers() {
    this.rows = el("div", { className: "optimizers" });
    const add = el("button", { type: "button" }, "Add an optimizer");
    add.addEventListener("click", () => {
      const { optimizers } = this.settings;
      this.onChange("optimizers", [...optimizers, { ...optimizers[optimizers.length - 1], name: this.#unused() }]);
    });
    this.addRow = add;
    const error = el("p", { className: "field-error", role: "alert", hidden: true });
    return {
      element: el("div", {}, this.rows, add, error),
      set: (optimizers) => this.#setRows(optimizers),
      label: "Optimizers",
      fail: failing(error),
    };
  }

  /** The first optimizer that no row uses yet. */
  #unused() {
    const { values } = this.choices.optimizers.each.name;
    return values.find((name) => !this.settings.optimizers.some((row) => row.name === name)) ?? values[0];
  }

  /**
   * Rows are made again only if their number changes, so that a slider that is held stays.
   * @param {any[]} optimizers
   */
  #setRows(optimizers) {
    if (this.inputs?.length !== optimizers.length) {
      this.inputs = optimizers.map((_, at) => this.#row(at, optimizers.length));
      this.rows.replaceChildren(...this.inputs.map((row) => row.element));
    }
    optimizers.forEach((optimizer, at) => this.inputs[at].set(optimizer));
    this.addRow.disabled = optimizers.length >= this.choices.optimizers.longest;
  }

  /** @param {number} at @param {number} count */
  #row(at, count) {
    const { each } = this.choices.optimizers;
    const update = (name) => (value) =>
      this.onChange(
        "optimizers",
        this.settings.optimizers.map((row, i) => (i === at ? { ...row, [name]: value } : row)),
      );
    const name = select("Optimizer", each.name, update("name"));
    const lr = number("Learning rate", each.lr, update("lr"), { log: true, low: 1e-5, high: 1 });
    const numbers = Object.entries(NUMBERS).map(([key, { label, slide }]) => ({
      key,
      field: number(label, each[key], update(key), slide),
    }));
    const remove = el("button", { type: "button", disabled: count < 2 }, "Remove");
    remove.setAttribute("aria-label", `Remove optimizer ${at + 1}`);
    remove.addEventListener("click", () =>
      this.onChange(
        "optimizers",
        this.settings.optimizers.filter((_, i) => i !== at),
      ),
    );
    const element = el(
      "fieldset",
      {},
      el("legend", {}, swatch(at), ` Optimizer ${at + 1}`),
      name.element,
      lr.element,
      ...numbers.map(({ field }) => field.element),
      remove,
    );
    return {
      element,
      set: (optimizer) => {
        name.set(optimizer.name);
        lr.set(optimizer.lr ?? each.lr.default);
        for (const { key, field } of numbers) {
          field.set(optimizer[key] ?? each[key].default);
          field.element.hidden = !this.numbers[optimizer.name]?.includes(key);
        }
      },
    };
  }

  /** @param {Record<string, any>} settings */
  show(settings) {
    this.settings = settings;
    for (const [name, field] of Object.entries(this.fields)) field.set(settings[name]);
    this.fields.expression.element.hidden = settings.objective !== "expression";
  }
}
