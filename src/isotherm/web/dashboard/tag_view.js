// @ts-check
/**
 * The script tag to copy, and the line under it that turns green at the first event or says what is wrong.
 *
 * The tag is the server's own: under the name that it hands the tracker out with, for the site that is chosen here.
 */
import { icon } from "../shared/icon.js";
import { count, moment } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { explainRecent } from "./refusals.js";

/** @typedef {import("./overview.js").Overview} Overview */

/** More kinds of trouble than this at once are one trouble. */
const REFUSALS_SHOWN = 3;

/** What is taken for granted until the server has said it. */
const SITES = ["default"];
const SCRIPT = "/tracker.js";

/** @typedef {{site: string, choose: (site: string) => void}} Chosen  whose tag is shown */

/**
 * @param {Overview | null} overview
 * @param {string} id  of the code to copy; unlike for each place where the tag stands
 * @param {Chosen} chosen
 */
export function tagView(overview, id, { site, choose }) {
  const sites = overview?.sites ?? SITES;
  const shown = sites.includes(site) ? site : sites[0];
  const tag = tagFor(location.origin, shown, overview?.tag.script ?? SCRIPT);
  return html`
    <div class="tag">
      ${sites.length > 1 ? siteField(sites, shown, choose, id) : nothing}
      <div class="code">
        <code id=${id}>${tag.split(/(?<= )/).map((word) => html`<span>${word}</span>`)}</code>
        <button class="button copy" data-copy=${id}>${icon("copy")} <span>Copy</span></button>
      </div>
      <div class="tag-lines" aria-live="polite">${arrivalView(overview)} ${overview ? refusalViews(overview) : nothing}</div>
    </div>
  `;
}

/** @param {string[]} sites @param {string} shown @param {(site: string) => void} choose @param {string} id */
function siteField(sites, shown, choose, id) {
  return html`<label class="field tag-site">
    <span>Site</span>
    <select id=${`${id}-site`} @change=${(/** @type {Event} */ event) => choose(/** @type {HTMLSelectElement} */ (event.target).value)}>
      ${sites.map((key) => html`<option .selected=${key === shown}>${key}</option>`)}
    </select>
  </label>`;
}

/** @param {string} host @param {string} site @param {string} script  its address on the host */
export function tagFor(host, site, script) {
  return `<script async src="${host}${script}" data-site="${site}"></script>`;
}

/** @param {Overview | null} overview */
function arrivalView(overview) {
  const { first_event_ms: first = null, pages = [], pipeline } = overview ?? {};
  const accepted = pipeline?.accepted ?? 0;
  if (first === null && pages.length === 0) {
    return html`<p class="tag-line waiting"><span class="dot waiting"></span>Waiting for the first event. Open a page that carries the tag.</p>`;
  }
  if (accepted === 0 && pages.length === 0) {
    return html`<p class="tag-line waiting">
      <span class="dot waiting"></span>
      <span>Quiet since this server started. The first event ever came on ${moment(first ?? 0)}.</span>
    </p>`;
  }
  return html`<p class="tag-line good">
    ${icon("circle-check")}
    <span>
      Events are coming in${accepted > 0 ? `: ${count(accepted)} since this server started` : ""}.
      ${first === null ? nothing : `The first ever came on ${moment(first)}.`}
    </span>
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
