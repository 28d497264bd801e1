// @ts-check
/** What `WS /api/overview` says once a second (docs/api.md). */

/**
 * @typedef {object} Page
 * @property {string} site @property {string} path @property {string | null} origin  where some browser said that it is
 * @property {boolean} origin_confirmed  the operator named that origin
 * @property {number} visitors @property {number} samples_per_second @property {number} samples @property {number | null} quiet_ms
 */
/**
 * @typedef {object} Overview
 * @property {number} at
 * @property {Page[]} pages
 * @property {Record<string, import("../shared/heat_picture.js").Picture>} pictures
 * @property {import("./health.js").Pipeline} pipeline
 * @property {Record<string, number>} counters
 * @property {import("./refusals.js").Refusal[]} refusals
 * @property {number | null} first_event_ms
 * @property {{script: string, ingest: string}} tag  where this server hands out the tracker and takes its events
 * @property {string[]} sites  keys of the sites that this viewer may see
 */

/** At most so many pictures come along with a frame. */
export const PICTURES_MAX = 60;

/**
 * A page's name in topics and pictures.
 * @param {Page} page
 */
export function keyOf(page) {
  return page.site + page.path;
}

/**
 * The pages that have all the words somewhere in path, site or origin.
 * @param {Page[]} pages @param {string} query
 */
export function search(pages, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return pages;
  return pages.filter((page) => {
    const text = `${page.path} ${page.site} ${page.origin ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
