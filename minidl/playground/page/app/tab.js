/** What the two pictures have in common: presets, the buttons, the code below, errors, and settings that can change. */

import { byId, el, format, same, tell } from "./dom.js";
import { NUMBERS } from "./fields.js";
import { Lesson } from "./lesson.js";
import { Runner } from "./runner.js";

/** The labels of what describes an optimizer of a descent, besides its numbers. */
const OF_OPTIMIZERS = { name: "Optimizer", lr: "Learning rate" };

/** Milliseconds between words. Nobody reads faster, and the layout of text takes time and memory. */
const READABLE = 250;

/** Milliseconds between sentences that screen readers read aloud. */
const ALOUD = 3000;

export class Tab {
  /**
   * @param {any} engine
   * @param {"networks" | "descent"} kind
   * @param {{presets: any[], choices: Record<string, any>}} catalog what the engine offers
   * @param {{onChange: (push: boolean) => void, onCode: (code: string) => void, onEdit: () => void, docs: string | null}} app
   */
  constructor(engine, kind, catalog, app) {
    this.engine = engine;
    this.kind = kind;
    this.choices = catalog.choices[kind];
    this.app = app;
    this.panel = byId(`panel-${kind}`);
    /** @type {Record<string, any>} */
    this.defaults = Object.fromEntries(Object.entries(this.choices).map(([name, choice]) => [name, choice.default]));
    this.settings = structuredClone(this.defaults);
    /** @type {string | null} */
    this.preset = null;
    this.presets = catalog.presets.filter((preset) => preset.tab === kind);
    this.code = "";
    /** @type {Record<string, import("./fields.js").Field>} the fields of the form, by the name of their setting */
    this.fields = {};
    /** @type {any} */
    this.frame = null;
    this.started = false;
    /** When words were written, and when a sentence about what goes wrong. */
    this.told = this.warned = 0;
    this.lesson = new Lesson(this.presets, (id) => this.load({ preset: id, settings: {} }, true), app.docs);
    this.runner = new Runner(engine, kind, {
      onFrame: (frame) => this.#frame(frame),
      onDraw: () => this.draw(),
      onRunning: () => {
        this.buttons();
        if (this.runner.ready && !this.runner.running) this.words();
      },
      onError: (error) => this.problem(`${error.message} Load the page again to start again.`),
    });
    this.#top();
  }

  /** Fill the row above the picture and the code below it. */
  #top() {
    const button = (text, action, title) => {
      const element = el("button", { type: "button", title }, text);
      element.addEventListener("click", action);
      return element;
    };
    const epochs = this.kind === "networks";
    this.run = button("Run", () => this.runner.toggle(), "Run or pause (Space)");
    this.run.classList.add("primary");
    this.parts = [this.run, button("Step", () => this.runner.once("step"), "One step")];
    if (epochs) this.parts.push(button("Epoch", () => this.runner.once("epoch"), "To the end of the epoch"));
    this.parts.push(button("Reset", () => this.runner.reset(), "Start again with the same settings"));
    this.counter = el("span", { className: "counter-text" });
    this.place = new Text();
    this.speed = el("span", { className: "speed" });
    this.message = el("p", { className: "problem", role: "alert", hidden: true });
    this.fate = el("p", { className: "fate", role: "status", hidden: true });
    const bar = el("div", { className: "bar", role: "group" }, ...this.parts, this.#speed(), this.counter);
    bar.setAttribute("aria-label", "Run");
    this.panel.querySelector(".top").append(this.lesson.element, bar, this.message, this.fate);
    this.codeText = el("code");
    const copy = button("Copy", () => copyText(this.code, copy));
    const edit = button("Edit and run", () => this.app.onEdit());
    this.below = el(
      "section",
      { className: "code-below" },
      el("div", { className: "bar" }, el("h2", {}, "The code of this picture"), copy, edit),
      el("pre", { tabIndex: 0 }, this.codeText),
    );
    this.panel.querySelector(".columns").append(this.below);
    this.#showCode("");
  }

