/** Small helpers for elements, numbers and text. */

/** @param {string} id @returns {any} the element with this id */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element. Properties are set as properties, or as attributes where there is no such property.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name in element) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Make an SVG element.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @returns {any}
 */
export function svg(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * A number as people read it: about three digits, and a minus sign instead of a hyphen.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function format(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "not finite";
  const size = Math.abs(value);
  let text;
  if (value === 0 || (Number.isInteger(value) && size < 1e6)) text = String(value);
  else if (size >= 1e5 || size < 1e-3) text = value.toExponential(digits - 2).replace("e+", "e");
  else
    text = value
      .toPrecision(digits)
      .replace(/(\.\d*?)0+$/, "$1")
      .replace(/\.$/, "");
  if (text.includes("e") && !(size >= 1e5 || size < 1e-3)) text = String(Number(text));
  return text.replace(/-/g, "−");
}

/** @param {number} value a share between 0 and 1 */
export const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);

/** Its `matches` says whether the reader asks for less motion. */
export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Show a text in an element, unless it is there already: a new text costs a layout, and its memory. */
export function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {any} a @param {any} b whether two settings are equal */
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Give a canvas as many pixels as the screen shows, and return its context in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}}
 */
export function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth,
    height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
