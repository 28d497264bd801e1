// @ts-check
/** The pages of a range of the past, as cards or rows: those with most movement first. */
import "../shared/heat_picture.js";
import { icon } from "../shared/icon.js";
import { count, plural } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { repeat } from "../shared/vendor/lit-html/directives/repeat.js";
import { PAST_MAX } from "./past_pages.js";
import { queryOf } from "./ranges.js";

/** @typedef {import("./past_pages.js").PastPage} PastPage */
/** @typedef {import("./ranges.js").Range} Range */
/**
 * @typedef {object} PastModel
 * @property {import("./past_pages.js").PastPages} past
 * @property {Range} range
 * @property {"cards" | "rows"} layout
 * @property {string} query
 * @property {number} shown  how many are asked for
 */
/** @typedef {{search: (query: string) => void, more: () => void, open: (page: {site: string, path: string}) => void}} PastActions */

/** @param {PastModel} model @param {PastActions} actions */
export function pastView(model, actions) {
  const { past, query } = model;
  const { answer, refusal } = past;
  if (refusal) return said("circle-alert", "No past here", refusal);
  if (!answer) return ghosts();
  if (answer.pages.length === 0) {
    if (!query) return said("inbox", "Nobody was here in that time", "No page had a visitor then, as far as it is kept. Choose a longer range, or the live one.");
    return html`<div class="empty card">
      ${icon("search")}
      <h3>No page of that time has “<bdi>${query}</bdi>”</h3>
      <p>Words are looked for in path and site.</p>
      <button class="button" @click=${() => actions.search("")}>Show all pages</button>
    </div>`;
  }
  return html`${model.layout === "cards" ? cards(answer.pages, model, actions) : rows(answer.pages, model, actions)} ${more(answer.known, model, actions)}`;
}

/** @param {number} known @param {PastModel} model @param {PastActions} actions */
function more(known, { shown }, actions) {
  if (known <= shown) return nothing;
  if (shown < PAST_MAX) return html`<p class="more"><button class="button" @click=${actions.more}>Show more of ${count(known)} pages</button></p>`;
  return html`<p class="more">The ${PAST_MAX} pages with most movement of ${count(known)}. Search for others.</p>`;
}

/** @param {PastPage} page */
function keyOf(page) {
  return page.site + page.path;
}

/** @param {PastPage[]} pages @param {PastModel} model @param {PastActions} actions */
function cards(pages, { range }, actions) {
  return html`<ul class="cards" id="list">
    ${repeat(
      pages,
      keyOf,
      (page) => html`
        <li class="page" data-key=${keyOf(page)}>
          <div class="plate"><iso-picture .picture=${page.picture}></iso-picture>${links(page, range, actions)}</div>
          <div class="caption">
            <div>
              <h3 title=${page.path}>${page.path}</h3>
              <p class="visitors then" title="People in that time">${icon("users")} <b>${people(page)}</b><span class="unseen"> people in that time</span></p>
            </div>
            <div>
              <p class="where">${page.site}</p>
              <p class="quiet">${plural(page.samples, "move or click", "moves and clicks")}</p>
            </div>
          </div>
        </li>
      `,
    )}
  </ul>`;
}

/** @param {PastPage[]} pages @param {PastModel} model @param {PastActions} actions */
function rows(pages, { range }, actions) {
  return html`<div class="rows card">
    <table class="table">
      <caption class="unseen">Pages of that time, those with most movement first</caption>
      <thead>
        <tr>
          <th scope="col"><span class="unseen">Picture</span></th>
          <th scope="col">Page</th>
          <th scope="col" class="number">People</th>
          <th scope="col" class="number wide">Moves and clicks</th>
          <th scope="col"><span class="unseen">Overlay</span></th>
        </tr>
      </thead>
      <tbody id="list">
        ${repeat(
          pages,
          keyOf,
          (page) => html`
            <tr class="page" data-key=${keyOf(page)}>
              <td><iso-picture .picture=${page.picture}></iso-picture></td>
              <th scope="row" class="name" title=${page.path}><bdi>${page.path}</bdi> <span><bdi>${page.site === "default" ? "" : page.site}</bdi></span></th>
              <td class="number">${people(page)}</td>
              <td class="number wide">${count(page.samples)}</td>
              <td class="number">${links(page, range, actions)}</td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Too few to be told are no number. @param {PastPage} page */
function people({ people }) {
  return people === null ? html`<span title="Too few to be shown">few</span>` : count(people);
}

/** @param {PastPage} page @param {Range} range @param {PastActions} actions */
function links(page, range, actions) {
  const { site, path } = page;
  return html`<a class="open zones" href="/zones?${new URLSearchParams({ page: path, site, ...queryOf(range) })}" aria-label="Zones of ${path}">
      <span>Zones</span>${icon("list")}
    </a>
    <button class="open" aria-label="Open overlay on ${path}" @click=${() => actions.open({ site, path })}>
      <span>Open overlay</span>${icon("arrow-up-right")}
    </button>`;
}

function ghosts() {
  return html`<ul class="cards" aria-hidden="true">
    ${Array.from({ length: 5 }, () => html`<li class="page ghost"><div class="plate"></div><div class="caption"></div></li>`)}
  </ul>`;
}

/** @param {string} symbol @param {string} head @param {string} words */
function said(symbol, head, words) {
  return html`<div class="empty card">${icon(symbol)}<h3>${head}</h3><p>${words ?? nothing}</p></div>`;
}
