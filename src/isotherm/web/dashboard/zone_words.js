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
/** Digits that a number is told apart by at all. */
const EXACT = 15;

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
 * The names of the zones, those with most of a column first. It goes by the figures about as they are read: zones that show the same keep the
 * order they had, so that what nobody can see moves no row.
 * @param {string[]} before  the order until now; empty: there was none
 * @param {Zone[]} zones @param {Column} column
 * @param {boolean} held  everybody keeps their place; who comes stands at the end
 * @returns {string[]}
 */
export function inOrder(before, zones, column, held) {
  const places = new Map(before.map((name, at) => [name, at]));
  /** @param {Zone} zone */
  const place = ({ zone }) => places.get(zone) ?? before.length;
  /** @param {Zone} zone @param {number} digits */
  const value = (zone, digits) => Number((column === "trend" && zone.samples < TELLING ? 1 : zone[column] ?? 0).toPrecision(digits));
  const all = [...zones].sort((a, b) => place(a) - place(b) || value(b, EXACT) - value(a, EXACT));
  const digits = { share: 2, trend: 3 }[/** @type {string} */ (column)] ?? EXACT; // of counts every one is read
  if (!held || before.length === 0) all.sort((a, b) => value(b, digits) - value(a, digits));
  return all.map(({ zone }) => zone);
}
