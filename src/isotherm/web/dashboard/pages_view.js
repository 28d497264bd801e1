// @ts-check
/** The live pages: as cards with pictures, or as rows for many; and what stands there when there are none. */
import "../shared/charts.js";
import "../shared/heat_picture.js";
import { icon } from "../shared/icon.js";
import { count, moment, plural, quiet, rate, span } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { repeat } from "../shared/vendor/lit-html/directives/repeat.js";
import { keyOf } from "./overview.js";
import { rangeView } from "./range_view.js";
import { searchField } from "./search_field.js";
import { tagView } from "./tag_view.js";

/** @typedef {import("./overview.js").Page} Page */
/** @typedef {import("./overview.js").Overview} Overview */
/** @typedef {import("../shared/heat_picture.js").Picture} Picture */
/** @typedef {import("../shared/charts.js").Trail} Trail */

/**
 * @typedef {object} PagesModel
 * @property {Overview | null} overview
 * @property {Page[]} pages  those that the search leaves, in order
 * @property {number} shown  how many of them stand on the page
 * @property {string} query
 * @property {"cards" | "rows"} layout
 * @property {boolean} held  the order is held
 * @property {(key: string) => Picture | undefined} picture
 * @property {(key: string) => Trail} trail
 * @property {import("./tag_view.js").Chosen} tag
 * @property {import("./ranges.js").Range} range
 * @property {import("./past_pages.js").PastPages} past  of the range, where it is not the live one
 * @property {typeof import("./past_view.js").pastView | null} pastView  null: it has not been loaded yet
 * @property {number} nowMs
 */
/**
 * @typedef {object} PagesActions
 * @property {(query: string) => void} search
 * @property {(layout: "cards" | "rows") => void} lay
 * @property {() => void} more
 * @property {(page: Page) => void} open
 * @property {(range: import("./ranges.js").Range) => void} span
 * @property {(page: {site: string, path: string}) => void} openPast
 */

/** @param {PagesModel} model @param {PagesActions} actions */
export function pagesView(model, actions) {
  if (!model.overview) return skeleton();
  if (model.range.name !== "live") return past(model, actions);
  if (model.overview.pages.length === 0 && !model.query) {
    return model.overview.first_event_ms === null ? firstStep(model.overview, model.tag) : html`${spans(model, actions)}${silence()}`;
  }
  return html`
    ${toolbar(model, actions)} ${spans(model, actions)}
    ${model.pages.length === 0 ? nothingFound(model, actions) : model.layout === "cards" ? cards(model, actions) : rows(model, actions)}
    ${model.pages.length > model.shown
      ? html`<p class="more">
          <button class="button" @click=${actions.more}>Show more of ${count(model.pages.length)} pages</button>
        </p>`
      : nothing}
  `;
}

/** @param {PagesModel} model @param {PagesActions} actions */
function past(model, actions) {
  return html`${toolbar(model, actions)} ${spans(model, actions)} ${model.pastView ? model.pastView(model, { ...actions, open: actions.openPast }) : skeleton()}`;
}

/** The choice of the time, and which it is. @param {PagesModel} model @param {PagesActions} actions */
function spans({ overview, range, past: { answer }, nowMs }, actions) {
  const then = range.name !== "live" && answer ? html`<span class="since" id="then">${span(answer.end - answer.start)} from ${moment(answer.start)}</span>` : nothing;
  return html`<div class="spans">${rangeView(range, overview?.pipeline.window_ms ?? 300_000, nowMs, actions.span)}${then}</div>`;
}

/** @param {PagesModel} model @param {PagesActions} actions */
function toolbar({ overview, pages, query, layout, held, range, past: { answer } }, actions) {
  const live = range.name === "live";
  const all = overview?.pages.length ?? 0;
  const badge = live ? (query ? `${count(pages.length)} of ${count(all)}` : count(all)) : answer ? count(answer.known) : "…";
  return html`
    <div class="toolbar">
      <h2>${live ? "Live pages" : "Pages"}</h2>
      <span class="badge" id="page-count">${badge}</span>
      <span class="order" title=${live ? "Pages that are about as hot as each other keep their places" : "By their moves and clicks in that time"}>
        ${held ? html`${icon("pause")} Order held while you point` : live ? "Hottest first" : "Most movement first"}
      </span>
      ${searchField("Search pages", query, actions.search)}
      <div class="choice" role="group" aria-label="Layout">
        ${choice("cards", "layout-grid", "Cards", layout, actions)} ${choice("rows", "list", "Rows", layout, actions)}
      </div>
    </div>
  `;
}

/** @param {"cards" | "rows"} name @param {string} symbol @param {string} label @param {string} now @param {PagesActions} actions */
function choice(name, symbol, label, now, actions) {
  return html`<button aria-label=${label} title=${label} aria-pressed=${now === name ? "true" : "false"} @click=${() => actions.lay(name)}>
    ${icon(symbol)}
  </button>`;
}

