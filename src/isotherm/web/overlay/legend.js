// @ts-check
/** The scale's key: its colours as they look on this page, and the counts that they stand for. */

import { make, say } from "./dom.js";
import { colourScale } from "../shared/heat/scales.js";
import { opacityOf, shareAt, heatOf } from "../shared/heat/shades.js";
import { briefCount, span } from "./words.js";

/** @typedef {import("./picture.js").Style} Style */

/** Where counts are written, as parts of the bar. */
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const STEPS = 24;

/**
 * A scale's colours with their opacity, as a CSS picture from left to right.
 * @param {Style} style
 */
export function gradient(style) {
  const colour = colourScale(style.scale, style.ground);
  const stops = [];
  for (let i = 0; i <= STEPS; i += 1) {
    const heat = Math.max(0.001, i / STEPS);
    stops.push(`rgb(${colour(heat).join(" ")} / ${opacityOf(heat, style.look).toFixed(3)})`);
  }
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

export class Legend {
  #bar = make("div", { class: "bar" });
  #needle = make("div", { class: "needle", hidden: true });
  #ticks = TICKS.map(() => make("span", null));
  #unit = make("span", { class: "unit" });
  #sum = make("span", { class: "sum" });
  #drawn = "";

  constructor() {
    this.element = make(
      "div",
      { class: "legend", role: "group", "aria-label": "Legend" },
      make("p", { class: "caption" }, this.#unit, this.#sum),
      make("div", { class: "strip" }, this.#bar, this.#needle),
      make("p", { class: "ticks" }, ...this.#ticks),
    );
  }

  /**
   * @param {object} of
   * @param {Style} of.style
   * @param {string} of.kind
   * @param {number} of.hottest  the count a tile that the last colour stands for
   * @param {number} of.total    samples in all
   * @param {number} of.windowMs
   * @param {number | null} of.pointed  the count of the tile that is pointed at
   */
  show({ style, kind, hottest, total, windowMs, pointed }) {
    const drawn = JSON.stringify(style);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#bar.style.backgroundImage = gradient(style);
      this.#bar.dataset.ground = style.ground;
    }
    const near = style.look === "smooth" ? "≈ " : "";
    say(this.#unit, `${near}${kind}s a tile`);
    say(this.#sum, windowMs ? `${briefCount(total)} in ${span(windowMs)}` : "");
    this.#ticks.forEach((tick, i) => say(tick, tickText(TICKS[i], hottest, style.curve)));
    this.#needle.hidden = pointed === null || hottest <= 0;
    if (pointed !== null && hottest > 0) {
      this.#needle.style.left = `${100 * Math.min(1, heatOf(pointed / hottest, style.curve))}%`;
    }
  }
}

/**
 * The count at a place of the bar; the first is the least that is shown at all.
 * A place that says what its neighbour says (few samples) stays empty.
 * @param {number} part @param {number} hottest @param {Style["curve"]} curve
 */
export function tickText(part, hottest, curve) {
  if (hottest <= 0) return "";
  /** @param {number} at */
  const countAt = (at) => Math.max(1, Math.round(shareAt(at, curve) * hottest));
  if (part === 0) return hottest > 1 ? "1" : "";
  if (part === 1) return briefCount(Math.max(1, Math.round(hottest)));
  const count = countAt(part);
  return count <= countAt(part - 0.25) || count >= countAt(1) ? "" : briefCount(count);
}
