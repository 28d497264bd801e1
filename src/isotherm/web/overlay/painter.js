// @ts-check
/**
 * Heat onto a canvas of a pixel a tile: the same strokes on the page's own thread and on one beside it (`station.js`).
 *
 * What is to be drawn is told whole each time, so it does not matter which of the two drew what was before.
 */

import { divergingShades, paintDifference } from "../shared/heat/diverging.js";
import { paint, shades, toned } from "../shared/heat/shades.js";
import { Smoother } from "../shared/heat/smooth.js";

/**
 * @typedef {import("../shared/heat/shades.js").Look} Look
 * @typedef {{look: Look, scale: import("../shared/heat/scales.js").ScaleName, ground: import("../shared/heat/scales.js").Ground,
 *   curve: import("../shared/heat/shades.js").Curve}} Style
 * @typedef {{opacity: number, grey: number}} Tone  of the whole picture, both 0 … 1
 * @typedef {{style: Style, tone: Tone}} How
 * @typedef {{grid: number, counts: Uint32Array, hottest: number, tallness: number} & How} Counts  `grid` 0: nothing is known;
 *   `tallness`: the page's height ÷ its width
 * @typedef {import("../shared/heat/difference.js").Difference & How} Differences
 */

export class Painter {
  #smoother = new Smoother();
  #image = new ImageData(1, 1);
  /** @type {Uint32Array} the image, a number a pixel */
  #pixels = new Uint32Array(1);
  /** @type {Uint32Array} */
  #table = new Uint32Array(0);
  #tableOf = "";
  #canvas;
  #context;

  /** @param {HTMLCanvasElement | OffscreenCanvas} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    // The pixels are written by the processor, never read: they need not go to a graphics card and back.
    const context = canvas.getContext("2d", { willReadFrequently: true });
    this.#context = /** @type {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} */ (context);
  }

  /** @param {Counts} of @returns {number} the count a tile that the last shade stands for */
  draw({ grid, counts, hottest, tallness, style, tone }) {
    if (grid === 0) {
      this.#resize(1);
      this.#pixels.fill(0);
      this.#context.putImageData(this.#image, 0, 0);
      return 0;
    }
    const field = style.look === "smooth" ? this.#smoother.landscape(counts, grid, tallness) : { size: grid, values: counts, hottest };
    this.#resize(field.size);
    paint(field.values, field.hottest, this.#shades({ style, tone }, shades), this.#pixels);
    this.#context.putImageData(this.#image, 0, 0);
    return field.hottest;
  }

  /** What became hotter and what cooler, tile by tile. @param {Differences} of */
  drawDifference({ grid, values, most, style, tone }) {
    this.#resize(grid);
    paintDifference(values, most, this.#shades({ style, tone }, ofDifferences), this.#pixels);
    this.#context.putImageData(this.#image, 0, 0);
  }

  /** @param {number} size pixels a side */
  #resize(size) {
    if (this.#canvas.width === size) return;
    this.#canvas.width = size;
    this.#canvas.height = size;
    this.#image = new ImageData(size, size);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
  }

  /** @param {How} how @param {(style: Style) => Uint32Array} tableOf */
  #shades({ style, tone }, tableOf) {
    const of = JSON.stringify([style, tone, tableOf === shades]);
    if (of !== this.#tableOf) {
      this.#tableOf = of;
      this.#table = toned(tableOf(style), tone.opacity, tone.grey);
    }
    return this.#table;
  }
}

/** @param {Style} style */
function ofDifferences({ ground }) {
  return divergingShades(ground);
}
