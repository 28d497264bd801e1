// @ts-check
/**
 * How a value is laid out for reading: columns that belong together become the table that they are.
 *
 * Records keep their numbers as columns: one array for all x, one for all y. That is good for machines; a reader wants rows. Arrays
 * of numbers of one length, two or more of them in one object, are columns of one table; in an object of nothing but arrays of one length
 * so are columns of words.
 */
import { isObject } from "./message_words.js";

/** @typedef {{names: string[], rows: unknown[][]}} ColumnTable */
/** @typedef {{fields: [string, unknown][], table: ColumnTable | null}} Shape */

/**
 * @param {Record<string, unknown>} value
 * @returns {Shape}
 */
export function shapeOf(value) {
  const entries = Object.entries(value);
  const onlyColumns = entries.length > 1 && entries.every(([, item]) => isColumn(item)) && sameLength(entries);
  const columns = onlyColumns ? entries : longestGroup(entries.filter(([, item]) => isColumn(item) && item.every((n) => typeof n === "number")));
  if (columns.length < 2) return { fields: entries, table: null };
  const names = columns.map(([name]) => name);
  const arrays = columns.map(([, item]) => /** @type {unknown[]} */ (item));
  return {
    fields: entries.filter(([name]) => !names.includes(name)),
    table: { names, rows: arrays[0].map((_, row) => arrays.map((array) => array[row])) },
  };
}

/**
 * The classic heat map's tiles as a field of levels; null for what is none.
 * @param {unknown} record
 * @returns {{grid: number, levels: Uint8Array} | null}
 */
export function heatOf(record) {
  if (!isObject(record) || !isObject(record.value)) return null;
  const grid = Number(record["grid-size"]);
  if (!Number.isInteger(grid) || grid < 1 || grid > 1024) return null;
  const counts = new Float64Array(grid * grid);
  for (const [x, column] of Object.entries(record.value)) {
    if (!isObject(column)) return null;
    for (const [y, count] of Object.entries(column)) counts[Number(y) * grid + Number(x)] = Number(count);
  }
  const hottest = counts.reduce((a, b) => Math.max(a, b), 0);
  return { grid, levels: Uint8Array.from(counts, (count) => (count > 0 ? Math.max(1, Math.round((255 * count) / hottest)) : 0)) };
}

/** @param {unknown} item @returns {item is unknown[]} */
function isColumn(item) {
  return Array.isArray(item) && item.length > 0 && item.every((cell) => typeof cell !== "object" || cell === null);
}

/** @param {[string, unknown][]} entries */
function sameLength(entries) {
  const lengths = new Set(entries.map(([, item]) => (Array.isArray(item) ? item.length : -1)));
  return lengths.size === 1;
}

/**
 * Of arrays of several lengths those of the length that most of them have.
 * @param {[string, unknown][]} entries
 */
function longestGroup(entries) {
  /** @type {Map<number, [string, unknown][]>} */
  const byLength = new Map();
  for (const entry of entries) {
    const { length } = /** @type {unknown[]} */ (entry[1]);
    byLength.set(length, [...(byLength.get(length) ?? []), entry]);
  }
  return [...byLength.values()].reduce((best, group) => (group.length > best.length ? group : best), []);
}
