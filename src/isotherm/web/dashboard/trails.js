// @ts-check
/** What the charts draw: each page's rate over the last two minutes, as this dashboard saw it, and the whole site's. */
import { SPAN_S } from "../shared/chart_scale.js";

/** @typedef {import("../shared/charts.js").Trail} Trail */

export class Trails {
  /** @type {Map<string, Trail>} */
  #trails = new Map();

  /**
   * @param {number} atMs
   * @param {Iterable<[string, number]>} rates  by key; trails that are not named end here
   */
  record(atMs, rates) {
    const at = atMs / 1000;
    /** @type {Map<string, Trail>} */
    const next = new Map();
    for (const [key, rate] of rates) next.set(key, append(this.#trails.get(key), at, rate));
    this.#trails = next;
  }

  /**
   * @param {string} key
   * @returns {Trail}
   */
  of(key) {
    return this.#trails.get(key) ?? { at: [], value: [] };
  }
}

/**
 * A new trail each time: charts draw when they are given another one.
 * @param {Trail | undefined} trail @param {number} at @param {number} value
 * @returns {Trail}
 */
function append(trail, at, value) {
  if (!trail || at <= trail.at[trail.at.length - 1]) return { at: [at], value: [value] };
  const from = trail.at.findIndex((t) => t >= at - SPAN_S);
  return from < 0 ? { at: [at], value: [value] } : { at: [...trail.at.slice(from), at], value: [...trail.value.slice(from), value] };
}
