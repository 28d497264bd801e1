// @ts-check
/** A dry run as a picture: the value over time, the level, and when the rule would have been hot. */
import { clock, moment, plural, span } from "../shared/format.js";
import { html, nothing, svg } from "../shared/vendor/lit-html/lit-html.js";
import { amount, hotSpans, metricWords, releaseOf } from "./rule_words.js";

/** @typedef {import("./rule_words.js").Rule} Rule */
/** @typedef {import("./rule_words.js").Reaction} Reaction */
/** @typedef {{since: number, until: number, every: number, fired: Reaction[], values: (number | null)[]}} Trial */

const WIDE = 600;
const HIGH = 90;
/** Lines of what would have been told. */
const SHOWN = 6;

/** @param {Rule} rule @param {Trial} trial */
export function trialView(rule, trial) {
  const { since, until, every, fired, values } = trial;
  const times = fired.filter(({ type }) => type === "hot").length;
  if (values.every((value) => value === null)) {
    return html`<p class="verdict">Nobody was on such a zone in the last ${span(until - since)}, so there is nothing to try the rule on yet.</p>`;
  }
  return html`
    <p class="verdict">
      ${times === 0 ? "It would not have fired" : html`It would have fired <b>${plural(times, "time")}</b>`} in the last ${span(until - since)}.
      ${times === 0 ? html`The nearest was ${amount(rule.metric, nearest(rule, values))}.` : nothing}
    </p>
    ${picture(rule, trial)}
    <div class="axis" aria-hidden="true"><span>${at(since, until - since)}</span><span>${at(until, until - since)}</span></div>
    ${times === 0 ? nothing : lines(fired, until, until - since)}
    ${every >= 60_000 ? html`<p class="about">Looked at once a minute, each time at the last minutes before it: what is hot for seconds only is not seen so.</p>` : nothing}
  `;
}

/** A time, with its day where the whole is of hours. @param {number} ms @param {number} wholeMs */
function at(ms, wholeMs) {
  return wholeMs > 3 * 3_600_000 ? moment(ms) : clock(ms).slice(0, 8);
}

/** @param {Rule} rule @param {(number | null)[]} values */
function nearest({ metric }, values) {
  const known = values.filter((value) => value !== null);
  return metric === "unseen" ? Math.min(...known) : Math.max(...known);
}

/** @param {Rule} rule @param {Trial} trial */
function picture(rule, { since, until, fired, values }) {
  const top = 1.15 * Math.max(rule.at_least, ...values.map((value) => value ?? 0), 1e-9);
  const x = (/** @type {number} */ at) => (WIDE * (at - since)) / (until - since);
  const y = (/** @type {number} */ value) => HIGH * (1 - value / top);
  const step = WIDE / values.length;
  const line = values.map((value, i) => (value === null ? "" : `${i > 0 && values[i - 1] !== null ? "L" : "M"}${((i + 0.5) * step).toFixed(1)} ${y(value).toFixed(1)}`));
  const level = y(rule.at_least);
  const cool = y(releaseOf(rule));
  const words = `${metricWords(rule.metric).asks} over the time, with the level of ${amount(rule.metric, rule.at_least)}`;
  return html`<svg class="trial" viewBox=${`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label=${words}>
    ${hotSpans(fired, until).map(({ from, to }) => svg`<rect class="hot" x=${x(from)} y="0" width=${Math.max(2, x(to) - x(from))} height=${HIGH} />`)}
    <line class="cool" x1="0" x2=${WIDE} y1=${cool} y2=${cool} />
    <line class="level" x1="0" x2=${WIDE} y1=${level} y2=${level} />
    <path class="value" d=${line.join(" ")} />
  </svg>`;
}

/** @param {Reaction[]} fired @param {number} until @param {number} whole  ms of the trial */
function lines(fired, until, whole) {
  const spans = hotSpans(fired, until);
  const rest = spans.length - SHOWN;
  return html`<ol class="spans">
    ${spans.slice(-SHOWN).map(
      ({ zone, from, to, open }) => html`<li>
        <time>${at(from, whole)}</time>
        <bdi>${zone ?? "the page"}</bdi>
        <span>hot ${open ? "since then" : `for ${span(to - from)}`}</span>
      </li>`,
    )}
    ${rest > 0 ? html`<li><span>and ${plural(rest, "time")} before</span></li>` : nothing}
  </ol>`;
}
