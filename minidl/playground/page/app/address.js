/**
 * Settings in the address. A link such as `#networks&data=moons&lr=0.1` reproduces them; defaults are left out.
 * `#preset=dead_relu` stands for a preset as long as nothing is changed, and `code=…` carries edited code.
 */

import { same } from "./dom.js";

/**
 * @typedef {{tab: string, of: string, preset: string | null, settings: Record<string, any>, code: string | null}} Place
 * tab: what is shown; of: whose settings these are, "networks" or "descent"
 */

/** Settings that are data of one's own. They have the name of the data set that they are. */
const OWN_DATA = ["points", "csv"];

/** @param {string} text */
const escape = (text) =>
  encodeURIComponent(text).replace(/%5B/g, "[").replace(/%5D/g, "]").replace(/%2C/g, ",").replace(/%3A/g, ":");

/**
 * @param {Place} place
 * @param {Record<string, any>} defaults those of `place.of`
 * @returns {string} the hash, with "#"
 */
export function encode(place, defaults) {
  const parts = [place.tab];
  if (place.tab === "code") parts.push(`of=${place.of}`);
  if (place.preset !== null) parts.push(`preset=${escape(place.preset)}`);
  else {
    for (const [name, value] of Object.entries(place.settings)) {
      if (value === undefined || same(value, defaults[name])) continue;
      if (OWN_DATA.includes(name) && place.settings.data !== name) continue; // nobody sees them
      parts.push(`${name}=${escape(typeof defaults[name] === "string" ? value : JSON.stringify(value))}`);
    }
  }
  if (place.code !== null) parts.push(`code=${escape(place.code)}`);
  return `#${parts.join("&")}`;
}

/**
 * Whether the form can show a value. Its range is for the engine to check.
 * @param {any} value
 * @param {any} choice what the setting may be
 * @returns {boolean}
 */
function fits(value, choice) {
  if (choice.kind === "choice" || choice.kind === "text") return typeof value === "string";
  if (choice.kind === "whole" || choice.kind === "number") return typeof value === "number";
  if (!Array.isArray(value)) return false;
  if (choice.kind === "optimizers") return value.every((one) => one instanceof Object && !Array.isArray(one));
  const { row } = choice;
  if (row.length === 1) return value.every((one) => fits(one, row[0]));
  return value.every((one) => Array.isArray(one) && one.length === row.length && one.every((x, i) => fits(x, row[i])));
}

/**
 * The reverse. What cannot be read is named in `unknown`, and the rest is used.
 * @param {string} hash
 * @param {{networks: Record<string, any>, descent: Record<string, any>}} choices what each setting may be
 * @param {{id: string, tab: string}[]} presets
 * @returns {Place & {unknown: string[]}}
 */
export function decode(hash, choices, presets) {
  const [first, ...rest] = hash.replace(/^#/, "").split("&");
  const place = { tab: "networks", of: "networks", preset: null, settings: {}, code: null, unknown: [] };
  if (["networks", "descent", "code"].includes(first)) place.tab = first;
  else if (first) rest.unshift(first);
  const pairs = rest.map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
  });
  const named = Object.fromEntries(pairs);
  if (place.tab === "descent" || (place.tab === "code" && named.of === "descent")) place.of = "descent";
  // A preset says whose settings the others are, wherever it stands.
  const preset = presets.find((one) => one.id === named.preset);
  if (preset) {
    place.preset = preset.id;
    place.of = preset.tab;
    if (place.tab !== "code") place.tab = preset.tab;
  }
  for (const [name, raw] of pairs) {
    try {
      const text = decodeURIComponent(raw);
      if (name === "of") continue;
      if (name === "code") place.code = text;
      else if (name === "preset") {
        if (!preset) place.unknown.push(`preset ${text}`);
      } else if (!Object.hasOwn(choices[place.of], name)) place.unknown.push(name);
      else {
        const choice = choices[place.of][name];
        const value = fits("", choice) ? text : JSON.parse(text);
        if (fits(value, choice)) place.settings[name] = value;
        else place.unknown.push(name);
      }
    } catch {
      place.unknown.push(name);
    }
  }
  return place;
}
