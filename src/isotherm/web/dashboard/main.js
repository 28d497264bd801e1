// @ts-check
/**
 * The dashboard: one socket in, one model, a few views out.
 *
 * Once a second the server says everything; the model is what was said last, what this page remembers of before (trails, order,
 * pictures), and what the reader has chosen (search, layout). Each change renders all views anew; lit-html touches only what differs.
 * A list item off the screen is not drawn: its picture is not asked for, and CSS skips its layout (`content-visibility`).
 */
import { watchCopyButtons } from "../shared/copy_button.js";
import { span } from "../shared/format.js";
import { icon } from "../shared/icon.js";
import { LiveSocket } from "../shared/live_socket.js";
import { themeSwitch } from "../shared/theme_switch.js";
import { toast } from "../shared/toast.js";
import { html, nothing, render } from "../shared/vendor/lit-html/lit-html.js";
import { addressView } from "./address_view.js";
import { originOf } from "./address.js";
import { glide } from "./glide.js";
import { healthBadge, healthCard } from "./health_view.js";
import { healthOf } from "./health.js";
import { Hold } from "./hold.js";
import { nowView } from "./now_view.js";
import { Order } from "./order.js";
import { OverlayBlocked, OverlayOpener } from "./overlay_opener.js";
import { keyOf, PICTURES_MAX, search } from "./overview.js";
import { pagesView } from "./pages_view.js";
import { PAST_MAX, PastPages } from "./past_pages.js";
import { queryOf, rangeOf } from "./ranges.js";
import { searchKeys } from "./search_field.js";
import { Seen } from "./seen.js";
import { addressOf, rememberAddress } from "./site_addresses.js";
import { refusalViews, tagView } from "./tag_view.js";
import { Trails } from "./trails.js";

/** @typedef {import("./overview.js").Page} Page */
/** @typedef {import("./overview.js").Overview} Overview */

/** So many pages at first, and so many more each time. */
const SHOWN_FIRST = 60;
/** The key of the whole site's trail: no page is called so, since every page's key has a slash. */
const ALL = "all";

const parts = {
  badge: part("health"),
  card: part("health-card"),
  now: part("now"),
  notices: part("notices"),
  pages: part("pages"),
  foot: part("foot"),
  tagDialog: /** @type {HTMLDialogElement} */ (part("tag-dialog")),
  addressDialog: /** @type {HTMLDialogElement} */ (part("address-dialog")),
};

const model = {
  /** @type {Overview | null} */
  overview: null,
  heardMs: 0,
  /** @type {import("../shared/live_socket.js").SocketState} */
  link: "connecting",
  query: "",
  /** @type {"cards" | "rows"} */
  layout: remembered() === "rows" ? "rows" : "cards",
  shown: SHOWN_FIRST,
  range: rangeOf(new URLSearchParams(location.search)),
  /** Loaded when a range is chosen. @type {typeof import("./past_view.js").pastView | null} */
  pastView: null,
  /** @type {{value: number, agoS: number} | null} */
  pointed: null,
  /** @type {{page: Page, wrong: boolean} | null} */
  asking: null,
  /** @type {Map<string, import("../shared/heat_picture.js").Picture>} */
  pictures: new Map(),
};

/** @type {import("./tag_view.js").Chosen} */
const tag = {
  site: "default",
  choose(site) {
    tag.site = site;
    show();
  },
};
const order = new Order();
const trails = new Trails();
const opener = new OverlayOpener();
const hold = new Hold(parts.pages, "#list", show);
const seen = new Seen(askForPictures);
const past = new PastPages(show);
let asked = "";

/** @param {Overview} overview */
function hear(overview) {
  model.overview = overview;
  model.heardMs = performance.now();
  /** @type {[string, number][]} */
  const rates = overview.pages.map((page) => [keyOf(page), page.samples_per_second]);
  trails.record(overview.at, [...rates, [ALL, overview.pipeline.samples_per_second]]);
  const before = order.keys.join("\n");
  order.update(rates.map(([key, rate]) => ({ key, rate })), overview.at, hold.held);
  rememberPictures(overview);
  if (order.keys.join("\n") === before) show();
  else glide(items(), show);
}

