/** The points of a line of any length. After too many, it keeps the lowest and the highest of each four. */

const MOST = 1500;

export class Series {
  // An object for each of a thousand points per second would fill the memory between two collections of garbage.
  steps = new Float64Array(MOST);
  values = new Float64Array(MOST);
  length = 0;

  /** @param {number} step @param {number} value NaN leaves a gap in the line */
  add(step, value) {
    if (this.length === MOST) this.#thin();
    this.#put(step, value);
  }

  /** @param {number} step @param {number} value */
  #put(step, value) {
    this.steps[this.length] = step;
    this.values[this.length++] = value;
  }

  /** Oscillations stay visible, and the last four points all stay. */
  #thin() {
    const { steps, values, length } = this;
    this.length = 0;
    let at = 0;
    for (; at + 4 < length; at += 4) {
      let [low, high] = [at, at];
      for (let i = at + 1; i < at + 4; i++) {
        if (values[i] < values[low]) low = i;
        if (values[i] > values[high]) high = i;
      }
      for (let i = at; i < at + 4; i++) if (i === low || i === high) this.#put(steps[i], values[i]);
    }
    for (; at < length; at++) this.#put(steps[at], values[at]);
  }
}
