// @ts-check
/**
 * A rectangle that is drawn over the page, and the parts of the page in it: outlined, and counted in words beside it.
 *
 * Parts are what trackers name. One without others in it belongs to the rectangle when half of it lies inside; one that holds others when
 * most of it does: a rectangle around two cards of three takes the cards, and not the row that all three are in.
 */

import { namedElements } from "./anchors.js";
import { make, say } from "./dom.js";
import { isDrawn } from "./places.js";
import { putBeside } from "./tip.js";
import { parts } from "./words.js";

/**
 * @typedef {import("./places.js").Box} Box
 * @typedef {import("./anchors.js").Named & {box: Box}} Part  where it lies in the window
 */

const HALF = 0.5;
const MOST = 0.8;
/** More parts than a zone may have are not outlined one by one. */
const OUTLINES_MAX = 200;

export class Rectangle {
  #edge = make("div", { class: "rectangle" });
  #bubble = make("div", { class: "tip" });
  #layer = make("div", { class: "drawing" }, this.#edge, this.#bubble);
  /** @type {HTMLElement[]} */
  #outlines = [];
  /** @type {Part[]} */
  #parts;
  #from;
  #to;
  #most;
  /** Names of the parts inside, each once. @type {string[]} */
  names = [];

  /**
   * @param {ParentNode} into @param {{x: number, y: number}} from  a corner, in the window
   * @param {number} most  parts that are not too many
   */
  constructor(into, { x, y }, most) {
    this.#parts = namedElements().map((one) => ({ ...one, box: one.element.getBoundingClientRect() }));
    this.#from = { x: x + scrollX, y: y + scrollY }; // on the page: it stays there when the page scrolls
    this.#to = { x, y };
    this.#most = most;
    into.append(this.#layer);
  }

  /** @param {{x: number, y: number}} to  the other corner, in the window */
  drawTo(to) {
    this.#to = to;
    this.#reflect();
  }

  /** The page was scrolled. */
  scrolled() {
    for (const part of this.#parts) part.box = part.element.getBoundingClientRect();
    this.#reflect();
  }

  remove() {
    this.#layer.remove();
  }

  #reflect() {
    const [x, y] = [this.#from.x - scrollX, this.#from.y - scrollY];
    const { x: toX, y: toY } = this.#to;
    const box = { left: Math.min(x, toX), top: Math.min(y, toY), width: Math.abs(toX - x), height: Math.abs(toY - y) };
    const inside = this.#parts.filter((part) => liesIn(part, box) && isDrawn(part.element));
    this.names = [...new Set(inside.map(({ name }) => name))];
    lay(this.#edge, box);
    this.#outline(inside.slice(0, OUTLINES_MAX));
    say(this.#bubble, wordsOf(this.names.length, this.#most));
    putBeside(this.#bubble, box);
  }

  /** @param {readonly Part[]} inside */
  #outline(inside) {
    while (this.#outlines.length < inside.length) {
      const outline = make("div", { class: "outline" });
      this.#outlines.push(outline);
      this.#edge.before(outline);
    }
    this.#outlines.forEach((outline, i) => {
      outline.hidden = i >= inside.length;
      if (i < inside.length) lay(outline, inside[i].box);
    });
  }
}

/** Whether a part belongs to a rectangle. @param {Pick<Part, "box" | "holds">} part @param {Box} rectangle */
export function liesIn({ box, holds }, rectangle) {
  const width = Math.min(box.left + box.width, rectangle.left + rectangle.width) - Math.max(box.left, rectangle.left);
  const height = Math.min(box.top + box.height, rectangle.top + rectangle.height) - Math.max(box.top, rectangle.top);
  return width > 0 && height > 0 && width * height >= (holds ? MOST : HALF) * box.width * box.height;
}

/** @param {number} n @param {number} most */
export function wordsOf(n, most) {
  if (n === 0) return "Nothing in it yet";
  return n > most ? `${parts(n)}: too many` : parts(n);
}

/** @param {HTMLElement} element @param {Box} box */
function lay({ style }, { left, top, width, height }) {
  style.transform = `translate(${left}px, ${top}px)`;
  style.width = `${width}px`;
  style.height = `${height}px`;
}
