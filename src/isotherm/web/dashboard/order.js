// @ts-check
/**
 * The order of the pages: hottest first, without cards that jump about.
 *
 * Rates of neighbours cross all the time. So pages are sorted not by their rate but by its *band*: all rates within a
 * factor of `BAND` are equally hot, and equals stay in the order they had. A page changes its band only when its rate, smoothed
 * over some seconds, has gone clearly past the band's edge. And while somebody points at the list or goes through it by
 * keyboard, it is held: nothing moves under a finger that is about to press.
 *
 *   rate      1.0       1.4       2.0       2.8       4.0
 *              ├─ band ──┼─ band ──┼─ band ──┼─ band ──┤
 *              │       ··┼··     ··┼··     ··┼··       │   within the dots a page keeps the band it comes from
 */

/** Two pages less than this factor apart may stand in either order. */
const BAND = Math.SQRT2;
/** How far past an edge, in bands, a page must be to leave. */
const SLACK = 0.2;
/** Smoothing: after so many seconds a change has arrived by two thirds. */
const SMOOTH_S = 6;
/** Below this rate, a second, pages are equally cold. */
const COLD = 0.05;

/** @typedef {{key: string, rate: number}} Heat */
/** @typedef {{rate: number, band: number}} Standing */

export class Order {
  /** @type {string[]} the order now, hottest first */
  keys = [];
  /** @type {Map<string, Standing>} */
  #standings = new Map();
  #atMs = 0;

  /**
   * @param {Heat[]} pages  the pages there are now
   * @param {number} nowMs
   * @param {boolean} held  keep everybody's place; who comes goes to the end, who leaves leaves
   * @returns {string[]}
   */
  update(pages, nowMs, held) {
    const gain = 1 - Math.exp(-Math.max(0, nowMs - this.#atMs) / 1000 / SMOOTH_S);
    this.#atMs = nowMs;
    const first = this.keys.length === 0;
    const before = this.#standings;
    this.#standings = new Map(pages.map(({ key, rate }) => [key, stand(before.get(key), rate, gain)]));
    if (first) {
      this.keys = [...pages].sort((a, b) => b.rate - a.rate).map(({ key }) => key);
    } else {
      const stay = this.keys.filter((key) => this.#standings.has(key));
      const come = pages.map(({ key }) => key).filter((key) => !before.has(key));
      this.keys = [...stay, ...come];
    }
    // Sorting is stable: pages of one band keep the order they had.
    if (!held) this.keys.sort((a, b) => this.#bandOf(b) - this.#bandOf(a));
    return this.keys;
  }

  /** @param {string} key */
  #bandOf(key) {
    return this.#standings.get(key)?.band ?? -Infinity;
  }
}

/**
 * @param {Standing | undefined} before @param {number} rate @param {number} gain
 * @returns {Standing}
 */
function stand(before, rate, gain) {
  if (!before) return { rate, band: Math.floor(height(rate)) };
  const smooth = before.rate + gain * (rate - before.rate);
  const at = height(smooth);
  const stays = at > before.band - SLACK && at < before.band + 1 + SLACK;
  return { rate: smooth, band: stays ? before.band : Math.floor(at) };
}

/**
 * How many bands a rate lies above cold.
 * @param {number} rate
 */
function height(rate) {
  return Math.max(0, Math.log(rate / COLD) / Math.log(BAND)) || 0;
}
