// @ts-check
/**
 * The reel: a range in parts, one place of it shown, which may be dragged or played.
 *
 * What is shown at a place is the sum of the parts that end there, as many as `trailOf` says. Playing goes from the place on (from the
 * start, if it is at the end) to the end, the whole range in 20 s, and stops there.
 */

import { heatOf } from "./past.js";
import { PLAY_MS, trailOf } from "./spans.js";

/**
 * @typedef {import("./past.js").Steps} Steps
 * @typedef {import("../shared/heat/heat.js").Heat} Heat
 */

export class Reel {
  /** @type {Steps | null} */
  #steps = null;
  #timer = 0;
  /** @type {{place: number, heat: Heat} | null} what was summed up last: it is asked for several times a frame */
  #summed = null;
  #onMove;
  /** Place: how many parts lie before what is shown, 1 … length. */
  place = 0;

  /** @param {() => void} onMove */
  constructor(onMove) {
    this.#onMove = onMove;
  }

  get loaded() {
    return this.#steps !== null;
  }

  get length() {
    return this.#steps?.steps.length ?? 0;
  }

  get playing() {
    return this.#timer !== 0;
  }

  /** What is shown: from when to when. */
  get span() {
    const steps = this.#steps;
    if (!steps || this.place === 0) return null;
    const toMs = steps.steps[this.place - 1].endMs;
    return { fromMs: toMs - Math.min(this.place, trailOf(this.length)) * steps.stepMs, toMs };
  }

  /** @returns {Heat | null} */
  get heat() {
    const steps = this.#steps;
    if (!steps || this.place === 0) return null;
    if (this.#summed?.place === this.place) return this.#summed.heat;
    const counts = new Uint32Array(steps.grid * steps.grid);
    for (const part of steps.steps.slice(Math.max(0, this.place - trailOf(this.length)), this.place)) {
      part.cells.forEach((cell, i) => {
        counts[cell] += part.counts[i];
      });
    }
    this.#summed = { place: this.place, heat: heatOf(steps.grid, Array.from(counts.keys()), counts) };
    return this.#summed.heat;
  }

  /** @param {Steps} steps */
  load(steps) {
    this.clear();
    this.#steps = steps;
    this.place = steps.steps.length;
  }

  clear() {
    this.stop();
    this.#steps = null;
    this.#summed = null;
    this.place = 0;
  }

  /** @param {number} place */
  seek(place) {
    this.place = Math.max(1, Math.min(this.length, Math.round(place)));
    this.#onMove();
  }

  play() {
    if (!this.#steps) return;
    this.stop();
    if (this.place >= this.length) this.place = 1;
    this.#timer = setInterval(() => {
      if (this.place >= this.length) this.stop();
      else this.place += 1;
      this.#onMove();
    }, PLAY_MS / this.length);
    this.#onMove();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }
}
