// @ts-check
/** A page's zones as a league table: which part has most of the attention, with how many people, and whether it grows. */
import { count, moment, plural, span } from "../shared/format.js";
import { icon } from "../shared/icon.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { repeat } from "../shared/vendor/lit-html/directives/repeat.js";
import { rangeView } from "./range_view.js";
import { searchField } from "./search_field.js";
import { kindOf, percent, trendOf } from "./zone_words.js";

/** @typedef {import("./zone_words.js").Zone} Zone */
/** @typedef {import("./zone_words.js").Column} Column */
/** @typedef {{site: string, path: string}} Place */
/** @typedef {{start: number, end: number, people: number | null, zones: Zone[], "hidden-zones"?: number}} League */

/**
 * @typedef {object} ZonesModel
 * @property {Place | null} place  the page; null: none is chosen, since none lives
 * @property {boolean} heard  whether the server has told which pages live
 * @property {boolean} fresh  nobody has ever moved on any page
 * @property {Place[]} pages  those to choose from
 * @property {League | null} league  null: it has not come yet
 * @property {Zone[]} zones  those that the search leaves, in order
 * @property {string} query
 * @property {Column} column  it is sorted by
 * @property {boolean} held
 * @property {import("./ranges.js").Range} range
 * @property {number} windowMs  of the live one
 * @property {number} nowMs
 * @property {Map<string, import("./zone_words.js").Usual>} usual
 * @property {string} refusal  the server's words, where it answers with an error
 */
/**
 * @typedef {object} ZonesActions
 * @property {(place: Place) => void} choose
 * @property {(query: string) => void} search
 * @property {(range: import("./ranges.js").Range) => void} span
 * @property {(column: Column) => void} sort
 */

/** @type {Record<Column, {head: string, title: string}>} */
const COLUMNS = {
  share: { head: "Attention", title: "Of all movements and clicks on this page that lay on a zone" },
  people: { head: "People", title: "Different visitors who were on it" },
  clicks: { head: "Clicks", title: "Clicks and taps on it" },
  rage: { head: "Rage clicks", title: "Clicks in quick bursts on one spot: somebody expected more to happen" },
  dead: { head: "Dead clicks", title: "Clicks after which nothing happened" },
  trend: { head: "Trend", title: "Its share of the attention in the newest fifth of the time, beside its share in the whole of it" },
};

/** @param {ZonesModel} model @param {ZonesActions} actions */
export function zonesView(model, actions) {
  const { range, windowMs, nowMs } = model;
  // Without a page there is nothing to choose from, to search or to look back on.
  if (model.place === null && !model.refusal) return html`<div class="toolbar"><h2>Zones</h2></div>${model.heard ? noPage(model) : ghost()}`;
  return html`${toolbar(model, actions)}
    <div class="spans">${rangeView(range, windowMs, nowMs, actions.span)}${timeOf(model)}</div>
    ${body(model, actions)}`;
}

/** @param {ZonesModel} model @param {ZonesActions} actions */
function body(model, actions) {
  const { refusal, league, zones, query } = model;
  if (refusal) return said("circle-alert", "No zones here", refusal);
  if (league === null) return ghost();
  if (league.zones.length === 0) return noZones(model);
  if (zones.length === 0) {
    return html`<div class="empty card">
      ${icon("search")}
      <h3>No zone has “<bdi>${query}</bdi>” in its name</h3>
      <p>${plural(league.zones.length, "zone")} of this page had visitors.</p>
      <button class="button" @click=${() => actions.search("")}>Show all zones</button>
    </div>`;
  }
  return html`${table(model, actions)} ${hint(league)}`;
}

/** @param {ZonesModel} model @param {ZonesActions} actions */
function toolbar(model, actions) {
  const { place, pages, query } = model;
  /** @param {Event} event */
  const chosen = (event) => {
    const { value } = /** @type {HTMLSelectElement} */ (event.target);
    const found = pages.find((page) => keyOf(page) === value);
    if (found) actions.choose(found);
  };
  return html`<div class="toolbar">
    <h2>Zones of</h2>
    <div class="field which">
      <select id="page" aria-label="Page" .value=${place ? keyOf(place) : ""} @change=${chosen} ?disabled=${place === null}>
        ${repeat(pages, keyOf, (page) => html`<option value=${keyOf(page)} ?selected=${place !== null && keyOf(page) === keyOf(place)}>${nameOf(page)}</option>`)}
      </select>
    </div>
    ${searchField("Search zones", query, actions.search)}
  </div>`;
}

/** How many people, and when; or that the table holds still. @param {ZonesModel} model */
function timeOf({ held, league, range }) {
  if (held) return html`<span class="order">${icon("pause")} Order held while you point</span>`;
  if (!league) return html`<span class="order"></span>`;
  const people = league.people === null ? nothing : html`<b>${plural(league.people, "person", "people")}</b> in `;
  const { start, end } = league;
  return html`<span class="order">${people}${range.name === "live" ? html`the last ${span(end - start)}` : html`${span(end - start)} from ${moment(start)}`}</span>`;
}

