// @ts-check
/**
 * Spans of time: what "1 h" and "today" are now, what stands before them, in which parts they are played. Pure: the clock is passed in.
 */

/**
 * @typedef {"live" | "hour" | "today" | "any"} RangeName
 * @typedef {{fromMs: number, toMs: number}} Span
 */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A day is played in so long, and so is everything else. */
export const PLAY_MS = 20_000;
/** Parts of a played range, at most: one is then shown for 70 ms. */
const PARTS_MAX = 290;
/** What parts may be, in minutes. */
const PARTS = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 2880, 10_080];

/**
 * A range as it is now.
 * @param {RangeName} range @param {number} nowMs @param {Span | null} chosen  what "any" is
 * @returns {Span | null}  null: the live window
 */
export function spanOf(range, nowMs, chosen) {
  if (range === "live") return null;
  if (range === "hour") return { fromMs: nowMs - HOUR_MS, toMs: nowMs };
  const midnightMs = new Date(nowMs).setHours(0, 0, 0, 0);
  if (range === "today") return { fromMs: midnightMs, toMs: Math.max(nowMs, midnightMs + MINUTE_MS) };
  return chosen && chosen.fromMs < chosen.toMs ? chosen : { fromMs: nowMs - DAY_MS, toMs: nowMs };
}

/**
 * What "any" is before anything was picked: a day, up to the end of this minute, as whole minutes are picked.
 * @param {number} nowMs
 * @returns {Span}
 */
export function lastDay(nowMs) {
  const toMs = Math.ceil(nowMs / MINUTE_MS) * MINUTE_MS;
  return { fromMs: toMs - DAY_MS, toMs };
}

/**
 * A range as the dashboard names it in an address: `range=hour`, `range=today`, or `from` and `to` in ms since the epoch (no `to`: till now).
 * @param {string} query @param {number} nowMs
 * @returns {{range?: RangeName, span?: Span}}  nothing where it names none
 */
export function rangeOf(query, nowMs) {
  const said = new URLSearchParams(query);
  const name = said.get("range");
  if (name === "hour" || name === "today") return { range: name };
  const [fromMs, toMs] = ["from", "to"].map((end) => (/^\d{1,15}$/.test(said.get(end) ?? "") ? Number(said.get(end)) : null));
  const span = fromMs === null ? null : { fromMs, toMs: toMs ?? nowMs };
  return span && span.fromMs < span.toMs ? { range: "any", span } : {};
}

/**
 * What a range is held against: of today the same hours of yesterday, of all others what lies right before.
 * @param {RangeName} range @param {Span} span
 * @returns {Span}
 */
export function spanBefore(range, { fromMs, toMs }) {
  const backMs = range === "today" ? DAY_MS : toMs - fromMs;
  return { fromMs: fromMs - backMs, toMs: toMs - backMs };
}

/**
 * The parts in which a span is played, as the server is asked for them.
 * @param {Span} span
 */
export function partsOf({ fromMs, toMs }) {
  const minutes = PARTS.find((part) => (toMs - fromMs) / (part * MINUTE_MS) <= PARTS_MAX) ?? PARTS[PARTS.length - 1];
  return minutes % 1440 === 0 ? `${minutes / 1440}d` : minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}

/**
 * How many parts are seen at once: single ones would flicker, too many would not move.
 * @param {number} parts
 */
export function trailOf(parts) {
  return Math.max(1, Math.round(parts / 20));
}

/** `2026-01-31T09:05`, as an input of type datetime-local has it. @param {number} timeMs */
export function localText(timeMs) {
  const at = new Date(timeMs);
  return new Date(timeMs - at.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16);
}
