// @ts-check
/** What the table of zones says: which kind of part a name is of, what is behind a column, and a trend in a word. */

/**
 * @typedef {object} Zone  one of `GET /api/zones` (docs/api.md)
 * @property {string} zone @property {number} share @property {number} samples @property {number} people @property {number} clicks
 * @property {number} trend
 * @property {number} [rage]  clicks in bursts; left out by a server that does not know them
 * @property {number} [dead]  clicks that nothing came of
 */
/**
 * @typedef {object} Usual  a zone's last sixty minutes beside the same time of the seven days before
 * @property {string} zone @property {number} now @property {number} usual @property {number} most @property {number | null} times
 * @property {boolean} hotter
 */
/** @typedef {"share" | "people" | "clicks" | "rage" | "dead" | "trend"} Column */

/** With fewer movements than this a trend is chance. */
const TELLING = 20;
/** From so much above or below the pace of the page on it is no more called steady. */
const CLEARLY = 1.25;
/** The newest fifth of the window has nearly all of it. */
const NEW = 4.5;

/**
 * What a zone's name is the name of: the site gave it, or it is the address of a link, or the place of an element (docs/wire.md).
 * @param {string} name
 * @returns {"named" | "link" | "place"}
 */
export function kindOf(name) {
  if (name.startsWith("/")) return "link";
  return /^[^>]*#|>\d+$/.test(name) ? "place" : "named";
}

/**
 * The zones with their trends beside the page's own: what all parts share, as in the first minutes, is no part's news.
 * @template {Pick<Zone, "trend" | "samples">} T
 * @param {T[]} zones @returns {T[]}
 */
export function besideThePage(zones) {
  const samples = zones.reduce((sum, zone) => sum + zone.samples, 0);
  const pace = zones.reduce((sum, zone) => sum + zone.trend * zone.samples, 0) / samples;
  return pace > 0 ? zones.map((zone) => ({ ...zone, trend: zone.trend / pace })) : zones;
}

/**
 * The trend in a word, and how it stands: hotter, cooler, or neither.
 * @param {Pick<Zone, "trend" | "samples">} zone
 * @returns {{word: string, tone: "up" | "down" | ""}}
 */
export function trendOf({ trend, samples }) {
  if (samples < TELLING) return { word: "too few to tell", tone: "" };
  if (trend >= NEW) return { word: "just began", tone: "up" };
  if (trend >= CLEARLY) return { word: `up ${percent(trend - 1)}`, tone: "up" };
  if (trend <= 1 / CLEARLY) return { word: trend <= 0.01 ? "gone quiet" : `down ${percent(1 - trend)}`, tone: "down" };
  return { word: "steady", tone: "" };
}

/**
 * A share: 31 %, 4.2 %, under 0.1 %.
 * @param {number} share  0 to 1
 */
export function percent(share) {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "under 0.1 %";
  return `${value < 9.95 && value > 0 ? value.toFixed(1) : Math.round(value)} %`;
}

/**
 * What a column is sorted by. A trend that is chance stands in the middle.
 * @param {Zone} zone @param {Column} column
 */
export function valueOf(zone, column) {
  if (column === "trend") return zone.samples < TELLING ? 1 : zone.trend;
  return zone[column] ?? 0;
}
