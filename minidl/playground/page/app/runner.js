/**
 * The loop of a picture: set up, run, pause, one step. One command at a time is on its way, and settings are
 * coalesced.
 */

import { reducedMotion } from "./dom.js";

/** Steps to ask for at full speed: more than fit into a turn, which its budget ends. */
const MANY = 100_000;

export class Runner {
  /**
   * @param {{ask: (command: any) => Promise<any>}} engine
   * @param {"networks" | "descent"} kind
   * @param {{onFrame: (frame: any) => void, onDraw: () => void, onRunning: () => void, onError: (error: any) => void}} options
   */
  constructor(engine, kind, options) {
    this.engine = engine;
    this.kind = kind;
    this.options = options;
    this.running = false;
    this.finished = false;
    this.ready = false;
    /** @type {any} settings that wait for being sent */
    this.waiting = null;
    this.busy = false;
    this.drawing = false;
    this.steps = 0;
    /** @type {"slow" | "paced" | "full"} */
    this.speed = "full";
  }

  /** Start with these settings. Only the last of several quick changes is sent. @param {any} settings */
  async setUp(settings) {
    this.waiting = settings;
    if (this.busy) return;
    this.busy = true;
    this.options.onRunning();
    try {
      while (this.waiting !== null) {
        const next = this.waiting;
        this.waiting = null;
        const frame = await this.#ask({ do: this.kind, settings: next });
        this.ready = frame !== null && !frame.error;
      }
    } finally {
      this.busy = false;
    }
    if (!this.ready) this.pause();
    this.options.onRunning();
    if (this.running) this.#loop();
  }

  /** @param {any} command @returns {Promise<any>} the frame, or null after an error of the engine */
  async #ask(command) {
    try {
      const frame = await this.engine.ask(command);
      this.finished = Boolean(frame.finished);
      this.steps = frame.step ?? this.steps;
      this.options.onFrame(frame);
      this.#redraw();
      return frame;
    } catch (error) {
      this.running = false;
      this.ready = false;
      this.options.onRunning();
      this.options.onError(error);
      return null;
    }
  }

  #redraw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.options.onDraw();
    });
  }

  start() {
    if (this.running || (!this.busy && (!this.ready || this.finished))) return;
    this.running = true;
    this.options.onRunning();
    if (!this.busy) this.#loop();
  }

  pause() {
    if (!this.running) return;
    this.running = false;
    this.options.onRunning();
  }

  async toggle() {
    if (this.running) this.pause();
    else {
      if (this.finished && !this.busy) await this.reset();
      this.start();
    }
  }

  async #loop() {
    if (this.looping) return;
    this.looping = true;
    while (this.running && !this.busy) {
      const frame = await this.#ask({ do: "step", steps: this.#pace(), budget_ms: 25 });
      if (frame === null) break;
      if (frame.error || frame.finished) this.pause();
      else if (reducedMotion.matches) await new Promise((resolve) => setTimeout(resolve, 400));
      else if (this.speed === "slow") await new Promise((resolve) => setTimeout(resolve, 120));
      else if (this.speed !== "full") await new Promise(requestAnimationFrame);
    }
    this.looping = false;
  }

  /** How many steps to ask for. The first steps are shown one by one, later ones are ever quicker. */
  #pace() {
    if (this.speed === "full") return MANY;
    return this.speed === "slow" ? 1 : Math.ceil((this.steps + 10) / 40);
  }

  /** @param {"step" | "epoch"} what */
  async once(what) {
    this.pause();
    if (this.ready && !this.finished)
      await this.#ask(what === "step" ? { do: "step", steps: 1, budget_ms: 25 } : { do: "epoch" });
  }

  async reset() {
    this.pause();
    if (this.ready) await this.#ask({ do: "reset" });
  }
}
