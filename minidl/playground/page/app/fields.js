/** Form fields for settings: choices, numbers with sliders, and texts. Each shows the error that belongs to it. */

import { el } from "./dom.js";

/**
 * What a setting may be, as the engine describes it.
 * @typedef {{kind: string, default: any, values?: any[], low?: number, high?: number, longest?: number}} Choice
 * @typedef {{element: HTMLElement, set: (value: any) => void, label: string, fail: (message: string | null, hint?: boolean) => void}} Field
 */

let count = 0;

/**
 * @param {HTMLElement} error where it is shown
 * @returns {(message: string | null, hint?: boolean) => void} shows an error, or a hint at what is still missing
 */
export const failing =
  (error) =>
  (message, hint = false) => {
    error.textContent = message ?? "";
    error.className = hint ? "hint" : "field-error";
    error.hidden = !message;
  };

/**
 * A label around an input, with room for an error below.
 * @param {string} label @param {HTMLElement} input @param {HTMLElement[]} [more]
 * @returns {{element: HTMLElement, label: string, fail: (message: string | null, hint?: boolean) => void}} a hint is not an error
 */
export function labelled(label, input, more = []) {
  input.id = input.id || `field-${++count}`;
  const error = el("p", { className: "field-error", role: "alert", id: `${input.id}-error`, hidden: true });
  const element = el("div", { className: "field" }, el("label", { htmlFor: input.id }, label), input, ...more, error);
  const show = failing(error);
  const fail = (message, hint = false) => {
    show(message, hint);
    if (message && !hint) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    if (message) input.setAttribute("aria-describedby", error.id);
    else input.removeAttribute("aria-describedby");
  };
  return { element, label, fail };
}

/**
 * @param {string} label
 * @param {Choice} choice
 * @param {(value: any) => void} onChange
 * @param {Record<string, string>} [names] of values
 * @returns {Field}
 */
export function select(label, choice, onChange, names = {}) {
  const values = choice.values ?? [];
  const input = el(
    "select",
    {},
    ...values.map((value, i) => el("option", { value: String(i) }, names[value] ?? String(value))),
  );
  input.addEventListener("change", () => onChange(values[Number(input.value)]));
  return {
    ...labelled(label, input),
    set: (value) => {
      input.value = String(values.indexOf(value));
    },
  };
}

/** The labels, and the sliders, of the numbers of optimizers. The closer to 1, the longer it remembers. */
export const NUMBERS = {
  momentum: { label: "Momentum", slide: { high: 0.99 } },
  alpha: { label: "α", slide: { toOne: true } },
  beta1: { label: "β₁", slide: { toOne: true } },
  beta2: { label: "β₂", slide: { toOne: true } },
};

/**
 * A slider with a number beside it. The slider may span less than what is allowed. A logarithmic slider has 0 at its left
 * end if 0 is allowed. With `toOne`, 1 − value is logarithmic.
 * @param {string} label @param {Choice} choice @param {(value: number) => void} onChange
 * @param {{log?: boolean, toOne?: boolean, low?: number, high?: number}} [slide]
 * @returns {Field}
 */
export function number(label, choice, onChange, slide = {}) {
  const low = slide.low ?? choice.low ?? 0,
    high = slide.high ?? choice.high ?? 1;
  const whole = choice.kind === "whole";
  const zero = Boolean(slide.log) && low <= 0;
  const floor = zero ? high / 1e5 : low;
  const steps = whole && !slide.log ? high - low : 100;
  const toValue = (position) => {
    if (zero && position === 0) return 0;
    const share = position / steps;
    if (slide.toOne) return Number((1 - Number(((1 - high) ** share).toPrecision(2))).toFixed(5));
    const raw = slide.log ? floor * (high / floor) ** share : low + share * (high - low);
    return whole ? Math.round(raw) : Number(raw.toPrecision(2));
  };
  const toPosition = (value) => {
    if (slide.toOne) return (steps * Math.log(1 - value)) / Math.log(1 - high);
    if (slide.log) return value <= floor ? 0 : (steps * Math.log(value / floor)) / Math.log(high / floor);
    return (steps * (value - low)) / (high - low);
  };
  const slider = el("input", { type: "range", min: "0", max: String(steps), step: "1" });
  const box = el("input", {
    type: "number",
    min: String(choice.low),
    max: String(choice.high),
    step: whole ? "1" : "any",
    inputMode: "decimal",
  });
  box.setAttribute("aria-label", `${label}, exact value`);
  const pair = labelled(label, slider, [box]);
  pair.element.classList.add("number");
  const show = (value) => {
    slider.value = String(toPosition(value));
    slider.setAttribute("aria-valuetext", String(value));
  };
  slider.addEventListener("input", () => {
    const value = toValue(Number(slider.value));
    box.value = String(value);
    slider.setAttribute("aria-valuetext", String(value));
    pair.fail(null);
    onChange(value);
  });
  box.addEventListener("change", () => {
    const value = Number(box.value);
    if (box.value === "" || !Number.isFinite(value)) pair.fail("Enter a number.");
    else {
      pair.fail(null);
      show(value);
      onChange(value);
    }
  });
  return {
    ...pair,
    set: (value) => {
      box.value = String(value);
      show(Number(value));
    },
  };
}

/**
 * A line of text or a number without limits, sent when it is left or with Enter.
 * @param {string} label @param {(value: string) => void} onChange
 * @returns {Field}
 */
export function text(label, onChange) {
  const input = el("input", { type: "text", spellcheck: false, autocomplete: "off" });
  input.addEventListener("change", () => onChange(input.value));
  return {
    ...labelled(label, input),
    set: (value) => {
      if (input.value !== String(value)) input.value = String(value);
    },
  };
}
