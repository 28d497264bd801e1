// @ts-check
/** What the server turned away lately, in words that say what to do about it. */
import { plural, span } from "../shared/format.js";

/** Older refusals are history, not news. */
const RECENT_MS = 600_000;

/** Refused viewers are no refused events: the counters tell of them. */
const NOT_EVENTS = new Set(["token"]);

/** What else may be wrong, and what to do; with the detail where the server gave one. */
const OTHERS = Object.freeze({
  invalid: { why: "not well formed", todo: "docs/wire.md says what a message looks like." },
  too_fast: { why: "a session or an address sent too fast", todo: "Trackers wait and send again. docs/limits.md says how much is let in." },
  too_large: { why: "too large", todo: "docs/limits.md says how large a message may be." },
  sessions: { why: "too many sessions at once", todo: "docs/limits.md says how many are let in, of one address and in all." },
  pages: { why: "the site has too many pages", todo: "Addresses with numbers or names in them can be counted as one page: see the site's URL rules." },
  connections: { why: "too many connections at once", todo: "docs/limits.md says how many are let in, of one address and in all." },
  full: { why: "the server could not take them", todo: "Trackers wait and send again. The pipeline's health says what is in the way." },
});

/** @typedef {{reason: string, detail: string, count: number, last_ms: number}} Refusal */
/** @typedef {{what: string, todo: string, command: string | null, since: string}} Explanation */

/**
 * @param {Refusal[]} refusals @param {number} nowMs
 * @returns {Explanation[]} newest first
 */
export function explainRecent(refusals, nowMs) {
  return refusals
    .filter(({ reason, count, last_ms }) => !NOT_EVENTS.has(reason) && count > 0 && nowMs - last_ms < RECENT_MS)
    .sort((a, b) => b.last_ms - a.last_ms)
    .map((refusal) => explain(refusal, nowMs));
}

/**
 * @param {Refusal} refusal @param {number} nowMs
 * @returns {Explanation}
 */
function explain({ reason, detail, count, last_ms }, nowMs) {
  const some = plural(count, "message");
  const age = Math.max(0, nowMs - last_ms);
  const since = age < 3000 ? "just now" : `${span(age)} ago`;
  switch (reason) {
    case "origin":
      return {
        what: `${some} from ${detail || "another origin"} refused: this server takes no events from that site.`,
        todo: "If it is yours, start the server with it:",
        command: detail ? `isotherm serve --origin ${detail}` : null,
        since,
      };
    case "key":
    case "site":
      return {
        what: `${some} refused: there is no site with the key “${detail}”.`,
        todo: "Put the tag in again as it stands here; its data-site must be a key that this server knows.",
        command: null,
        since,
      };
    case "version":
      return {
        what: `${some} refused: sent by a tracker of another version (${detail}).`,
        todo: "Reload that page without its cache; a proxy or CDN may still hand out an old tracker.js.",
        command: null,
        since,
      };
    default: {
      const other = Object.hasOwn(OTHERS, reason) ? OTHERS[/** @type {keyof typeof OTHERS} */ (reason)] : null;
      const what = `${some} refused: ${other?.why ?? reason.replaceAll("_", " ")}${detail ? ` (${detail})` : ""}.`;
      return { what, todo: other?.todo ?? "docs/limits.md says what each limit is for.", command: null, since };
    }
  }
}
