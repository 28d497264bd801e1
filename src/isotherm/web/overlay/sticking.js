// @ts-check
/**
 * The look by elements: each sample is drawn at the element that it lay on, wherever that is in this window now.
 *
 *     line ──spots──> heat ──names──> anchors (elements) ──> places (boxes, what is seen) ──> blots ──> canvas over the window
 *
 * Where tiles are parts of the document, these are parts of what people saw: a header that stays, a box that scrolls, a menu, a window over
 * the page, another width. Its canvas lies over the window and not over the page, in the browser's top layer while the page has something
 * there. It follows the page only while it is looked at.
 */

import { Anchors, labelOf } from "./anchors.js";
import { make } from "./dom.js";
import { put } from "./page.js";
import { follow, Places } from "./places.js";
import { Blots, highestOf, STEP } from "../shared/heat/blots.js";
import { paint, shades } from "../shared/heat/shades.js";
import { placeOf, SpotHeat } from "../shared/heat/spots.js";

/**
 * @typedef {import("./places.js").Box} Box
 * @typedef {import("./painter.js").Style} Style
 * @typedef {import("../shared/heat/blots.js").Point} Point
 * @typedef {{element: Element, count: number, name: string, points: (Point & {part: {x: number, y: number}})[]}} Warm  an element with heat on it
 * @typedef {{element: Element, label: string, count: number, total: number, rank: number, warm: number, box: Box}} Pointed
 */

/** How much less it says that two places lie beside each other than that they lie one above the other. */
const ASIDE = 0.05;
/** What stands in the browser's top layer. */
const ON_TOP = ":modal, :popover-open, :fullscreen";

export class Sticking {
  #live = new SpotHeat();
  /** @type {SpotHeat} what is drawn */
  #heat = this.#live;
  #anchors = new Anchors();
  #places;
  #blots = new Blots();
  #under;
  #onChange;
  /** @type {AbortController | null} */
  #following = null;
  /** @type {Map<Element, Warm>} */
  #warm = new Map();
  #stale = true;
  #boxes = "";
  #onTop = "";
  #moving = false;
  #tableOf = "";
  /** @type {Uint32Array} */
  #table = new Uint32Array(0);
  #image = new ImageData(1, 1);
  #pixels = new Uint32Array(1);
  #context;
  /** The value of the last shade. */
  hottest = 0;

  /**
   * @param {{own: Element, under: Element, onChange: () => void, signal: AbortSignal}} of  `under`: after it the layer stands, while it is shown;
   *   `onChange`: something moved, or is warm now
   */
  constructor({ own, under, onChange, signal }) {
    this.canvas = make("canvas", { class: "blots", "aria-hidden": "true", width: 1, height: 1 });
    this.layer = make("div", { class: "window", popover: "manual" }, this.canvas);
    this.#context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { willReadFrequently: true }));
    this.#places = new Places(own);
    this.#under = under;
    this.#onChange = onChange;
    signal.addEventListener("abort", () => this.#following?.abort());
  }

  /** Whether all was told once. */
  get known() {
    return this.#heat.known;
  }

  get total() {
    return this.#heat.total;
  }

  /** How many elements are warm. */
  get warm() {
    return this.#heat.elements.size;
  }

  /** Whether it is looked at. */
  get shown() {
    return this.#following !== null;
  }

  /** @param {any} told */
  hear(told) {
    if (this.#live.apply(told) && this.#heat === this.#live) this.#changed();
  }

  forget() {
    this.#live.forget();
    this.#changed();
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.#heat = paused ? this.#live.frozen() : this.#live;
    this.#changed();
  }

  /** @param {boolean} shown */
  show(shown) {
    if (shown === this.shown) return;
    if (!shown) {
      this.#following?.abort();
      this.#following = null;
      this.#onTop = "";
      this.layer.remove(); // out of the top layer, too
      return;
    }
    this.#under.after(this.layer);
    this.#following = new AbortController();
    this.#stale = true;
    follow({
      onFrame: (moving) => this.#follow(moving),
      onDocument: () => {
        this.#anchors.forget();
        this.#stale = true;
      },
      signal: this.#following.signal,
    });
  }

  /** Something may have moved that no event tells of. */
  tick() {
    if (this.shown && this.#moved()) this.#follow(false);
  }

  #changed() {
    this.#stale = true;
    if (this.shown) this.#onChange();
  }

  /** @param {boolean} moving  whether things may go on moving @returns {boolean} whether anything moved since the last look */
  #follow(moving) {
    this.#rise();
    const moved = this.#moved();
    if (moved || !moving) {
      this.#moving = moving;
      this.#places.forgetCovers(moving);
      this.#onChange();
    }
    return moved;
  }

  #moved() {
    this.#places.forgetBoxes();
    this.#resolve();
    const boxes = [innerWidth, innerHeight];
    for (const element of this.#warm.keys()) {
      const box = this.#places.boxOf(element);
      if (box) boxes.push(Math.round(8 * box.left), Math.round(8 * box.top), Math.round(8 * box.width), Math.round(8 * box.height));
      else boxes.push(-1);
    }
    const before = this.#boxes;
    this.#boxes = boxes.join();
    return this.#boxes !== before;
  }

