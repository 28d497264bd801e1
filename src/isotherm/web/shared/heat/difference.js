// @ts-check
/**
 * What is hotter now than before, and what less: the difference of two heats as shares of all their samples, a tile.
 *
 * Shares, not counts: twice the visitors are no news about the page, and ranges of different length can be compared. Where either has no
 * samples at all there is nothing to compare.
 */

/** @typedef {import("./heat.js").Heat} Heat */

/**
 * @typedef {object} Difference
 * @property {number} grid
 * @property {Float32Array} values  share now − share before, a tile, row by row
 * @property {number} most  the largest of them, its sign left out
 */

/**
 * @param {Heat} now @param {Heat} before
 * @returns {Difference | null}  null: they can't be compared
 */
export function differenceOf(now, before) {
  if (!now.known || now.grid !== before.grid || now.total === 0 || before.total === 0) return null;
  const values = new Float32Array(now.counts.length);
  let most = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = now.counts[i] / now.total - before.counts[i] / before.total;
    values[i] = value;
    if (Math.abs(value) > most) most = Math.abs(value);
  }
  return { grid: now.grid, values, most };
}
