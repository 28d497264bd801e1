// @ts-check
/**
 * What one tile says: its count, its share of all, its place among the warm ones; and a frame around it.
 *
 * Points at the tile under the pointer, or at one that was asked for by key. It hangs on the tile, not on the pointer: it does not
 * tremble, and it scrolls with the page. It never takes a pointer event.
 */

import { make, say, set } from "./dom.js";
import { cellBox } from "../shared/heat/geometry.js";
import { people as persons, place, plural, points, samples, share } from "./words.js";

/**
 * @typedef {import("../shared/heat/heat.js").Heat} Heat
 * @typedef {import("../shared/heat/geometry.js").Size} Size
 * @typedef {import("./words.js").Kind} Kind
 */

const GAP = 8;

export class Tip {
  #figure = make("strong", null);
  #detail = make("span", null);

  constructor() {
    this.frame = make("div", { class: "frame", hidden: true });
    this.bubble = make("div", { class: "tip", hidden: true }, this.#figure, this.#detail);
    /** @type {number | null} */
    this.cell = null;
  }

  /**
   * @param {number | null} cell  null, or a cold one: nothing to say
   * @param {Heat} heat @param {Size} page @param {Kind} kind
   * @param {{people?: number, near?: boolean, before?: Heat | null}} [besides]  people on the tile, if known, and whether that is an
   *   estimate; what the heat is held against
   */
  show(cell, heat, page, kind, { people, near, before } = {}) {
    const hidden = cell === null || !heat.known || (heat.counts[cell] === 0 && !before?.counts[cell]);
    this.cell = hidden ? null : cell;
    set(this.frame, "hidden", hidden);
    set(this.bubble, "hidden", hidden);
    if (hidden || cell === null) return;
    const { figure, detail } = before ? compare(cell, heat, before, kind) : describe(cell, heat, kind, people, near);
    say(this.#figure, figure);
    say(this.#detail, detail);
    hang(this.frame, this.bubble, cellBox(cell, page, heat.grid));
  }
}

/**
 * Puts a frame around a box of the document, and a bubble above it, or below where there is no room.
 * @param {HTMLElement} frame @param {HTMLElement} bubble @param {import("../shared/heat/geometry.js").Box} box
 */
export function hang({ style }, bubble, box) {
  style.transform = `translate(${box.left}px, ${box.top}px)`;
  style.width = `${box.width}px`;
  style.height = `${box.height}px`;
  const { offsetWidth: width, offsetHeight: height } = bubble;
  const least = scrollX + GAP;
  const most = scrollX + document.documentElement.clientWidth - width - GAP;
  const left = Math.max(least, Math.min(most, box.left + (box.width - width) / 2));
  const above = box.top - height - GAP;
  const top = above >= scrollY + GAP ? above : box.top + box.height + GAP;
  bubble.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

/**
 * The same of an element, in the window: it lies in the layer of the look by elements.
 */
export class ElementTip {
  #figure = make("strong", null);
  #detail = make("span", null);

  constructor() {
    this.frame = make("div", { class: "frame", hidden: true });
    this.bubble = make("div", { class: "tip", hidden: true }, this.#figure, this.#detail);
  }

  /** @param {import("./sticking.js").Pointed | null} about @param {Kind} kind */
  show(about, kind) {
    set(this.frame, "hidden", !about);
    set(this.bubble, "hidden", !about);
    if (!about) return;
    const { figure, detail } = describeElement(about, kind);
    say(this.#figure, figure);
    say(this.#detail, detail);
    const { left, top, width, height } = about.box;
    const { style } = this.frame;
    style.transform = `translate(${left}px, ${top}px)`;
    style.width = `${width}px`;
    style.height = `${height}px`;
    putBeside(this.bubble, about.box);
  }
}

/** Above a box in the window, or below it. @param {HTMLElement} bubble @param {import("./places.js").Box} box */
export function putBeside(bubble, { left, top, width, height }) {
  const { offsetWidth, offsetHeight } = bubble;
  const most = document.documentElement.clientWidth - offsetWidth - GAP;
  const x = Math.max(GAP, Math.min(most, left + (width - offsetWidth) / 2));
  const above = top - offsetHeight - GAP;
  const below = top + height + GAP;
  // Beside a box that fills the window there is no room: within it, at its top.
  const y = above >= GAP ? above : below + offsetHeight + GAP <= innerHeight ? below : Math.max(GAP, top + GAP);
  bubble.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
}

/** @param {import("./sticking.js").Pointed} about @param {Kind} kind */
export function describeElement({ label, count, total, rank, warm }, kind) {
  const figure = `${samples(count, kind)} on ${label}`;
  const detail = `${share(count, total)} of all on elements · ${place(rank, warm, "element")}`;
  return { figure, detail, spoken: `${figure}, ${detail}` };
}

/** @param {number} cell @param {Heat} now @param {Heat} before @param {Kind} kind */
export function compare(cell, now, before, kind) {
  const [part, partBefore] = [now.counts[cell] / now.total, before.counts[cell] / before.total];
  return {
    figure: points(part - partBefore),
    detail: `${share(part, 1)} of all ${plural(kind)}, ${share(partBefore, 1)} before`,
  };
}

/**
 * @param {number} cell @param {Heat} heat @param {Kind} kind @param {number} [people]  on the tile; 0 or left out: not known
 * @param {boolean} [near]  it is an estimate
 */
export function describe(cell, heat, kind, people, near) {
  const count = heat.counts[cell];
  return {
    figure: people ? `${persons(people, near)}, ${samples(count, kind)}` : samples(count, kind),
    detail: `${share(count, heat.total)} of all · ${place(heat.rank(cell), heat.warm)}`,
  };
}