  /** Above what the page put on top of itself last. */
  #rise() {
    const onTop = [...document.querySelectorAll(ON_TOP)].map((element) => `${element.localName}#${element.id}`).join();
    if (onTop === this.#onTop) return;
    if (this.#onTop) this.layer.hidePopover();
    if (onTop) this.layer.showPopover();
    this.#onTop = onTop;
  }

  /** Which elements are warm, and where on them. */
  #resolve() {
    if (!this.#stale) return;
    this.#stale = false;
    this.#warm = new Map();
    const { elements, grid } = this.#heat;
    for (const [name, spots] of elements) {
      const named = this.#anchors.elementsOf(name);
      if (named.length === 0) continue;
      for (const [spot, count] of spots) {
        const { x, y, nearX, nearY } = placeOf(spot, grid);
        const element = named.length === 1 ? named[0] : this.#nearest(named, x, y, nearX, nearY);
        let warm = this.#warm.get(element);
        if (!warm) this.#warm.set(element, (warm = { element, count: 0, points: [], name }));
        warm.count += count;
        warm.points.push({ x: 0, y: 0, count, part: { x, y } });
      }
    }
  }

  /**
   * Of elements that have one name, the one on which a sample lay most likely: that which has such a place nearest to where it lay in the document.
   * @param {readonly Element[]} named @param {number} x @param {number} y  on the element @param {number} nearX @param {number} nearY  in the document
   */
  #nearest(named, x, y, nearX, nearY) {
    const { scrollWidth, scrollHeight } = document.documentElement;
    let [nearest, least] = [named[0], Infinity];
    for (const element of named) {
      const box = this.#places.boxOf(element);
      if (!box) continue;
      const [dx, dy] = [box.left + x * box.width + scrollX - nearX * scrollWidth, box.top + y * box.height + scrollY - nearY * scrollHeight];
      const off = dx * dx * ASIDE + dy * dy; // what lies in a row often slides along it
      if (off < least) [nearest, least] = [element, off];
    }
    return nearest;
  }

  /** Draws what is warm and seen. @param {Style} style @returns {number} what the last shade stands for */
  draw(style) {
    this.#resolve();
    const all = [];
    const seen = [];
    for (const { element, points } of this.#warm.values()) {
      const box = this.#places.boxOf(element);
      if (!box) continue;
      for (const point of points) {
        point.x = box.left + point.part.x * box.width;
        point.y = box.top + point.part.y * box.height;
        all.push(point);
        if (this.#places.isSeenAt(element, point.x, point.y)) seen.push(point);
      }
    }
    const highest = this.#blots.draw(seen, innerWidth, innerHeight);
    if (!this.#moving || this.hottest === 0) this.hottest = highestOf(all);
    this.#paint(style, Math.max(this.hottest, highest));
    return this.hottest;
  }

  /** @param {Style} style @param {number} hottest */
  #paint(style, hottest) {
    const { width, height, values } = this.#blots;
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${width * STEP}px`;
      canvas.style.height = `${height * STEP}px`;
      this.#image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    const of = JSON.stringify(style);
    if (of !== this.#tableOf) {
      this.#tableOf = of;
      this.#table = shades(style);
    }
    paint(values, hottest, this.#table, this.#pixels);
    this.#context.putImageData(this.#image, 0, 0);
    put(this.layer, 0, 0);
  }

  /** What is asked for by key, else what lies under the pointer. @param {Element | null} asked @param {{x: number, y: number} | null} pointer */
  pointed(asked, pointer) {
    if (asked) return this.about(asked);
    return pointer && this.at(pointer.x, pointer.y);
  }

  /** The warm element at a point of the window, the innermost one. @param {number} x @param {number} y @returns {Pointed | null} */
  at(x, y) {
    for (let element = document.elementFromPoint(x, y); element; element = element.parentElement) {
      const found = this.about(element);
      if (found) return found;
    }
    return null;
  }

  /** What is known of an element; null: it is not warm, or not drawn. @param {Element} element @returns {Pointed | null} */
  about(element) {
    const warm = this.#warm.get(element);
    const box = warm ? this.#places.boxOf(element) : null;
    if (!warm || !box) return null;
    let rank = 1;
    for (const other of this.#warm.values()) if (other.count > warm.count) rank += 1;
    return { element, label: labelOf(element, warm.name), count: warm.count, total: this.total, rank, warm: this.#warm.size, box };
  }

  /** Warm elements that are drawn, hottest first. @returns {Element[]} */
  hottestElements() {
    const drawn = [...this.#warm.values()].filter(({ element }) => this.#places.boxOf(element));
    return drawn.sort((a, b) => b.count - a.count).map(({ element }) => element);
  }
}
