/** The regions of several classes: which class is the most probable one where, and the lines between the regions. */

import { contour } from "./contours.js";

/** How often a cell is halved in which three regions meet. Then it is smaller than a pixel of the screen. */
const HALVED = 4;

/** @param {ArrayLike<number>[]} chances @param {number} at @returns {number} the first of the most probable classes */
function winner(chances, at) {
  let best = 0;
  for (let label = 1; label < chances.length; label++) if (chances[label][at] > chances[best][at]) best = label;
  return best;
}

/**
 * @param {Uint16Array[]} chances the probability of each class, from 0 to 65535
 * @param {Uint8Array | Uint16Array} [into] used again if it has the right size
 * @returns {Uint8Array | Uint16Array} 256 c + shade, where class c has the largest probability. The shade is 255 if
 * that is 1, and 0 if all classes are equally probable.
 */
export function regions(chances, into) {
  const least = 65535 / chances.length,
    { length } = chances[0];
  const result = into instanceof Uint16Array && into.length === length ? into : new Uint16Array(length);
  for (let at = 0; at < length; at++) {
    const label = winner(chances, at);
    result[at] = 256 * label + Math.round((255 * Math.max(0, chances[label][at] - least)) / (65535 - least));
  }
  return result;
}

/**
 * @param {Uint16Array} chances the probability of class 1, from 0 to 65535
 * @param {Uint8Array | Uint16Array} [into] used again if it has the right size
 * @returns {Uint8Array} the same from 0 to 255
 */
export function shades(chances, into) {
  const result = into instanceof Uint8Array && into.length === chances.length ? into : new Uint8Array(chances.length);
  for (let at = 0; at < chances.length; at++) result[at] = chances[at] >> 8;
  return result;
}

/**
 * The line segments between the regions, in columns and rows.
 * @param {ArrayLike<number>[]} chances row by row
 * @param {number} size rows and columns
 * @param {number} [depth]
 * @returns {number[]} x0, y0, x1, y1 of each segment, one after the other
 */
export function borders(chances, size, depth = HALVED) {
  const won = new Uint8Array(size * size);
  for (let at = 0; at < won.length; at++) won[at] = winner(chances, at);
  const segments = [];
  for (let row = 0; row + 1 < size; row++) {
    for (let column = 0; column + 1 < size; column++) {
      const at = row * size + column;
      const first = won[at];
      if (first === won[at + 1] && first === won[at + size] && first === won[at + size + 1]) continue;
      const corners = [at, at + 1, at + size, at + size + 1],
        labels = corners.map((corner) => won[corner]);
      const low = Math.min(...labels),
        high = Math.max(...labels);
      const two = labels.every((label) => label === low || label === high);
      const found = two
        ? contour(
            corners.map((corner) => chances[low][corner] - chances[high][corner]),
            2,
            0,
          )
        : depth > 0
          ? borders(chances.map((one) => halved(corners.map((corner) => one[corner]))), 3, depth - 1)
          : [];
      const scale = two ? 1 : 0.5;
      for (let i = 0; i < found.length; i += 2) segments.push(column + scale * found[i], row + scale * found[i + 1]);
    }
  }
  return segments;
}

/** A cell as 3 × 3 values, interpolated between its corners. @param {number[]} corners row by row */
function halved([a, b, c, d]) {
  return [a, (a + b) / 2, b, (a + c) / 2, (a + b + c + d) / 4, (b + d) / 2, c, (c + d) / 2, d];
}
