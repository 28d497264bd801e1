// @ts-check
/** A message's value in one line: what a reader wants to know before unfolding it. */
import { plural } from "../shared/format.js";

/** Longer lines are cut by the page anyway. */
const LINE_MAX = 160;

/**
 * @param {unknown} value
 * @returns {string}
 */
export function summary(value) {
  if (isObject(value)) {
    const words = error(value) ?? clickstream(value) ?? grouped(value) ?? heatmap(value) ?? classicEvent(value) ?? tick(value);
    if (words) return words;
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LINE_MAX ? `${text.slice(0, LINE_MAX)}…` : text;
}

/**
 * The error of a dead letter; null where there is none.
 * @param {Record<string, unknown>} value
 */
export function error(value) {
  return typeof value.error === "string" ? value.error : null;
}

/** @param {Record<string, unknown>} value */
function clickstream({ pages, sessions, samples }) {
  if (!Array.isArray(pages) || !Array.isArray(sessions) || !isObject(samples)) return null;
  const { x } = samples;
  const howMany = Array.isArray(x) ? x.length : 0;
  return `${plural(howMany, "sample")} of ${plural(sessions.length, "session")} on ${pages.join(", ")}`;
}

/** @param {Record<string, unknown>} value */
function grouped({ path, count, pane, visitors }) {
  if (typeof path !== "string" || !Array.isArray(count) || !Array.isArray(pane)) return null;
  const samples = count.reduce((sum, n) => sum + Number(n), 0);
  return `${plural(samples, "sample")} on ${plural(count.length, "tile")}, ${plural(new Set(pane).size, "pane")}; ${plural(Number(visitors) || 0, "visitor")}`;
}

/** @param {Record<string, unknown>} record */
function heatmap({ value, changes, kind, device }) {
  if (!isObject(value)) return null;
  const tiles = Object.values(value).reduce((/** @type {number} */ sum, column) => sum + (isObject(column) ? Object.keys(column).length : 0), 0);
  return `${[kind, device].filter(Boolean).join(", ")}: ${plural(tiles, changes ? "changed tile" : "warm tile")}${changes ? "" : ", whole"}`;
}

/** @param {Record<string, unknown>} value */
function classicEvent({ type, relative_path }) {
  return typeof type === "string" && typeof relative_path === "string" ? `${type} on ${relative_path}` : null;
}

/** @param {Record<string, unknown>} value */
function tick({ tick: time_ms }) {
  return typeof time_ms === "number" && Math.abs(time_ms) <= 8.64e15 ? `tick: it is ${new Date(time_ms).toISOString().slice(11, 23)} UTC` : null;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
