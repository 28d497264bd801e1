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

/** @typedef {"move" | "click" | "rage" | "dead"} Kind  what a layer counts */

/** @type {Record<Kind, string>} */
const NOUNS = { move: "move", click: "click", rage: "rage click", dead: "dead click" };

/** `"moves"`, `"rage clicks"`. @param {Kind} kind */
export function plural(kind) {
  return `${NOUNS[kind]}s`;
}

/** What a layer counts: `"1 move"`, `"212 clicks"`. @param {number} n @param {Kind} kind */
export function samples(n, kind) {
  return `${count(n)} ${n === 1 ? NOUNS[kind] : plural(kind)}`;
}

/** `"1 part"`, `"12 parts"`. @param {number} n */
export function parts(n) {
  return n === 1 ? "1 part" : `${count(n)} parts`;
}

/** `"1 person"`, `"37 people"`; an estimate: `"≈ 37 people"`. @param {number} n @param {boolean} [near] */
export function people(n, near = false) {
  return `${near ? "≈ " : ""}${n === 1 ? "1 person" : `${count(n)} people`}`;
}

/** A difference of shares: `"+1.2 points"`. @param {number} part  1 is all */
export function points(part) {
  const value = 100 * part;
  const size = Math.abs(value);
  if (size === 0) return "no change";
  return `${value < 0 ? "−" : "+"}${size < 0.01 ? "0.01" : size.toFixed(size < 0.995 ? 2 : 1)} points`;
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

const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** A span in the viewer's own time: `"31 Jan 09:00 – 10:00"`. @param {{fromMs: number, toMs: number}} of */
export function moments({ fromMs, toMs }) {
  const clock = fromMs % 60_000 || toMs % 60_000 ? exact : time;
  const sameDay = date.format(fromMs) === date.format(toMs - 1);
  const today = sameDay && date.format(fromMs) === date.format(Date.now()) && Date.now() - fromMs < 86_400_000;
  return `${today ? "" : `${date.format(fromMs)} `}${clock.format(fromMs)} – ${sameDay ? "" : `${date.format(toMs)} `}${clock.format(toMs)}`;
}

/** About how long a range is: `"61 min"`, `"24 h"`, `"9 d"`. @param {number} ms */
export function length(ms) {
  const minutes = ms / 60_000;
  if (minutes < 120) return span(Math.max(1000, Math.round(ms / 1000) * 1000));
  return minutes < 2880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

/** @param {number} rank @param {number} warm @param {string} [what] */
export function place(rank, warm, what = "tile") {
  if (warm === 1) return `the only warm ${what}`;
  return rank === 1 ? `the hottest of ${count(warm)}` : `rank ${count(rank)} of ${count(warm)}`;
}
