// @ts-check
/**
 * The heat on the page: one small canvas, a pixel a tile, which the browser itself stretches over the document.
 *
 * `putImageData` of 50 × 50 pixels is all the work of a frame; scrolling, zoom and sharp tile edges on dense screens cost nothing
 * more. The canvas lies in a layer of no size whose layout is contained: what overflows such a layer is ink, not content, so it can be as
 * large as the page and never make the page larger (a plain absolute canvas would keep a page from ever getting shorter again).
 */

import { make } from "./dom.js";
import { divergingShades, paintDifference } from "../shared/heat/diverging.js";
import { paint, shades } from "../shared/heat/shades.js";
import { Smoother } from "../shared/heat/smooth.js";

/**
 * @typedef {import("../shared/heat/heat.js").Heat} Heat
 * @typedef {import("../shared/heat/geometry.js").Size} Size
 * @typedef {import("../shared/heat/shades.js").Look} Look
 * @typedef {{look: Look, scale: import("../shared/heat/scales.js").ScaleName, ground: import("../shared/heat/scales.js").Ground,
 *   curve: import("../shared/heat/shades.js").Curve}} Style
 */

export class Picture {
  #smoother = new Smoother();
  #image = new ImageData(1, 1);
  /** @type {Uint32Array} the image, a number a pixel */
  #pixels = new Uint32Array(1);
  /** @type {Uint32Array} */
  #table = new Uint32Array(0);
  #tableOf = "";

  constructor() {
    this.canvas = make("canvas", { class: "heat", "aria-hidden": "true", width: 1, height: 1 });
    // The pixels are written by the processor, never read: they need not go to a graphics card and back.
    this.#context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { willReadFrequently: true }));
  }

  /** @type {CanvasRenderingContext2D} */
  #context;

  /** @param {Size} page */
  fit(page) {
    this.canvas.style.width = `${page.width}px`;
    this.canvas.style.height = `${page.height}px`;
  }

  /**
   * @param {Heat} heat @param {Size} page @param {Style} style
   * @returns {number} the count a tile that the last shade stands for
   */
  draw(heat, page, style) {
    if (!heat.known) {
      this.#resize(1);
      this.#pixels.fill(0);
      this.#context.putImageData(this.#image, 0, 0);
      return 0;
    }
    const smooth = style.look === "smooth";
    const { size, values, hottest } = smooth
      ? this.#smoother.landscape(heat.counts, heat.grid, page.height / page.width)
      : { size: heat.grid, values: heat.counts, hottest: heat.hottest };
    this.#resize(size);
    this.canvas.classList.toggle("smooth", smooth);
    paint(values, hottest, this.#shades(style), this.#pixels);
    this.#context.putImageData(this.#image, 0, 0);
    return hottest;
  }

  /**
   * What became hotter and what cooler, tile by tile.
   * @param {import("../shared/heat/difference.js").Difference} difference @param {Style} style
   */
  drawDifference({ grid, values, most }, style) {
    this.#resize(grid);
    this.canvas.classList.remove("smooth");
    paintDifference(values, most, divergingShades(style.ground), this.#pixels);
    this.#context.putImageData(this.#image, 0, 0);
  }

  /** @param {number} size pixels a side */
  #resize(size) {
    if (this.canvas.width === size) return;
    this.canvas.width = size;
    this.canvas.height = size;
    this.#image = new ImageData(size, size);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
  }

  /** @param {Style} style */
  #shades(style) {
    const of = JSON.stringify(style);
    if (of !== this.#tableOf) {
      this.#tableOf = of;
      this.#table = shades(style);
    }
    return this.#table;
  }
}
