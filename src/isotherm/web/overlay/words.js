// @ts-check
/** Numbers in words: counts, shares, ages. Pure, and in one place, so that the panel, the tip and the spoken line say the same. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** @param {number} n */
export function count(n) {
  return whole.format(n);
}

/** For narrow places: exact to 9,999, then 12.3K. @param {number} n */
export function briefCount(n) {
  return n < 10000 ? whole.format(n) : short.format(n);
}

/** What a layer counts: `"1 move"`, `"212 clicks"`. @param {number} n @param {string} kind */
export function samples(n, kind) {
  return `${count(n)} ${kind}${n === 1 ? "" : "s"}`;
}

/** One decimal below ten: a page with one visitor has rates such as 3.8. @param {number} perSecond */
export function rate(perSecond) {
  if (perSecond === 0) return "0";
  if (perSecond > 0 && perSecond < 0.05) return "<0.1";
  return perSecond < 9.95 ? perSecond.toFixed(1) : briefCount(Math.round(perSecond));
}

/** @param {number} part @param {number} all */
export function share(part, all) {
  if (all <= 0) return "0 %";
  const percent = (100 * part) / all;
  if (percent > 0 && percent < 0.1) return "<0.1 %";
  return percent < 99.95 ? `${percent.toFixed(1)} %` : "100 %";
}

/** How long ago, as people say it. @param {number} ms */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** A delay, to a tenth of a second. @param {number} ms */
export function delay(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 0.1) return "<0.1 s";
  return seconds < 9.95 ? `${seconds.toFixed(1)} s` : age(ms);
}

/** The length of a window: `"5 min"`, `"10 s"`, `"1 h"`. @param {number} ms */
export function span(ms) {
  const seconds = ms / 1000;
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return `${whole.format(seconds)} s`;
}

/** @param {number} rank @param {number} warm */
export function place(rank, warm) {
  if (warm === 1) return "the only warm tile";
  return rank === 1 ? `the hottest of ${count(warm)}` : `rank ${count(rank)} of ${count(warm)}`;
}
