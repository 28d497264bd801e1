// @ts-check
/**
 * What the viewer chose: one record, changed by panel and keys, read by all.
 *
 * It outlives a page load in this tab, so that looking at the next page of a shop does not begin with setting everything up again;
 * closing the overlay takes it out of the tab's storage.
 */

import { deviceOf } from "../shared/heat/geometry.js";

/**
 * @typedef {import("../shared/heat/shades.js").Look} Look
 * @typedef {import("../shared/heat/shades.js").Curve} Curve
 * @typedef {import("../shared/heat/scales.js").ScaleName} ScaleName
 * @typedef {{right: boolean, bottom: boolean, x: number, y: number}} Place  how far from which edges of the window, CSS pixels
 *
 * @typedef {object} Choices
 * @property {import("./words.js").Kind} kind
 * @property {"all" | "desktop" | "tablet" | "mobile"} device
 * @property {import("./spans.js").RangeName} range
 * @property {import("./spans.js").Span | null} span  what the range "any" is
 * @property {import("./spans.js").Span | null} against  what "any" is held against; null: what lies right before it
 * @property {boolean} compare  the difference with what was before
 * @property {boolean} reel     whether replay and comparison are unfolded
 * @property {Look} look
 * @property {ScaleName} scale
 * @property {"auto" | "light" | "dark"} ground  what the colours are made for
 * @property {Curve} curve
 * @property {number} opacity  of the whole picture, percent
 * @property {boolean} shown   the heat; the panel stays
 * @property {boolean} paused
 * @property {boolean} folded  the panel to its head
 * @property {boolean} details whether the settings of the look are unfolded
 * @property {boolean} keys    whether single keys are shortcuts
 * @property {Place} place     of the panel
 */

const STORED_AS = "isotherm.overlay";

/** A view of this kind is a picture that stands still: it ends with the page. */
const NOT_KEPT = { paused: false, shown: true };

export class View {
  /** @type {((choices: Readonly<Choices>, changed: Partial<Choices>) => void)[]} */
  #listeners = [];
  /** @type {Choices} */
  #choices;

  /**
   * @param {number} windowWidth  it decides the device class and the look to begin with, and whether there is room for an open panel
   * @param {Partial<Choices>} [asked]  chosen by whoever opened it now
   * @param {Partial<Choices>} [atFirst]  the same, where nothing was chosen in this tab yet
   */
  constructor(windowWidth, asked = {}, atFirst = {}) {
    const device = deviceOf(windowWidth);
    this.#choices = {
      kind: "move",
      device,
      range: "live",
      span: null,
      against: null,
      compare: false,
      reel: false,
      look: device === "mobile" ? "smooth" : "tiles", // a tile of a phone's page is a sliver: 8 px wide, ten times as high
      scale: "inferno",
      ground: "auto",
      curve: "lifted",
      opacity: 85,
      folded: windowWidth < 600,
      details: false,
      keys: true,
      place: { right: true, bottom: true, x: 16, y: 16 },
      ...atFirst,
      ...kept(),
      ...asked,
      ...NOT_KEPT,
    };
    if ("range" in asked || "range" in atFirst) keep(this.#choices); // they came with the address, which has them no longer
  }

  /** @returns {Readonly<Choices>} */
  get choices() {
    return this.#choices;
  }

  /** @param {Partial<Choices>} changed */
  choose(changed) {
    this.#choices = { ...this.#choices, ...changed };
    keep(this.#choices);
    for (const listener of this.#listeners) listener(this.#choices, changed);
  }

  /** @param {(choices: Readonly<Choices>, changed: Partial<Choices>) => void} listener */
  onChoice(listener) {
    this.#listeners.push(listener);
  }

  /** Forgets the choices of this tab. */
  forget() {
    this.#listeners = [];
    try {
      sessionStorage.removeItem(STORED_AS);
    } catch {
      // Nothing was kept either.
    }
  }
}

/** @returns {Partial<Choices>} */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(STORED_AS) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {Choices} choices */
function keep(choices) {
  try {
    sessionStorage.setItem(STORED_AS, JSON.stringify(choices));
  } catch {
    // A page without storage: they live as long as it does.
  }
}
