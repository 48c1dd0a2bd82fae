/** The playground's page: loads the engine, builds the three tabs, and keeps the address up to date. */

import { connect } from "../transport.js";
import { decode, encode } from "./address.js";
import { Descent } from "./descent.js";
import { byId, el } from "./dom.js";
import { Editor } from "./editor.js";
import { Networks } from "./networks.js";
import { onTheme } from "./palette.js";

const TABS = ["networks", "descent", "code"];

class App {
  /** @param {any} engine @param {any} catalog */
  constructor(engine, catalog) {
    this.catalog = catalog;
    this.docs = engine.kind === "worker" ? "../learn/" : null;
    const app = {
      docs: this.docs,
      onChange: (push) => this.remember(push),
      onEdit: () => this.edit(),
      onRestart: () => this.restart(),
    };
    const tab = (Kind, name) =>
      new Kind(engine, catalog, {
        ...app,
        onCode: (code) => {
          if (this.of === name) this.editor.follow(code);
        },
      });
    this.editor = new Editor(engine, app);
    /** Whose code the tab Code shows. */
    this.of = "networks";
    this.tab = "networks";
    /** Writes what has changed to the address, a moment later. */
    this.later = () => {};
    this.pictures = { networks: tab(Networks, "networks"), descent: tab(Descent, "descent") };
    this.defaults = { networks: this.pictures.networks.defaults, descent: this.pictures.descent.defaults };
    for (const name of TABS) {
      const button = byId(`tab-${name}`);
      button.addEventListener("click", () => this.show(name, true));
      button.addEventListener("keydown", (event) => this.#arrows(event, name));
    }
    window.addEventListener("popstate", () => this.restore());
    window.addEventListener("keydown", (event) => this.#space(event));
    window.addEventListener("resize", () => this.draw());
    onTheme(() => this.draw());
    if (this.docs !== null) byId("links").append(el("a", { href: `${this.docs}playground.html` }, "How it works"));
  }

  /** The picture whose settings are in the address. */
  get picture() {
    return this.pictures[this.of];
  }

  draw() {
    if (this.tab !== "code") this.picture.draw();
  }

  /** @param {string} name @param {boolean} [push] */
  show(name, push = false) {
    this.tab = name;
    if (name !== "code" && name !== this.of) {
      this.picture.runner.pause();
      this.of = name;
      this.picture.started = false; // the engine holds one picture at a time
      this.editor.follow(this.picture.code);
    }
    if (name === "code") this.picture.runner.pause();
    for (const other of TABS) {
      const chosen = other === name;
      byId(`tab-${other}`).setAttribute("aria-selected", String(chosen));
      byId(`tab-${other}`).tabIndex = chosen ? 0 : -1;
      byId(`panel-${other}`).hidden = !chosen;
    }
    if (name !== "code" || !this.picture.started) this.picture.open();
    if (push) this.remember(true);
  }

  /** Write what is shown to the address. @param {boolean} push whether going back returns to what was there before */
  remember(push) {
    const { preset, settings } = this.picture;
    const hash = encode(
      { tab: this.tab, of: this.of, preset, settings, code: this.editor.code },
      this.defaults[this.of],
    );
    if (push) this.#flush(); // going back returns to the last settings, too
    clearTimeout(this.timer);
    this.later = () => {};
    if (hash === location.hash) return;
    if (push) history.pushState(null, "", hash);
    else {
      // Browsers limit how often the address may change, and a slider changes it often.
      this.later = () => history.replaceState(null, "", hash);
      this.timer = setTimeout(() => this.#flush(), 250);
    }
  }

  /** Write to the address what was to be written later. */
  #flush() {
    this.later();
    this.later = () => {};
  }

  /** Show what the address says. */
  restore() {
    clearTimeout(this.timer);
    this.later = () => {};
    const place = decode(location.hash, this.catalog.choices, this.catalog.presets);
    this.picture.runner.pause();
    this.of = place.of;
    this.picture.load({ preset: place.preset, settings: place.settings });
    this.editor.load(place.code);
    this.show(place.tab);
    const unknown = place.unknown.length
      ? `The link has parts that are not known here and were left out: ${place.unknown.join(", ")}.`
      : "";
    problem(unknown);
  }

  edit() {
    this.show("code", true);
    byId("code").focus();
    this.editor.run();
  }

  /** Python was started again: it knows nothing of the picture any more. */
  restart() {
    for (const picture of Object.values(this.pictures)) picture.started = false;
    this.picture.runner.ready = false;
    this.picture.again();
  }

  /** @param {KeyboardEvent} event @param {string} name */
  #arrows(event, name) {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const next = TABS[(TABS.indexOf(name) + move + TABS.length) % TABS.length];
    this.show(next, true);
    byId(`tab-${next}`).focus();
  }

  /** Space runs and pauses, except where it types or presses something. @param {KeyboardEvent} event */
  #space(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey || this.tab === "code") return;
    if (target.closest("input, textarea, select, summary, a, button:not(.unit), pre")) return;
    event.preventDefault();
    this.picture.runner.toggle();
  }
}

/** @param {string} message */
function problem(message) {
  byId("problem").textContent = message;
  byId("problem").hidden = !message;
}

async function start() {
  /** @type {App | null} */
  let app = null;
  const onProgress = (text, fraction) => {
    if (app !== null) return app.editor.progress(text);
    const share = Math.max(0, Math.min(1, fraction ?? 0));
    byId("loading-bar").value = share;
    byId("loading-text").textContent = `${text} (${Math.round(100 * share)} %)`;
  };
  try {
    const engine = await connect({ onProgress, onOutput: (text) => app?.editor.print(text) });
    const catalog = await engine.ask({ do: "presets" });
    app = new App(engine, catalog);
    byId("loading").hidden = true;
    app.restore();
    document.documentElement.dataset.ready = "true";
  } catch (error) {
    byId("loading").hidden = true;
    problem(`The playground could not start: ${error.message}`);
  }
}

start();
