/** The tab Code: the Python of the settings, which can be edited and run, with its output below. */

import { byId, el } from "./dom.js";
import { copyText } from "./tab.js";

/** How many characters of output the page keeps. */
const MAX_OUTPUT = 200_000;
/** Milliseconds between two updates of the output. */
const OUTPUT_EVERY = 100;

export class Editor {
  /** @param {any} engine @param {{onChange: (push: boolean) => void, onRestart: () => void}} app */
  constructor(engine, app) {
    this.engine = engine;
    this.app = app;
    this.area = byId("code");
    this.output = byId("output");
    /** The code of the settings. */
    this.original = "";
    /** Whether the code was changed and no longer follows the settings. */
    this.edited = false;
    this.running = false;
    this.escaped = false;
    /** What the code has printed since the output was last shown. */
    this.printed = "";
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.printing = null;
    /** What is said beside the buttons while nothing runs. */
    this.note = "";
    byId("code-run").addEventListener("click", () => this.run());
    byId("code-stop").addEventListener("click", () => this.stop());
    byId("code-back").addEventListener("click", () => this.back());
    byId("code-copy").addEventListener("click", () => copyText(this.area.value, byId("code-copy")));
    this.area.addEventListener("input", () => this.#changed());
    this.area.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Edited code, null if it is that of the settings. @returns {string | null} */
  get code() {
    return this.edited ? this.area.value : null;
  }

  /** The settings stand for other code now. @param {string} code */
  follow(code) {
    this.original = code;
    if (!this.edited) this.area.value = code;
    this.#mark();
  }

  /** Code from a link is shown, and not run. @param {string | null} code */
  load(code) {
    if (!this.running) this.#clear();
    this.edited = code !== null && code !== this.original;
    this.area.value = code ?? this.original;
    this.note = code !== null ? "This code comes from the link. Read it before you run it." : "";
    this.#mark();
  }

  back() {
    this.edited = false;
    this.note = "";
    this.area.value = this.original;
    this.#mark();
    this.app.onChange(true);
    this.area.focus();
  }

  #changed() {
    this.edited = this.area.value !== this.original;
    this.note = "";
    this.#mark();
    this.app.onChange(false);
  }

  #mark() {
    byId("code-back").hidden = !this.edited;
    if (!this.running) byId("code-state").textContent = this.note;
  }

  /**
   * Tab indents, Enter keeps the indentation, Ctrl-Enter runs. After Escape, Tab moves on.
   * @param {KeyboardEvent} event
   */
  #key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.run();
    } else if (event.key === "Tab" && !this.escaped && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      this.#indent(event.shiftKey);
    } else if (event.key === "Enter") {
      const line = this.area.value.slice(0, this.area.selectionStart).split("\n").pop();
      const indent = line.match(/^ */)[0] + (line.trimEnd().endsWith(":") ? "    " : "");
      if (indent) {
        event.preventDefault();
        this.#insert(`\n${indent}`);
      }
    }
    this.escaped = event.key === "Escape" || (this.escaped && event.key === "Shift");
  }

  /** Insert text so that the browser's undo works. @param {string} text */
  #insert(text) {
    if (!document.execCommand("insertText", false, text)) {
      this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
      this.#changed();
    }
  }

  /** @param {boolean} back */
  #indent(back) {
    const { value, selectionStart, selectionEnd } = this.area;
    if (selectionStart === selectionEnd && !back) {
      this.#insert(" ".repeat(4 - ((selectionStart - (value.lastIndexOf("\n", selectionStart - 1) + 1)) % 4)));
      return;
    }
    const from = value.lastIndexOf("\n", selectionStart - 1) + 1;
    const lines = value.slice(from, selectionEnd).split("\n");
    const changed = lines.map((line) => (back ? line.replace(/^ {1,4}/, "") : line && `    ${line}`)).join("\n");
    this.area.setSelectionRange(from, selectionEnd);
    this.#insert(changed);
    this.area.setSelectionRange(from, from + changed.length);
  }

  #clear() {
    this.printed = "";
    this.output.textContent = "";
    byId("figures").replaceChildren();
    this.#fail(null);
  }

  async run() {
    if (this.running) return;
    this.#state(true);
    this.#clear();
    const began = performance.now();
    try {
      const frame = await this.engine.ask({ do: "run", code: this.area.value });
      for (const [i, data] of (frame.figures ?? []).entries())
        byId("figures").append(el("img", { src: `data:image/png;base64,${data}`, alt: `Figure ${i + 1} of the code` }));
      this.#fail(frame.error);
      this.#state(
        false,
        `${frame.error ? "Stopped with an error" : "Done"} after ${((performance.now() - began) / 1000).toFixed(1)} s.`,
      );
    } catch (error) {
      this.#state(false, this.stopped ? "Stopped." : "");
      if (!this.stopped) this.#fail({ message: error.message });
    }
    this.stopped = false;
  }

  /** Code that does not end is stopped by starting Python again. */
  stop() {
    if (!this.running) return;
    this.stopped = true;
    this.engine.restart().catch((error) => this.#fail(error));
    this.app.onRestart();
  }

  /** Something is loaded that the code has asked for. @param {string} text */
  progress(text) {
    if (this.running) byId("code-state").textContent = `${text} …`;
  }

  /** @param {string} text what the code printed */
  print(text) {
    this.printed += text;
    if (this.printed.length > 4 * MAX_OUTPUT) this.printed = this.printed.slice(-2 * MAX_OUTPUT);
    this.printing ??= setTimeout(() => this.#flush(), OUTPUT_EVERY);
  }

  /** Show what was printed. It is not shown at once, as a loop prints faster than a page can be laid out. */
  #flush() {
    clearTimeout(this.printing);
    this.printing = null;
    if (!this.printed) return;
    const all = this.output.textContent + this.printed;
    this.printed = "";
    this.output.textContent = all.length > MAX_OUTPUT ? `…${all.slice(-MAX_OUTPUT)}` : all;
    this.output.scrollTop = this.output.scrollHeight;
  }

  /** @param {{message: string, traceback?: string} | null | undefined} error */
  #fail(error) {
    const box = byId("code-error");
    box.hidden = !error;
    box.replaceChildren();
    if (!error) return;
    box.append(el("b", {}, error.message));
    if (error.traceback) box.append(el("pre", { tabIndex: 0 }, error.traceback));
  }

  /** @param {boolean} running @param {string} [text] */
  #state(running, text = "Running …") {
    this.#flush();
    this.running = running;
    this.note = running ? "" : text;
    byId("code-run").disabled = running;
    byId("code-stop").disabled = !running;
    byId("code-state").textContent = text;
  }
}
