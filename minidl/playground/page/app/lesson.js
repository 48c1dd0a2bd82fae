/** The presets: a row of buttons, and below it two sentences, a question, and the answer for those who have tried. */

import { el } from "./dom.js";

export class Lesson {
  /**
   * @param {any[]} presets
   * @param {(id: string) => void} onPick
   * @param {string | null} docs where the learn pages are, null if they are not beside this page
   */
  constructor(presets, onPick, docs) {
    this.presets = presets;
    this.docs = docs;
    /** @type {string | null} the preset whose text is shown */
    this.id = null;
    this.buttons = presets.map((preset) => {
      const button = el("button", { type: "button" }, preset.title);
      button.dataset.preset = preset.id;
      button.addEventListener("click", () => onPick(preset.id));
      return button;
    });
    this.text = el("div", { className: "lesson", hidden: true });
    const row = el("div", { className: "presets", role: "group" }, ...this.buttons);
    row.setAttribute("aria-label", "Presets");
    this.element = el("div", {}, row, this.text);
  }

  /**
   * @param {string | null} id the preset that is loaded
   * @param {string | null} from the preset that was loaded before something was changed
   */
  show(id, from) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.preset === id));
    const shown = id ?? from;
    const preset = this.presets.find((one) => one.id === shown);
    if (shown === this.id && preset) {
      this.changed.hidden = id !== null;
      return;
    }
    this.id = preset ? shown : null;
    this.text.hidden = !preset;
    this.text.replaceChildren();
    if (!preset) return;
    this.changed = el("p", { className: "hint", hidden: id !== null }, "You have changed the settings of this preset.");
    const answer = el("details", {}, el("summary", {}, "What happens"), el("p", {}, preset.result));
    const children = [el("p", {}, preset.text), el("p", { className: "question" }, preset.question), answer];
    if (preset.learn && this.docs !== null) {
      const [page, anchor] = preset.learn.split("#");
      const href = `${this.docs}${page.replace(/\.(md|html)$/, "")}.html${anchor ? `#${anchor}` : ""}`;
      children.push(el("p", {}, el("a", { href }, "The page that explains it")));
    }
    this.text.append(...children, this.changed);
  }
}
