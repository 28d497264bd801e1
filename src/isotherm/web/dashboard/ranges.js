// @ts-check
/** Ranges of time to choose from: the live window, the last hour, today, or any; and how they stand in an address. */

/** @typedef {{name: "live"} | {name: "hour"} | {name: "today"} | {name: "any", from: number, to: number | null}} Range  ms since the epoch; to null: now */

const HOUR_MS = 3_600_000;

/** @type {Range} */
export const LIVE = Object.freeze({ name: "live" });

/**
 * From and to of a range, for the server; null: the live window.
 * @param {Range} range @param {number} nowMs
 * @returns {{from: string, to?: string} | null}
 */
export function spanOf(range, nowMs) {
  if (range.name === "live") return null;
  if (range.name === "any") return { from: String(range.from), ...(range.to === null ? {} : { to: String(range.to) }) };
  return { from: String(range.name === "hour" ? nowMs - HOUR_MS : new Date(nowMs).setHours(0, 0, 0, 0)) };
}

/** @param {URLSearchParams} query @returns {Range} */
export function rangeOf(query) {
  const name = query.get("range");
  if (name === "hour" || name === "today") return { name };
  const [from, to] = ["from", "to"].map((end) => (/^\d{1,15}$/.test(query.get(end) ?? "") ? Number(query.get(end)) : null));
  return from === null ? LIVE : { name: "any", from, to: to !== null && to > from ? to : null };
}

/** The opposite. @param {Range} range @returns {Record<string, string>} */
export function queryOf(range) {
  if (range.name === "live") return {};
  if (range.name !== "any") return { range: range.name };
  return { from: String(range.from), ...(range.to === null ? {} : { to: String(range.to) }) };
}

/**
 * A time as `datetime-local` has it, in the reader's own zone.
 * @param {number} ms
 */
export function localOf(ms) {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}
