// @ts-check
/** The scale's key: its colours as they look on this page, and the counts that they stand for. */

import { make, say, set } from "./dom.js";
import { colourScale } from "../shared/heat/scales.js";
import { divergingScale, opacityOfDifference } from "../shared/heat/diverging.js";
import { opacityOf, shareAt, heatOf } from "../shared/heat/shades.js";
import { briefTime } from "./exposure.js";
import { briefCount, people as persons, plural, points } from "./words.js";

/**
 * @typedef {import("./painter.js").Style} Style
 *
 * @typedef {object} Times  what is told of how long the page's bands were in view
 * @property {number} longest  seconds; 0: none was
 * @property {number | null} people  who had any of it in view; null: too few to be told
 * @property {string} within  of what time, such as `5 min`
 * @property {number | null} pointed  the seconds of the band that is pointed at
 */

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

/** The colours of differences. @param {Style["ground"]} ground */
function divergingGradient(ground) {
  const colour = divergingScale(ground);
  const stops = [];
  for (let i = -STEPS; i <= STEPS; i += 1) {
    const part = i === 0 ? 0.001 : i / STEPS;
    stops.push(`rgb(${colour(part).join(" ")} / ${i === 0 ? 0 : opacityOfDifference(part).toFixed(3)})`);
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
   * @param {import("./words.js").Kind} of.kind
   * @param {number} of.hottest  the count a tile that the last colour stands for
   * @param {number} of.total    samples in all
   * @param {string} of.within  of what time, such as `5 min`
   * @param {number | null} of.pointed  the count of the tile that is pointed at; of differences, its share now − before
   * @param {number | null} of.most  the largest difference; null: counts are shown
   */
  show({ style, kind, hottest, total, within, pointed, most }) {
    this.#paint(style, most !== null);
    if (most !== null) {
      say(this.#unit, `share of ${plural(kind)}`);
      say(this.#sum, within);
      const ends = [points(-most).replace(" points", ""), "", "0", "", points(most)];
      this.#ticks.forEach((tick, i) => say(tick, most > 0 ? ends[i] : ""));
      set(this.#needle, "hidden", pointed === null || most === 0);
      if (pointed !== null && most > 0) this.#needle.style.left = `${50 + (50 * pointed) / most}%`;
      return;
    }
    const near = style.look === "tiles" ? "" : "≈ ";
    say(this.#unit, `${near}${plural(kind)} a ${style.look === "elements" ? "spot" : "tile"}`);
    say(this.#sum, within ? `${briefCount(total)} in ${within}` : "");
    this.#ticks.forEach((tick, i) => say(tick, tickText(TICKS[i], hottest, style.curve)));
    set(this.#needle, "hidden", pointed === null || hottest <= 0);
    if (pointed !== null && hottest > 0) {
      this.#needle.style.left = `${100 * Math.min(1, heatOf(pointed / hottest, style.curve))}%`;
    }
  }

  /** The same of times in view. @param {Style} style @param {Times} times */
  showTimes(style, { longest, people, within, pointed }) {
    this.#paint(style, false);
    say(this.#unit, "time in view");
    say(this.#sum, people !== null && within ? `${persons(people)} in ${within}` : "");
    this.#ticks.forEach((tick, i) => say(tick, longest > 0 ? briefTime(i === 0 ? 0 : shareAt(TICKS[i], style.curve) * longest) : ""));
    set(this.#needle, "hidden", pointed === null || longest <= 0);
    if (pointed !== null && longest > 0) this.#needle.style.left = `${100 * heatOf(pointed / longest, style.curve)}%`;
  }

  /** @param {Style} style @param {boolean} difference */
  #paint(style, difference) {
    const drawn = JSON.stringify([style, difference]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#bar.style.backgroundImage = difference ? divergingGradient(style.ground) : gradient(style);
    this.#bar.dataset.ground = style.ground;
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
