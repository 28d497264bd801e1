// @ts-check
/**
 * The heat on the page: one small canvas, a pixel a tile, which the browser itself stretches over the document.
 *
 * `putImageData` of 50 × 50 pixels is all the work of a frame (`painter.js`); scrolling, zoom and sharp tile edges on dense screens cost nothing
 * more. The canvas lies in a layer of no size whose layout is contained: what overflows such a layer is ink, not content, so it can be as
 * large as the page and never make the page larger (a plain absolute canvas would keep a page from ever getting shorter again). It has no
 * opacity and no filter of its own: what a worker draws, browsers then stretch another way than they were told. Both are in the pixels.
 */

import { make, set } from "./dom.js";

export class Picture {
  constructor() {
    this.canvas = make("canvas", { class: "heat", "aria-hidden": "true", width: 1, height: 1 });
  }

  /** Another canvas in the place of this one, which is drawn on by nobody any more: what was handed over to a worker can't be had back. */
  renew() {
    const fresh = /** @type {HTMLCanvasElement} */ (this.canvas.cloneNode());
    this.canvas.replaceWith(fresh);
    this.canvas = fresh;
  }

  /** @param {import("../shared/heat/geometry.js").Size} page */
  fit(page) {
    set(this.canvas.style, "width", `${page.width}px`);
    set(this.canvas.style, "height", `${page.height}px`);
  }

  /**
   * How the browser stretches what is drawn from now on. A worker that draws is told of it by the browser's styles, and has to know before it
   * draws: they are asked for at once.
   * @param {boolean} smooth
   */
  smooth(smooth) {
    const { classList } = this.canvas;
    if (smooth === classList.contains("smooth")) return;
    classList.toggle("smooth", smooth);
    void getComputedStyle(this.canvas).imageRendering;
  }
}