/** Pictures come only for what is on the screen; what has scrolled out keeps its last one as long as its page lives. */
function rememberPictures(/** @type {Overview} */ { pages, pictures }) {
  const live = new Set(pages.map(keyOf));
  for (const key of model.pictures.keys()) if (!live.has(key)) model.pictures.delete(key);
  for (const [key, picture] of Object.entries(pictures)) model.pictures.set(key, picture);
}

function show() {
  const { overview } = model;
  const health = healthOf(model.link, overview?.pipeline ?? null, performance.now() - model.heardMs);
  parts.badge.className = `badge ${health.tone}`;
  document.body.classList.toggle("stale", overview !== null && model.link !== "open");
  render(healthBadge(health, overview?.pipeline.lag_ms ?? null), parts.badge);
  render(healthCard(health, overview), parts.card);
  render(nowView(overview, trails.of(ALL), model.pointed, pointAt), parts.now);
  render(overview && overview.first_event_ms !== null ? refusalViews(overview) : nothing, parts.notices);
  render(pagesView(pagesModel(), actions), parts.pages);
  render(overview ? footView(overview) : nothing, parts.foot);
  if (parts.tagDialog.open) render(tagDialogView(), parts.tagDialog);
  seen.watch(items());
}

/** @returns {import("./pages_view.js").PagesModel} */
function pagesModel() {
  const { overview, query, layout, shown, range } = model;
  const byKey = new Map(overview?.pages.map((page) => [keyOf(page), page]));
  const inOrder = order.keys.flatMap((key) => byKey.get(key) ?? []);
  return {
    overview,
    pages: search(inOrder, query),
    query,
    layout,
    shown,
    held: hold.held,
    picture: (key) => model.pictures.get(key),
    trail: (key) => trails.of(key),
    tag,
    range,
    past,
    pastView: model.pastView,
    nowMs: Date.now(),
  };
}

/** @type {import("./pages_view.js").PagesActions} */
const actions = {
  search(query) {
    model.query = query;
    model.shown = SHOWN_FIRST;
    askForPast();
    show();
  },
  span(range) {
    model.range = range;
    model.shown = SHOWN_FIRST;
    const query = new URLSearchParams(queryOf(range)).toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    askForPast();
    show();
  },
  openPast({ site, path }) {
    const live = model.overview?.pages.find((page) => page.site === site && page.path === path);
    // Where nobody is now, nobody says where the page stands.
    actions.open(live ?? { site, path, origin: null, origin_confirmed: false, visitors: 0, samples_per_second: 0, samples: 0, quiet_ms: null });
  },
  lay(layout) {
    model.layout = layout;
    remember(layout);
    show();
  },
  more() {
    model.shown = model.range.name === "live" ? model.shown + SHOWN_FIRST : Math.min(PAST_MAX, model.shown + SHOWN_FIRST);
    askForPast();
    show();
  },
  open(page) {
    // An origin that only a sender named is asked about first: the page there is handed a key to this site's heat.
    const origin = confirmedOrigin(page) ?? addressOf(page.site) ?? neighbourOrigin(page.site);
    if (origin) void openOverlay(page, origin);
    else ask(page);
  },
};

/** @param {Page} page */
function confirmedOrigin(page) {
  return page.origin_confirmed ? originOf(page.origin) : null;
}

/** Where another page of the site was seen. @param {string} site */
function neighbourOrigin(site) {
  return model.overview?.pages.map((page) => (page.site === site ? confirmedOrigin(page) : null)).find((origin) => origin !== null) ?? null;
}

/** @param {Page} page @param {string} origin */
async function openOverlay(page, origin) {
  try {
    await opener.open({ site: page.site, path: page.path, origin, range: new URLSearchParams(queryOf(model.range)).toString() });
  } catch (error) {
    if (error instanceof OverlayBlocked) toast("Your browser keeps new tabs shut. Allow pop-ups for this page, then try again.");
    else toast(`The overlay could not be opened: ${error instanceof Error ? error.message : error}.`);
    return;
  }
  if (origin !== originOf(page.origin)) toast(`Opened on ${origin}.`, { label: "Change address", run: () => ask(page) });
}

