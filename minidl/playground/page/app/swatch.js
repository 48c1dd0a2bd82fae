/** A short piece of a line with its marker, as it is drawn: colour, dashes and marker. */

import { el } from "./dom.js";
import { dashes, lineColors, mark, markers, onTheme } from "./palette.js";

/** @param {number} look the number of the line @returns {HTMLElement} */
export function swatch(look) {
  const canvas = el("canvas", { className: "swatch", width: 72, height: 28 });
  canvas.setAttribute("aria-hidden", "true");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const draw = () => {
    context.setTransform(2, 0, 0, 2, 0, 0);
    context.clearRect(0, 0, 36, 14);
    context.strokeStyle = context.fillStyle = lineColors[look % lineColors.length];
    context.lineWidth = 2;
    context.setLineDash(dashes[look % dashes.length]);
    context.beginPath();
    context.moveTo(0, 7);
    context.lineTo(28, 7);
    context.stroke();
    context.setLineDash([]);
    mark(context, markers[look % markers.length], 29, 7, 4.5);
    context.fill();
  };
  draw();
  onTheme(draw);
  return canvas;
}
