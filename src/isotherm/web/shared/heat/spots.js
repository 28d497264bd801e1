// @ts-check
/**
 * Heat by elements: how many samples lay where on which element, as `/live` tells it to those who ask (docs/wire.md, spots).
 *
 * A machine without I/O: `apply` each word in the order it came. What stands in it was said by strangers: names are only ever keys.
 */

import { unpack } from "../columns.js";

/** A spot within its element: `near · 65,536 + cell`. */
const CELLS = 65536;

/**
 * @typedef {object} Grid  how places are told
 * @property {number} side  an element's box is cut into so many columns and rows
 * @property {number} columns  and the document into so many columns
 * @property {number} rows  and rows
 */

export class SpotHeat {
  /** @type {Map<string, Map<number, number>>} name → spot → count; no empty ones */
  elements = new Map();
  /** @type {Grid} */
  grid = { side: 1, columns: 1, rows: 1 };
  /** Samples in the window that lay on an element. */
  total = 0;
  /** Whether all was told once. */
  known = false;

  /**
   * @param {any} told  the value of `spots`
   * @returns {boolean} whether the heat is another one now
   */
  apply(told) {
    const [element, near, cell, count] = ["element", "near", "cell", "count"].map((name) => unpack(told[name]));
    if (!element || !near || !cell || !count || (!told.whole && !this.known)) return false;
    if (told.whole) this.forget();
    this.known = true;
    this.grid = { side: told.side, columns: told["near-grid"][0], rows: told["near-grid"][1] };
    for (let i = 0; i < element.length; i += 1) this.#set(told.names[element[i]], near[i] * CELLS + cell[i], count[i]);
    return told.whole || element.length > 0;
  }

  /** @param {string} name @param {number} spot @param {number} count */
  #set(name, spot, count) {
    let spots = this.elements.get(name);
    if (!spots) this.elements.set(name, (spots = new Map()));
    this.total += count - (spots.get(spot) ?? 0);
    if (count > 0) spots.set(spot, count);
    else spots.delete(spot);
    if (spots.size === 0) this.elements.delete(name);
  }

  forget() {
    this.elements.clear();
    this.total = 0;
    this.known = false;
  }

  /** @returns {SpotHeat} the same heat, which no word changes any more */
  frozen() {
    const copy = new SpotHeat();
    copy.grid = this.grid;
    copy.total = this.total;
    copy.known = this.known;
    for (const [name, spots] of this.elements) copy.elements.set(name, new Map(spots));
    return copy;
  }
}

/**
 * Where a spot lies: the middle of its part of the element's box, and of its part of the document, both 0 … 1.
 * @param {number} spot @param {Grid} grid
 */
export function placeOf(spot, { side, columns, rows }) {
  const cell = spot % CELLS;
  const near = (spot - cell) / CELLS;
  return {
    x: ((cell % side) + 0.5) / side,
    y: (Math.floor(cell / side) + 0.5) / side,
    nearX: ((near % columns) + 0.5) / columns,
    nearY: (Math.floor(near / columns) + 0.5) / rows,
  };
}
