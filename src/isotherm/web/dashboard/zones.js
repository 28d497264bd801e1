// @ts-check
/**
 * The zones page: one page's parts, live, those with most attention first.
 *
 * The overview's socket ticks once a second: it says which pages live and how the server is; with each tick the chosen page's zones are
 * asked for, those of a range of the past more seldom; once a minute what is usual at this hour. The address holds the page (`?page=/p/1&site=default`), so that it can be sent to somebody. Without one it is the hottest.
 */
import { LiveSocket } from "../shared/live_socket.js";
import { themeSwitch } from "../shared/theme_switch.js";
import { html, render } from "../shared/vendor/lit-html/lit-html.js";
import { glide } from "./glide.js";
import { healthOf } from "./health.js";
import { Hold } from "./hold.js";
import { queryOf, rangeOf, spanOf } from "./ranges.js";
import { searchKeys } from "./search_field.js";
import { besideThePage, inOrder } from "./zone_words.js";
import { keyOf, zonesView } from "./zones_view.js";

/** @typedef {import("./zone_words.js").Column} Column */
/** @typedef {import("./zones_view.js").Place} Place */

/** A range of the past is asked for so often: it grows at its end. */
const PAST_EVERY_MS = 10_000;
const USUAL_EVERY_MS = 60_000;

const parts = { link: part("link"), trouble: part("trouble"), league: part("league") };

const model = {
  place: placeOf(location.search),
  /** @type {Place[]} */
  pages: [],
  /** @type {import("./zones_view.js").League | null} */
  league: null,
  query: "",
  /** @type {Column} */
  column: "share",
  refusal: "",
  range: rangeOf(new URLSearchParams(location.search)),
  /** What is usual at this hour, by zone. @type {Map<string, import("./zone_words.js").Usual>} */
  usual: new Map(),
  /** @type {import("./health.js").Pipeline | null} */
  pipeline: null,
  fresh: false,
  heardMs: 0,
  /** @type {import("../shared/live_socket.js").SocketState} */
  link: "connecting",
};

const hold = new Hold(parts.league, "#list", settle);
/** The zones' names as they stand in the table. @type {string[]} */
let order = [];
let asking = false;
let askedMs = -Infinity;
let usualMs = -Infinity;

/** @param {string} search @returns {Place | null} */
function placeOf(search) {
  const query = new URLSearchParams(search);
  const path = query.get("page");
  return path ? { path, site: query.get("site") || "default" } : null;
}

/** @param {import("./overview.js").Overview} overview */
function hear({ pages, pipeline, first_event_ms }) {
  model.pipeline = pipeline;
  model.fresh = first_event_ms === null;
  model.heardMs = performance.now();
  model.place ??= pages.length > 0 ? { site: pages[0].site, path: pages[0].path } : null;
  // Options that change under an open list close it.
  if (document.activeElement?.id !== "page") model.pages = choices(pages);
  void ask();
  void askForUsual();
}

/** The live pages and the chosen one, by name. @param {Place[]} pages @returns {Place[]} */
function choices(pages) {
  const all = pages.map(({ site, path }) => ({ site, path }));
  const { place } = model;
  if (place && !all.some((page) => keyOf(page) === keyOf(place))) all.push(place);
  return all.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

async function ask() {
  const { place } = model;
  const { range } = model;
  const past = spanOf(range, Date.now());
  if (asking || document.hidden || place === null || (past && performance.now() - askedMs < PAST_EVERY_MS)) return show();
  asking = true;
  askedMs = performance.now();
  try {
    const answer = await fetch(`/api/zones?${new URLSearchParams({ page: place.path, site: place.site, ...past })}`);
    if (answer.status === 401) return location.reload();
    const said = await answer.json();
    if (model.place !== place || model.range !== range) return;
    model.refusal = answer.ok ? "" : said.error;
    if (answer.ok) take(said);
    else show();
  } catch {
    // The badge tells of a lost connection; the figures stay as they were.
    show();
  } finally {
    asking = false;
    // The choice may have changed meanwhile: its own answer is due.
    if (askedMs === -Infinity) void ask();
  }
}

async function askForUsual() {
  const { place } = model;
  if (document.hidden || place === null || performance.now() - usualMs < USUAL_EVERY_MS) return;
  usualMs = performance.now();
  try {
    const answer = await fetch(`/api/zones/usual?${new URLSearchParams({ page: place.path, site: place.site })}`);
    const { zones } = answer.ok ? await answer.json() : { zones: null };
    if (model.place === place) model.usual = new Map((zones ?? []).map((/** @type {import("./zone_words.js").Usual} */ one) => [one.zone, one]));
  } catch {
    // It is asked for again in a minute.
  }
  show();
}

/** The address says what is shown. */
function writeAddress() {
  const { place, range } = model;
  if (place === null) return;
  history.replaceState(null, "", `?${new URLSearchParams({ page: place.path, ...(place.site === "default" ? {} : { site: place.site }), ...queryOf(range) })}`);
}

/** @param {import("./zones_view.js").League} league */
function take(league) {
  model.league = { ...league, zones: besideThePage(league.zones) };
  settle();
}

/** Shows everything, the rows by the figures that stand in them: as soon as figures come, and as soon as nobody points at the table any more. */
function settle() {
  const before = order.join("\n");
  if (model.league) order = inOrder(order, model.league.zones, model.column, hold.held);
  if (order.join("\n") === before) show();
  else glide(parts.league.querySelectorAll(".zone"), show);
}

function show() {
  const health = healthOf(model.link, model.pipeline, performance.now() - model.heardMs);
  parts.link.className = `badge ${health.tone}`;
  render(html`<span class="dot ${health.tone === "" ? "waiting" : ""}"></span><span>${health.word}</span>`, parts.link);
  parts.trouble.hidden = health.tone !== "bad";
  parts.trouble.textContent = parts.trouble.hidden ? "" : health.why;
  document.body.classList.toggle("stale", model.league !== null && model.link !== "open");
  const byName = new Map(model.league?.zones.map((zone) => [zone.zone, zone]));
  const words = model.query.toLowerCase().split(/\s+/).filter(Boolean);
  const zones = order.flatMap((key) => byName.get(key) ?? []).filter(({ zone }) => words.every((word) => zone.toLowerCase().includes(word)));
  const windowMs = model.pipeline?.window_ms ?? 300_000;
  render(zonesView({ ...model, zones, heard: model.pipeline !== null, held: hold.held, windowMs, nowMs: Date.now() }, actions), parts.league);
}

/** Shows what was chosen from its beginning. */
function begin() {
  writeAddress();
  order = [];
  askedMs = -Infinity;
  show();
  void ask();
}

/** @type {import("./zones_view.js").ZonesActions} */
const actions = {
  choose(place) {
    Object.assign(model, { place, league: null, refusal: "", query: "", usual: new Map() });
    usualMs = -Infinity;
    begin();
    void askForUsual();
  },
  span(range) {
    Object.assign(model, { range, league: null, refusal: "" });
    begin();
  },
  search(query) {
    model.query = query;
    show();
  },
  sort(column) {
    model.column = column;
    order = [];
    settle();
  },
};

/** @param {string} id */
function part(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`zones.html has no #${id}`);
  return element;
}

searchKeys((query) => actions.search(query));

themeSwitch(part("theme"));
/** @type {LiveSocket<import("./overview.js").Overview>} */
new LiveSocket("/api/overview", {
  onMessage: hear,
  onState: (state) => {
    model.link = state;
    show();
  },
});
// What is not said is noticed too: a server that falls silent.
setInterval(settle, 1000);
show();
