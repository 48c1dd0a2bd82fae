/** Contour lines of a grid of values, by marching squares. */

/**
 * The line segments along which the interpolated grid has the value `level`, in columns and rows.
 * @param {ArrayLike<any>} values numbers row by row, null where there is none
 * @param {number} size rows and columns
 * @param {number} level
 * @returns {number[]} x0, y0, x1, y1 of each segment, one after the other
 */
export function contour(values, size, level) {
  const segments = [];
  for (let row = 0; row + 1 < size; row++) {
    for (let column = 0; column + 1 < size; column++) {
      const at = row * size + column;
      const a = values[at],
        b = values[at + 1],
        c = values[at + size + 1],
        d = values[at + size];
      const below = a < level;
      if (b < level === below && c < level === below && d < level === below) continue; // as nearly everywhere
      if (!(Number.isFinite(a) && Number.isFinite(b) && Number.isFinite(c) && Number.isFinite(d))) continue;
      // Two or four sides are crossed, so that each two crossings are a segment.
      if (a < level !== b < level) segments.push(column + (level - a) / (b - a), row);
      if (b < level !== c < level) segments.push(column + 1, row + (level - b) / (c - b));
      if (d < level !== c < level) segments.push(column + (level - d) / (c - d), row + 1);
      if (a < level !== d < level) segments.push(column, row + (level - a) / (d - a));
    }
  }
  return segments;
}

/**
 * Ticks at round numbers.
 * @param {number} low @param {number} high @param {number} [about] how many
 * @returns {number[]}
 */
export function ticks(low, high, about = 5) {
  const raw = (high - low) / about;
  if (!(raw > 0) || !Number.isFinite(raw)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const result = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) result.push(i * step);
  return result;
}
