// @ts-check
/** Rules in words that a shop owner knows, and between what a form has and what the server wants (docs/reactions.md). */
import { count, plural, span } from "../shared/format.js";

/**
 * @typedef {object} Rule
 * @property {string} name @property {string} site @property {string} page @property {string | null} zone  null: the page itself
 * @property {string} metric @property {number} at_least @property {number | null} release
 * @property {number} hold_ms @property {number} people @property {number} cooldown_ms @property {boolean} in_page
 */
/** @typedef {Rule & {fixed: boolean, hot: (string | null)[]}} KnownRule */
/**
 * What fired.
 * @typedef {object} Reaction
 * @property {string} id @property {"hot" | "cooled"} type @property {number} at @property {string} rule @property {string} site
 * @property {string} page @property {string | null} zone @property {string} metric @property {number} value @property {number} level
 * @property {number} people @property {string} why
 */
/** What stands in the form, as it was typed. @typedef {Record<string, string>} Typed */

/** A word for each metric, and what its level counts. */
const METRICS = {
  share: { says: "of the page’s attention", asks: "Share of attention", unit: "%" },
  people: { says: "people", asks: "People on it", unit: "people" },
  clicks: { says: "clicks", asks: "Clicks", unit: "clicks" },
  rage: { says: "rage clicks", asks: "Rage clicks", unit: "clicks" },
  dead: { says: "dead clicks", asks: "Dead clicks", unit: "clicks" },
  unseen: { says: "people who see it", asks: "Nobody sees it", unit: "people" },
};

/** @param {string} metric */
export function metricWords(metric) {
  return Object.hasOwn(METRICS, metric) ? METRICS[/** @type {keyof typeof METRICS} */ (metric)] : { says: metric, asks: metric, unit: "" };
}

/**
 * A level or a value: 25 %, 12.
 * @param {string} metric @param {number} value
 */
export function amount(metric, value) {
  return metric === "share" ? `${Number((100 * value).toFixed(1))} %` : count(value);
}

/** The level at which something cools. @param {Rule} rule */
export function releaseOf({ metric, at_least, release }) {
  return release ?? (metric === "unseen" ? at_least : at_least * 0.8);
}

/**
 * When a rule fires, behind the names of its zone and page.
 * @param {Rule} rule
 */
export function fires({ metric, at_least, hold_ms, people }) {
  const { says } = metricWords(metric);
  const held = hold_ms ? ` for ${span(hold_ms).replace(".0", "")}` : "";
  if (metric === "unseen") return `has at most ${amount(metric, at_least)} ${says}${held}, while the page has ${plural(people, "person", "people")} or more`;
  const enough = people > 1 && metric !== "people" ? `, with ${count(people)} people or more` : "";
  return `has at least ${amount(metric, at_least)} ${says}${held}${enough}`;
}

/**
 * Why something fired. A rule that was taken away says so itself.
 * @param {Reaction} told
 */
export function because({ type, metric, value, people, why }) {
  if (type === "cooled" && value === 0 && people === 0) return why;
  const { says } = metricWords(metric);
  const crowd = metric === "people" || metric === "unseen" ? "" : `, ${plural(people, "person", "people")}`;
  return `${type === "hot" ? "" : "now "}${amount(metric, value)} ${says}${crowd}`;
}

/** @param {Rule | null} rule  null: a new one @param {{page?: string, site?: string}} [place] @returns {Typed} */
export function typedOf(rule, { page = "", site = "default" } = {}) {
  if (!rule) {
    return { name: "", site, page, zone: "", whole: "", metric: "share", at_least: "25", release: "", hold: "3", people: "3", cooldown: "30", in_page: "" };
  }
  const level = (/** @type {number | null} */ value) =>
    value === null ? "" : String(rule.metric === "share" ? Number((100 * value).toFixed(4)) : value);
  return {
    name: rule.name,
    site: rule.site,
    page: rule.page,
    zone: rule.zone ?? "",
    whole: rule.zone === null ? "on" : "",
    metric: rule.metric,
    at_least: level(rule.at_least),
    release: level(rule.release),
    hold: String(rule.hold_ms / 1000),
    people: String(rule.people),
    cooldown: String(rule.cooldown_ms / 1000),
    in_page: rule.in_page ? "on" : "",
  };
}

/**
 * The rule that is typed, or the field that is no number yet.
 * @param {Typed} typed
 * @returns {{rule: Rule} | {field: string, error: string}}
 */
export function ruleOf(typed) {
  /** @type {Record<string, number | null>} */
  const numbers = {};
  for (const field of ["at_least", "release", "hold", "people", "cooldown"]) {
    const text = (typed[field] ?? "").trim().replace(",", ".");
    if (text === "" && field === "release") numbers[field] = null;
    else if (!/^\d+(\.\d+)?$/.test(text)) return { field, error: "This should be a number, such as 25." };
    else numbers[field] = Number(text);
  }
  if (!typed.page?.trim()) return { field: "page", error: "Which page? Its path begins with a slash: /p/1" };
  if (!typed.whole && !typed.zone?.trim()) return { field: "zone", error: "Which zone? A * stands for anything: product-*" };
  const level = (/** @type {number | null} */ value) => (value === null || typed.metric !== "share" ? value : value / 100);
  return {
    rule: {
      name: typed.name.trim(),
      site: typed.site,
      page: typed.page.trim(),
      zone: typed.whole ? null : typed.zone.trim(),
      metric: typed.metric,
      at_least: level(numbers.at_least) ?? 0,
      release: level(numbers.release),
      hold_ms: Math.round(1000 * (numbers.hold ?? 0)),
      people: Math.round(numbers.people ?? 0),
      cooldown_ms: Math.round(1000 * (numbers.cooldown ?? 0)),
      in_page: Boolean(typed.in_page),
    },
  };
}

/** The form's field that the server's word for one is about. @param {string | null} field */
export function fieldOf(field) {
  if (field === "hold_ms") return "hold";
  if (field === "cooldown_ms") return "cooldown";
  return field ?? "";
}

/**
 * The spans in which something would have been hot, from what would have fired; zones that were hot at once overlap.
 * @param {Reaction[]} fired  in the order of time @param {number} untilMs
 * @returns {{zone: string | null, from: number, to: number, open: boolean}[]}
 */
export function hotSpans(fired, untilMs) {
  /** @type {Map<string | null, number>} */
  const began = new Map();
  const spans = [];
  for (const { type, zone, at } of fired) {
    const from = began.get(zone);
    if (type === "hot") began.set(zone, at);
    else if (from !== undefined) {
      spans.push({ zone, from, to: at, open: false });
      began.delete(zone);
    }
  }
  for (const [zone, from] of began) spans.push({ zone, from, to: untilMs, open: true });
  return spans.sort((a, b) => a.from - b.from);
}