  /** Show the code of the picture; without code, nothing but its place. @param {string} code */
  #showCode(code) {
    this.code = this.codeText.textContent = code;
    // Safari does not notice that an element is no longer :empty.
    this.below.classList.toggle("blank", !code);
  }

  #speed() {
    const names = { slow: "step by step", paced: "slow to fast", full: "full speed" };
    const input = el("select", {}, ...Object.entries(names).map(([value, name]) => el("option", { value }, name)));
    input.setAttribute("aria-label", "Speed");
    this.runner.speed = this.kind === "networks" ? "full" : "paced";
    input.value = this.runner.speed;
    input.addEventListener("change", () => {
      this.runner.speed = input.value;
    });
    return input;
  }

  /** A setting was changed on the page. @param {string} name @param {any} value @param {boolean} [push] */
  change(name, value, push = false) {
    if (same(this.settings[name], value)) return;
    this.settings = { ...this.settings, [name]: value };
    this.preset = null;
    this.lesson.show(null, this.lesson.id);
    this.show();
    this.again();
    this.app.onChange(push);
  }

  /**
   * Load a preset or settings from a link.
   * @param {{preset: string | null, settings: Record<string, any>}} place
   * @param {boolean} [push]
   */
  load({ preset, settings }, push = false) {
    const known = this.presets.find((one) => one.id === preset);
    // Data of one's own stay for when they are chosen again.
    const own = push && this.kind === "networks" ? { points: this.settings.points, csv: this.settings.csv } : {};
    this.settings = { ...structuredClone(this.defaults), ...own, ...structuredClone(known?.settings ?? {}), ...settings };
    this.preset = known && !Object.keys(settings).length ? known.id : null;
    this.lesson.show(this.preset, known?.id ?? null);
    this.runner.pause();
    this.show();
    this.again();
    if (push) this.app.onChange(true);
  }

  /** Set the picture up with the current settings. A picture that was running goes on running. */
  again() {
    this.started = true;
    return this.runner.setUp(this.settings);
  }

  /** The tab is shown. */
  open() {
    if (!this.started) {
      this.show();
      this.again();
    }
    this.draw();
  }

  /** @param {any} frame */
  #frame(frame) {
    if (frame.code !== undefined && frame.code !== null) {
      this.#showCode(frame.code);
      this.app.onCode(frame.code);
    }
    if (frame.code || frame.error) this.fail(frame.error); // a run that begins has no error any more
    if (frame.kind === this.kind && frame.step !== undefined) {
      this.frame = frame;
      this.take(frame);
      const now = performance.now();
      if (!this.runner.running || frame.finished || now - this.told > READABLE) {
        this.told = now;
        this.words();
      }
    }
    this.buttons();
  }

  /** Write what the frame says in words. */
  words() {
    const { frame, runner } = this;
    if (!frame) return;
    const epoch = this.kind === "networks" ? `, epoch ${format(frame.epoch)}` : "";
    const speed = runner.running && frame.steps_per_second ? `${Math.round(frame.steps_per_second)} steps per second` : "";
    this.place.data = `step ${frame.step}${epoch}`;
    tell(this.speed, speed && `, ${speed}`);
    if (!this.speed.isConnected) this.counter.replaceChildren(this.place, this.speed);
  }

  buttons() {
    const { running, finished, ready, busy } = this.runner;
    const state = busy ? "busy" : !ready ? "error" : running ? "running" : finished ? "finished" : "paused";
    tell(this.run, running ? "Pause" : "Run");
    this.parts.forEach((part, i) => {
      const whole = i === 0 || i === this.parts.length - 1; // Run and Reset
      part.disabled = (!ready && !busy) || (finished && !whole);
    });
    this.panel.dataset.state = state;
  }

  /**
   * Show an error at its field, or above the picture.
   * @param {{message: string, field?: string, hint?: boolean} | null | undefined} error a hint says what is still missing
   */
  fail(error) {
    const hint = Boolean(error?.hint);
    let message = error ? this.#labelled(error.message) : null;
    if (hint) message = `${message[0].toUpperCase()}${message.slice(1)}.`;
    for (const [name, field] of Object.entries(this.fields)) field.fail(error?.field === name ? message : null, hint);
    const wrong = error?.field ? this.fields[error.field] : undefined;
    this.problem(wrong ? null : message);
    if (!wrong) return;
    this.counter.textContent = hint ? "Waiting for data" : `Change “${wrong.label}” to go on`;
    const group = wrong.element.closest("details");
    if (group) group.open = true;
    if (hint) this.blank();
  }

  /** A message with the label of a setting in place of its name. @param {string} message */
  #labelled(message) {
    return message
      .replace(/^optimizers: /, "")
      .replace(/^(?:each of )?(\w+)(?= must)/, (_, name) => this.fields[name]?.label ?? NUMBERS[name]?.label ?? OF_OPTIMIZERS[name] ?? name);
  }

  /** Nothing can be shown yet. */
  blank() {
    this.frame = null;
    this.#showCode("");
    this.app.onCode("");
    this.tell(null);
  }

  /** @param {string | null} message */
  problem(message) {
    this.message.textContent = message ?? "";
    this.message.hidden = !message;
  }

  /**
   * A sentence about what goes wrong. Screen readers read it aloud, so during a run, new numbers in it come seldom.
   * @param {string | null} text
   */
  tell(text) {
    const [said, now] = [text ?? "", performance.now()];
    const words = (sentence) => sentence.replace(/[^a-z]/gi, "");
    if (this.runner.running && words(said) === words(this.fate.textContent) && now - this.warned < ALOUD) return;
    this.warned = now;
    tell(this.fate, said);
    this.fate.hidden = !text;
  }

  /** Show the settings in the form. */
  show() {}

  /** @param {any} frame */
  take(frame) {}

  draw() {}
}

/** @param {string} text @param {HTMLElement} button which says for a moment that it worked */
export async function copyText(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copying is not allowed here";
  }
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
}