/** @param {PagesModel} model @param {PagesActions} actions */
function cards(model, actions) {
  return html`<ul class="cards" id="list">
    ${repeat(
      model.pages.slice(0, model.shown),
      keyOf,
      (page) => html`
        <li class="page" data-key=${keyOf(page)}>
          <div class="plate">
            <iso-picture .picture=${model.picture(keyOf(page))}></iso-picture>
            ${zonesLink(page)} ${openButton(page, actions)}
          </div>
          <div class="caption">
            <div>
              <h3 title=${page.path}>${page.path}</h3>
              <p class="visitors" title="People now">${icon("users")} <b>${count(page.visitors)}</b><span class="unseen"> people now</span></p>
            </div>
            <div>
              <iso-spark .trail=${model.trail(keyOf(page))}></iso-spark>
              <p class="rate"><b>${rate(page.samples_per_second)}</b>/s<span class="unseen"> samples</span></p>
            </div>
            <div>
              <p class="where">${hostOf(page)}</p>
              <p class="quiet">${page.quiet_ms === null ? nothing : quiet(page.quiet_ms)}</p>
            </div>
          </div>
        </li>
      `,
    )}
  </ul>`;
}

/** @param {PagesModel} model @param {PagesActions} actions */
function rows(model, actions) {
  return html`<div class="rows card">
    <table class="table">
      <caption class="unseen">Live pages, hottest first</caption>
      <thead>
        <tr>
          <th scope="col"><span class="unseen">Picture</span></th>
          <th scope="col">Page</th>
          <th scope="col" class="number">People</th>
          <th scope="col" class="trend"><span class="unseen">Last two minutes</span></th>
          <th scope="col" class="number">Samples/s</th>
          <th scope="col" class="number wide">In window</th>
          <th scope="col" class="wide">Movement</th>
          <th scope="col"><span class="unseen">Overlay</span></th>
        </tr>
      </thead>
      <tbody id="list">
        ${repeat(
          model.pages.slice(0, model.shown),
          keyOf,
          (page) => html`
            <tr class="page" data-key=${keyOf(page)}>
              <td><iso-picture .picture=${model.picture(keyOf(page))}></iso-picture></td>
              <th scope="row" class="name" title=${page.path}><bdi>${page.path}</bdi> <span><bdi>${hostOf(page)}</bdi></span></th>
              <td class="number">${count(page.visitors)}</td>
              <td class="trend"><iso-spark .trail=${model.trail(keyOf(page))}></iso-spark></td>
              <td class="number">${rate(page.samples_per_second)}</td>
              <td class="number wide">${count(page.samples)}</td>
              <td class="wide quiet">${page.quiet_ms === null ? nothing : quiet(page.quiet_ms)}</td>
              <td class="number">${zonesLink(page)} ${openButton(page, actions)}</td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {Page} page */
function zonesLink({ site, path }) {
  return html`<a class="open zones" href="/zones?${new URLSearchParams({ page: path, site })}" aria-label="Zones of ${path}">
    <span>Zones</span>${icon("list")}
  </a>`;
}

/** @param {Page} page @param {PagesActions} actions */
function openButton(page, actions) {
  return html`<button class="open" aria-label="Open overlay on ${page.path}" @click=${() => actions.open(page)}>
    <span>Open overlay</span>${icon("arrow-up-right")}
  </button>`;
}

/** @param {Page} page */
function hostOf(page) {
  const where = page.origin?.replace(/^https?:\/\//, "") ?? "";
  return page.site === "default" && where ? where : `${page.site}${where ? ` · ${where}` : ""}`;
}

function skeleton() {
  return html`<ul class="cards" aria-hidden="true">
    ${Array.from({ length: 5 }, () => html`<li class="page ghost"><div class="plate"></div><div class="caption"></div></li>`)}
  </ul>`;
}

/** @param {Overview} overview @param {import("./tag_view.js").Chosen} chosen */
function firstStep(overview, chosen) {
  return html`<div class="empty first card">
    <img src="/shared/brand/mark.svg" alt="" />
    <h2>Put Isotherm on your site</h2>
    <p>
      Paste this tag before <code>&lt;/head&gt;</code> on every page. Nothing else is needed: no cookies, no build step. Then open one of those pages and
      move the mouse; it appears here within a second.
    </p>
    ${tagView(overview, "tag-first", chosen)}
    <p class="aside">No site at hand? <code>isotherm demo</code> starts a shop with visitors.</p>
  </div>`;
}

function silence() {
  return html`<div class="empty card">
    <img src="/shared/brand/mark.svg" alt="" />
    <h2>It is quiet</h2>
    <p>
      Nobody has moved on any page for a whole window, so all heat has cooled. A page appears here with the first movement on it, and stays until it is
      cold again.
    </p>
  </div>`;
}

/** @param {PagesModel} model @param {PagesActions} actions */
function nothingFound({ query, overview }, actions) {
  return html`<div class="empty card">
    ${icon("search")}
    <h3>No live page has “<bdi>${query}</bdi>”</h3>
    <p>${plural(overview?.pages.length ?? 0, "page")} ${overview?.pages.length === 1 ? "is" : "are"} live. Words are looked for in path, site and address.</p>
    <button class="button" @click=${() => actions.search("")}>Show all pages</button>
  </div>`;
}
