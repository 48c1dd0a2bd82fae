/** A picture of numbers, one pixel for each, on a canvas that is painted again for every frame. */

import { strong } from "./palette.js";

export class Picture {
  /** @param {HTMLCanvasElement} [canvas] where it is shown; without one, it is drawn on other canvases */
  constructor(canvas = document.createElement("canvas")) {
    this.canvas = canvas;
    this.size = 0;
  }

  /**
   * @param {Uint8Array | Uint16Array} values size × size of them, row 0 at the bottom
   * @param {number} size
   * @param {Uint32Array} [colors] the pixel of each value
   */
  paint(values, size, colors = strong) {
    if (size !== this.size) {
      this.size = this.canvas.width = this.canvas.height = size;
      this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
      this.image = this.context.createImageData(size, size);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    for (let row = 0; row < size; row++) {
      const from = (size - 1 - row) * size;
      for (let column = 0; column < size; column++) this.pixels[row * size + column] = colors[values[from + column]];
    }
    this.context.putImageData(this.image, 0, 0);
    return this.canvas;
  }
}
