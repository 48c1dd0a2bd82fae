/** Contour lines of a grid of values, by marching squares. */

/**
 * The line segments along which the interpolated grid has the value `level`, in columns and rows.
 * @param {ArrayLike<number | null>} values row by row
 * @param {number} size rows and columns
 * @param {number} level
 * @returns {number[][]} segments [x0, y0, x1, y1]
 */
export function contour(values, size, level) {
  const segments = [];
  for (let row = 0; row + 1 < size; row++) {
    for (let column = 0; column + 1 < size; column++) {
      const at = row * size + column;
      const corners = [values[at], values[at + 1], values[at + size + 1], values[at + size]];
      const below = corners[0] < level;
      if (corners.every((value) => value < level === below)) continue; // as nearly everywhere
      if (corners.some((value) => value === null || !Number.isFinite(value))) continue;
      const [a, b, c, d] = /** @type {number[]} */ (corners);
      /** @type {number[][]} where the level crosses the sides: bottom, right, top, left */
      const cross = [];
      const side = (from, to, x, y) => {
        if (from < level !== to < level)
          cross.push([column + x((level - from) / (to - from)), row + y((level - from) / (to - from))]);
      };
      side(
        a,
        b,
        (t) => t,
        () => 0,
      );
      side(
        b,
        c,
        () => 1,
        (t) => t,
      );
      side(
        d,
        c,
        (t) => t,
        () => 1,
      );
      side(
        a,
        d,
        () => 0,
        (t) => t,
      );
      for (let i = 0; i + 1 < cross.length; i += 2) segments.push([...cross[i], ...cross[i + 1]]);
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
