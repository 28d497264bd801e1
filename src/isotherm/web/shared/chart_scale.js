// @ts-check
/** From where to where a chart of a rate goes, in time and in height. */

/** How far back a chart looks. */
export const SPAN_S = 120;
/** At first there is less to see, and the chart begins where it begins, but never closer than this. */
const SPAN_MIN_S = 30;

/**
 * From where to where a chart goes.
 * @param {number} oldest @param {number} now  seconds since the epoch
 * @returns {[number, number]}
 */
export function spanOf(oldest, now) {
  return [now - Math.min(SPAN_S, Math.max(SPAN_MIN_S, now - oldest)), now];
}

/**
 * The next of 1, 2, 3, 5, 10, 20, 30, 50 … above a value, at least 1.
 * @param {number} value
 */
export function roundAbove(value) {
  if (!(value > 1)) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 5, 10].map((step) => step * ten).find((step) => step >= value) ?? 10 * ten;
}