/** @param {Page} page */
function ask(page) {
  model.asking = { page, wrong: false };
  showAddressDialog();
  parts.addressDialog.showModal();
}

function showAddressDialog() {
  if (!model.asking) return;
  const { page, wrong } = model.asking;
  const close = () => parts.addressDialog.close();
  /** @param {string} typed */
  const answer = (typed) => {
    const origin = originOf(typed);
    if (origin) {
      rememberAddress(page.site, origin);
      close();
      void openOverlay(page, origin);
    } else {
      model.asking = { page, wrong: true };
      showAddressDialog();
    }
  };
  render(addressView({ site: page.site, path: page.path, claimed: originOf(page.origin), wrong }, { answer, close }), parts.addressDialog);
}

function tagDialogView() {
  return html`<div class="dialog-body">
    <div class="dialog-head">
      <h2 id="tag-title">Add a site</h2>
      <button class="button bare square" aria-label="Close" @click=${() => parts.tagDialog.close()}>${icon("x")}</button>
    </div>
    <p>Paste this tag before <code>&lt;/head&gt;</code> on every page. It sets no cookies, reads no texts, and keeps to Do Not Track.</p>
    ${tagView(model.overview, "tag-again", tag)}
  </div>`;
}

/** @param {Overview} overview */
function footView({ pipeline }) {
  return html`Heat of the last ${span(pipeline.window_ms)}, anew every ${span(pipeline.hop_ms)}, on ${pipeline.grid_size} × ${pipeline.grid_size} tiles`;
}

/** @param {CustomEvent} event */
function pointAt(event) {
  model.pointed = event.detail;
  show();
}

/** The pages of the range, where it is not the live one. */
function askForPast() {
  if (model.range.name === "live") return;
  past.want({ range: model.range, query: model.query, most: model.shown });
  if (model.pastView) return;
  void import("./past_view.js").then(({ pastView }) => {
    model.pastView = pastView;
    show();
  });
}

/** Asks for the live pictures on the screen, when they are others than before. */
function askForPictures() {
  const keys = items()
    .filter((item) => model.range.name === "live" && seen.has(item))
    .map((item) => item.dataset.key ?? "")
    .slice(0, PICTURES_MAX);
  const now = [...keys].sort().join("\n");
  if (now === asked || model.link !== "open") return;
  asked = now;
  socket.send({ pictures: keys });
}

/** @returns {HTMLElement[]} */
function items() {
  return [...parts.pages.querySelectorAll(".page[data-key]")].filter((item) => item instanceof HTMLElement);
}

/** @param {string} id */
function part(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

function remembered() {
  try {
    return localStorage.getItem("isotherm.layout");
  } catch {
    return null;
  }
}

/** @param {string} layout */
function remember(layout) {
  try {
    localStorage.setItem("isotherm.layout", layout);
  } catch {
    // Storage is closed to this page: the choice lasts as long as the page.
  }
}

searchKeys((query) => actions.search(query));

// lit-html renders behind what is there already.
parts.badge.replaceChildren();
part("add-site").addEventListener("click", () => {
  render(tagDialogView(), parts.tagDialog);
  parts.tagDialog.showModal();
  // The tag is what they came for; the cross would be focused else.
  /** @type {HTMLElement | null} */ (parts.tagDialog.querySelector("button[data-copy]"))?.focus();
});
parts.card.addEventListener("toggle", show);
/** @type {LiveSocket<Overview>} */
const socket = new LiveSocket("/api/overview", {
  onMessage: hear,
  onState: (state) => {
    model.link = state;
    asked = "";
    askForPictures();
    show();
  },
});
// What is not said is noticed too: a server that falls silent.
setInterval(() => {
  if (model.range.name !== "live") void past.tend();
  show();
}, 1000);
askForPast();
themeSwitch(part("theme"));
watchCopyButtons();
show();
