// @ts-check
/** The script tag to copy, and the line under it that turns green at the first event or says what is wrong. */
import { icon } from "../shared/icon.js";
import { count, moment } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { explainRecent } from "./refusals.js";

/** @typedef {import("./overview.js").Overview} Overview */

/** More kinds of trouble than this at once are one trouble. */
const REFUSALS_SHOWN = 3;

/**
 * @param {Overview | null} overview
 * @param {string} id  of the code to copy; unlike for each place where the tag stands
 */
export function tagView(overview, id) {
  return html`
    <div class="tag">
      <div class="code">
        <code id=${id}>${tagFor(location.origin, "default").split(/(?<= )/).map((word) => html`<span>${word}</span>`)}</code>
        <button class="button copy" data-copy=${id}>${icon("copy")} <span>Copy</span></button>
      </div>
      <div class="tag-lines" aria-live="polite">${arrivalView(overview)} ${overview ? refusalViews(overview) : nothing}</div>
    </div>
  `;
}

/** @param {string} host @param {string} site */
export function tagFor(host, site) {
  return `<script async src="${host}/tracker.js" data-site="${site}"></script>`;
}

/** @param {Overview | null} overview */
function arrivalView(overview) {
  if (overview?.first_event_ms == null) {
    return html`<p class="tag-line waiting"><span class="dot waiting"></span>Waiting for the first event. Open a page that carries the tag.</p>`;
  }
  return html`<p class="tag-line good">
    ${icon("circle-check")}
    <span>Events are coming in: ${count(overview.pipeline.accepted)} so far, the first on ${moment(overview.first_event_ms)}.</span>
  </p>`;
}

/** @param {Overview} overview */
export function refusalViews(overview) {
  const all = explainRecent(overview.refusals, overview.at);
  return html`
    ${all.slice(0, REFUSALS_SHOWN).map(
      ({ what, todo, command, since }) => html`
        <div class="notice bad">
          ${icon("circle-alert")}
          <div>
            <p>${what}</p>
            <p>${todo} ${command ? html`<code>${command}</code>` : nothing}</p>
          </div>
          <span class="since">${since}</span>
        </div>
      `,
    )}
    ${all.length > REFUSALS_SHOWN ? html`<p class="since">and ${all.length - REFUSALS_SHOWN} other kinds of refusal</p>` : nothing}
  `;
}