/** @param {ZonesModel} model @param {ZonesActions} actions */
function table(model, actions) {
  const { zones, league, column } = model;
  const columns = columnsOf(league?.zones ?? []);
  const most = Math.max(...zones.map(({ share }) => share), 0.0001);
  return html`<div class="rows card">
    <table class="table">
      <caption class="unseen">Zones of the page, first those with most of: ${COLUMNS[column].head}</caption>
      <thead>
        <tr>
          <th scope="col">Zone</th>
          ${columns.map((name) => head(name, column, actions))}
        </tr>
      </thead>
      <tbody id="list">
        ${repeat(zones, ({ zone }) => zone, (zone) => row(zone, columns, most, ["live", "hour"].includes(model.range.name) ? model.usual.get(zone.zone) : undefined))}
      </tbody>
    </table>
  </div>`;
}

/** Those that the server tells. @param {Zone[]} zones @returns {Column[]} */
function columnsOf(zones) {
  const more = /** @type {const} */ (["rage", "dead"]).filter((name) => zones.some((zone) => zone[name] !== undefined));
  return ["share", "people", "clicks", ...more, "trend"];
}

/** @param {Column} name @param {Column} now @param {ZonesActions} actions */
function head(name, now, actions) {
  return html`<th scope="col" class="number ${name}" aria-sort=${name === now ? "descending" : "none"}>
    <button class="sort" title=${COLUMNS[name].title} @click=${() => actions.sort(name)}>${icon("chevron-down")}${COLUMNS[name].head}</button>
  </th>`;
}

/**
 * @param {Zone} zone @param {Column[]} columns @param {number} most  the largest share in the table
 * @param {import("./zone_words.js").Usual | undefined} usual
 */
function row(zone, columns, most, usual) {
  const kind = kindOf(zone.zone);
  return html`<tr class="zone" data-key=${zone.zone}>
    <th scope="row" class="name">
      <div class="what">
        <bdi title=${zone.zone}>${zone.zone}</bdi>${kind === "named" ? nothing : html` <span>${kind === "link" ? "link" : "no name"}</span>`}${usual?.hotter ? unusual(usual) : nothing}
      </div>
      <div class="bar" aria-hidden="true"><div .style=${`width: ${((100 * zone.share) / most).toFixed(1)}%`}></div></div>
    </th>
    ${columns.map((name) => cell(zone, name))}
  </tr>`;
}

/** @param {import("./zone_words.js").Usual} usual */
function unusual({ now, usual, most, times }) {
  const words = `${count(now)} in the last hour; at this time of the last seven days ${count(usual)} on average, ${count(most)} at most`;
  return html`<b class="unusual" title=${words}>hotter than usual<span class="unseen">: ${words}</span>${times === null ? nothing : html` <i>× ${times.toFixed(1)}</i>`}</b>`;
}

/** @param {Zone} zone @param {Column} name */
function cell(zone, name) {
  if (name === "share") return html`<td class="number share">${percent(zone.share)}</td>`;
  if (name !== "trend") return html`<td class="number ${name}">${count(zone[name] ?? 0)}</td>`;
  const { word, tone } = trendOf(zone);
  return html`<td class="number trend ${tone}">${tone ? icon(tone === "up" ? "trending-up" : "trending-down") : nothing} ${word}</td>`;
}

/** @param {League} league */
function hint({ zones, "hidden-zones": hidden = 0 }) {
  const few = hidden ? html`<p class="hint">${plural(hidden, "zone")} with too few people ${hidden === 1 ? "is" : "are"} not shown.</p>` : nothing;
  if (!zones.some(({ zone }) => kindOf(zone) === "place")) return few;
  return html`${few}<p class="hint">
    Parts that say <em>no name</em> are told by their place in the page. Give one a name of its own in the page’s markup:
    <code>&lt;section data-heat-zone="offers"&gt;</code>
  </p>`;
}

function ghost() {
  return html`<div class="ghost card" aria-hidden="true"></div>`;
}

/** @param {ZonesModel} model */
function noPage({ fresh }) {
  if (!fresh) return said("inbox", "It is quiet", "Nobody has moved on any page for a while. Zones appear with the first movement.");
  return html`<div class="empty card">
    ${icon("inbox")}
    <h3>No visitor has come yet</h3>
    <p>Zones are the parts of your pages, those with most attention first. They appear here by themselves once Isotherm is on your site and somebody moves on a page.</p>
    <a class="button" href="/">Put Isotherm on your site</a>
  </div>`;
}

/** @param {ZonesModel} model */
function noZones({ range, league }) {
  if (league && league["hidden-zones"]) return said("users", "Too few people", "Zones with so few people are not shown, so that nobody can be told apart.");
  if (range.name !== "live") return said("inbox", "Nothing is known of this time", "No part of the page had a visitor then, or zones were not kept yet.");
  return said("inbox", "Nobody is on this page", "No part of it had a visitor in the last minutes. Choose a longer time, or wait for the first movement.");
}

/** @param {string} symbol @param {string} title @param {string} words */
function said(symbol, title, words) {
  return html`<div class="empty card">
    ${icon(symbol)}
    <h3>${title}</h3>
    <p>${words}</p>
  </div>`;
}

/** @param {Place} place */
export function keyOf({ site, path }) {
  return site + path;
}

/** @param {Place} place */
function nameOf({ site, path }) {
  return site === "default" ? path : `${site} ${path}`;
}
