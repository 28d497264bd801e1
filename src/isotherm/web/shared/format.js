// @ts-check
/** Numbers and times as people read them: few digits, the unit beside them, widths that hold still while they tick. */

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1, minimumFractionDigits: 1 });
const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/**
 * A count: all digits up to 99,999, then 100.0K, 1.2M.
 * @param {number} n
 */
export function count(n) {
  return n < 100_000 ? whole.format(Math.round(n)) : short.format(n);
}

/**
 * A rate: a digit behind the point below 1,000 a second, else a count.
 * @param {number} perSecond
 */
export function rate(perSecond) {
  return perSecond < 999.95 ? oneDigit.format(perSecond) : count(perSecond);
}

/**
 * A span of time: 14 ms, 2.3 s, 12 s, 5 min, 3 h, 2 d.
 * @param {number} ms
 */
export function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${oneDigit.format(ms / 1000)} s`;
  if (ms < 59_500) return `${Math.round(ms / 1000)} s`;
  if (ms < 3_570_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** Where nobody watches, trackers send every five seconds: a page that is younger than that may well be moving. */
const MOVING_MS = 6000;

/**
 * How long a page has been quiet, in whole seconds: nobody needs to see milliseconds flicker.
 * @param {number} ms
 */
export function quiet(ms) {
  return ms < MOVING_MS ? "moving now" : `last movement ${span(Math.max(1000, Math.round(ms / 1000) * 1000)).replace(".0", "")} ago`;
}

/**
 * A size in bytes: 512 B, 20.0 KiB, 1.4 MiB.
 * @param {number} n
 */
export function bytes(n) {
  if (n < 1024) return `${Math.round(n)} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.floor(Math.log(n) / Math.log(1024)));
  return `${oneDigit.format(n / 1024 ** power)} ${units[power - 1]}`;
}

/**
 * A time of day with milliseconds, in the reader's own zone: 12:03:11.042.
 * @param {number} ms  since the epoch
 */
export function clock(ms) {
  const date = new Date(ms);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * A day and a time: 24 Nov 2026, 07:50.
 * @param {number} ms  since the epoch
 */
export function moment(ms) {
  return new Date(ms).toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

/**
 * A count with its noun: 1 page, 12 pages.
 * @param {number} n @param {string} one @param {string} [many]
 */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
