// @ts-check
/**
 * The live heat map, on the very page that it is of.
 *
 * The tracker loads this module from the host that it came from and calls `open({host, site, token, pageOf})`. What stands here strings the parts
 * together; each part is a file:
 *
 *     live (socket, counts, drawing; in a worker) ──> picture (canvas)      view (choices) <── panel, keys
 *     past (HTTP) ──> look back (ranges) ─────────┴──> tip, panel           page (size, ground, route)
 *     live ──spots──> sticking (elements, canvas)      scroll (bands, canvas): loaded when it is chosen
 *
 * - Whatever changes only marks what is stale; one animation frame brings all of it up to date. Nothing changed, or a tab out of
 *   sight: no frame.
 * - The picture follows every frame of the server, the panel's numbers once a second: nobody reads faster, and setting type costs
 *   more than drawing the heat (`scripts/measure_overlay.py`). A worker hears and draws the frames; the page's own thread is told once a
 *   second, and of each only while a tile is pointed at, or while the live heat is compared. Where there can be no worker, it does all that.
 * - Everything that it adds lies in one shadow root; every listener hangs on one AbortController. Closing takes both away.
 */

import { Heat } from "../shared/heat/heat.js";
import { cellAt, cellBox, deviceOf } from "../shared/heat/geometry.js";
import { make, set } from "./dom.js";
import { listen } from "./keys.js";
import { Live } from "./live.js";
import { LookBack } from "./lookback.js";
import { documentSize, groundOf, originOf, put, watchPage, watchRoute, zoomOf } from "./page.js";
import { Panel } from "./panel.js";
import { Past } from "./past.js";
import { Picture } from "./picture.js";
import { Sticking } from "./sticking.js";
import { shortcutsOf } from "./shortcuts.js";
import { rangeOf } from "./spans.js";
import { sheet } from "./styles.js";
import { compare, describe, describeElement, ElementTip, Tip } from "./tip.js";
import { View } from "./view.js";
import { length, moments, span } from "./words.js";
import { DrawnZones } from "./zones.js";

/**
 * @typedef {{close: () => void}} Overlay
 * @typedef {object} Subject
 * @property {string} host  Isotherm's origin (`https://heat.example`) or its host name
 * @property {string} site
 * @property {string} token
 * @property {(address: {pathname: string, search: string}) => string} [pageOf]  which page an address is, as the tracker tells it: by its path,
 *   and where a site wants it some of its query
 * @property {string} [range]  of time, to be shown: `range=hour`, `range=today`, or `from=…&to=…` in ms since the epoch; empty: as before in
 *   this tab, or the live window
 * @property {string} [rangeAtFirst]  the same, where nothing was chosen in this tab yet
 */

/** What no event tells of is looked at so often; where a worker tells of the heat, and the browser of routes, once a second is enough. */
const LOOK_MS = 500;
/** Numbers and ages tick once a second. */
const SECOND_MS = 1000;
/** How many tiles "next hottest" goes through. */
const HOTTEST_MAX = 20;
/** How grey a picture is that the line no longer keeps up, 0 … 1. */
const GREY = 0.8;
/** Where a worker tells of the heat once a second, so long is waited for it until a look does without. */
const NEWS_MS_MAX = 1300;

/** Shown while a range is awaited. */
const NOTHING = new Heat();

/** @type {Overlay | null} */
let opened = null;

/**
 * Opens the overlay on this page; one that is open already is closed.
 * @param {Subject} of
 * @returns {Overlay}
 */
export function open({ host, site, token, pageOf = ({ pathname }) => pathname, range = "", rangeAtFirst = "" }) {
  opened?.close();
  opened = start({ host: originOf(host), site, token, pageOf, range, rangeAtFirst });
  return opened;
}

/** @param {Required<Subject>} of @returns {Overlay} */
function start({ host, site, token, pageOf, range, rangeAtFirst }) {
  const ending = new AbortController();
  const { signal } = ending;
  const view = new View(innerWidth, rangeOf(range, Date.now()), rangeOf(rangeAtFirst, Date.now()));
  const picture = new Picture();
  const tip = new Tip();

  let pausedAtMs = 0;

  let page = pageOf(location);
  let size = documentSize();
  let ground = groundOf();
  let zoom = 1;
  /** @type {import("../shared/heat/difference.js").Difference | null} */
  let difference = null;

  /** @type {{x: number, y: number} | null} the pointer, in the window */
  let pointer = null;
  /** @type {number | null} a tile that was asked for by key */
  let asked = null;
  let askedPlace = -1;
  /** @type {Element | null} an element that was asked for by key */
  let askedElement = null;
  /** Whether the server tells heat by elements; not known before it has answered. */
  let sticks = false;
  /** The look by what is in view, once it was chosen. @type {import("./scroll.js").Scroll | null} */
  let scroll = null;

  let frame = 0;
  let moving = false; // an animation frame came since the last look: the next one is not far
  let newsAtMs = -Infinity;
  let staleHeat = true; // what the picture is of is another heat, or another style
  let drawnIn = { opacity: 0, grey: 0 };
  let stalePage = true;
  let staleSize = true;
  let stalePanel = true;
  let secondAtMs = -Infinity;

  const retell = () => plan({ panel: true });
  const live = new Live({ host, site, token, picture, onNews: hear, onSpots: hearSpots, onState: retell, onShade: retell, onDue: plan, onAnew: order, signal });

  const past = new Past({ host, site, token: () => live.token, signal });
  const lookBack = new LookBack({ past, signal, windowMs: () => live.newest?.windowMs ?? 0, onChange: lookedBack });

  const zones = { zones: new DrawnZones({ host, site, token: () => live.token, signal }), surroundings: () => ({ own: root, into: shadow, signal }) };
  const shortcuts = shortcutsOf({ view, panel: () => panel, sticks: () => sticks, hottest: goToHottest, close });
  const panel = new Panel(view, { close, redial: () => live.redial(), hottest: goToHottest, lookBack: () => lookBack, zones, shortcuts });

  const layer = make("div", { class: "page" }, picture.canvas, tip.frame, tip.bubble);
  const root = document.createElement("isotherm-overlay");
  const shadow = root.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [sheet()];
  const sticking = new Sticking({ own: root, under: layer, onChange: lookedBack, signal });
  const elementTip = new ElementTip();
  sticking.layer.append(elementTip.frame, elementTip.bubble);
  shadow.append(layer, panel.element);
  document.documentElement.append(root);

  listen(shortcuts, () => view.choices.keys, signal);
  watchPage(() => plan({ page: true }), signal);
  watchRoute(followRoute, signal);
  addEventListener("pointermove", point, { signal, passive: true, capture: true });
  addEventListener("pointerdown", point, { signal, passive: true, capture: true });
  document.documentElement.addEventListener("pointerleave", () => unpoint(), { signal });
  addEventListener("scroll", () => pointer && plan({ panel: true }), { signal, passive: true });
  document.addEventListener("visibilitychange", seen, { signal });
  addEventListener("pagehide", ({ persisted }) => persisted && live.leave(), { signal });
  addEventListener("pageshow", ({ persisted }) => persisted && seen(), { signal });
  let ticking = setTimeout(tick, LOOK_MS);

  view.onChoice((choices, changed) => {
    if ("paused" in changed) pause(choices.paused);
    if ("look" in changed) chosen();
    if ("kind" in changed || "device" in changed) watch();
    else if ("range" in changed || "span" in changed || "against" in changed || "compare" in changed || "reel" in changed) look();
    if ("look" in changed || "scale" in changed || "ground" in changed || "curve" in changed || "shown" in changed) staleHeat = true;
    plan({ panel: true });
  });
  order();

  return { close };

  /** Orders all that is chosen: to begin with, and where what has been ordered is not known any more. */
  function order() {
    chosen();
    watch();
    if (document.hidden) live.seen(false);
  }

  /** Draws the line to the page and layer that are chosen; what was known of another is forgotten. */
  function watch() {
    const { kind, device } = view.choices;
    sticking.forget();
    ask(null);
    askedPlace = -1;
    staleHeat = true;
    if (view.choices.paused) view.choose({ paused: false });
    live.watch({ page, kind, device });
    look();
  }

  /** Sees to what a look needs. */
  function chosen() {
    const { look } = view.choices;
    live.wantSpots(look === "elements");
    if (look === "scroll") view.choose({ compare: false, reel: false }); // of what is in view there is neither
    if (look !== "scroll" || scroll) return;
    import("./scroll.js").then(({ Scroll }) => {
      if (scroll || signal.aborted) return;
      scroll = new Scroll({ host, site, token: () => live.token, signal, onChange: () => plan({ panel: true }) });
      layer.append(scroll.element);
      plan({ panel: true });
    }, () => view.choose({ look: "tiles" }));
  }

  /** Asks for the range that is chosen. */
  function look() {
    const { kind, device } = view.choices;
    lookBack.choose({ page, kind, device }, view.choices);
    lookedBack();
  }

  /** The heat that is to be shown may be another one. */
  function lookedBack() {
    staleHeat = true;
    plan({ panel: true });
  }

  /** What is shown: what is looked back at, or the live heat. */
  function shownHeat() {
    if (lookBack.heat) return lookBack.heat;
    return lookBack.past ? NOTHING : live.heat;
  }

  /** Whether heat is drawn at its elements: of the live window alone, and where the server tells it. */
  function byElements() {
    return view.choices.look === "elements" && sticks && !lookBack.past && !view.choices.compare;
  }

  /** @param {any} told  spots; false: none are asked for; null: there are none to be had */
  function hearSpots(told) {
    const had = sticks;
    sticks = told !== null;
    if (told) sticking.hear(told);
    if (sticks !== had) lookedBack();
  }

  /** @param {boolean} changed  whether the live heat is another one than it was told last */
  function hear(changed) {
    newsAtMs = performance.now();
    if (changed && view.choices.compare) staleHeat = true;
    if (!live.apart) {
      if (changed && !lookBack.past) plan();
      return;
    }
    // It comes alone, and mostly once a second: no need to wait for a frame of the browser, which there is only if a word is another one.
    if (!live.follows) stalePanel = staleSize = true;
    if (!document.hidden) update();
  }

  /** @param {boolean} paused */
  function pause(paused) {
    live.pause(paused);
    sticking.pause(paused);
    pausedAtMs = paused ? Date.now() : 0;
  }

  function followRoute() {
    if (pageOf(location) === page) return;
    page = pageOf(location);
    stalePage = true;
    watch();
  }

  /** Back in sight, all is brought up to date at once. */
  function seen() {
    live.seen(!document.hidden);
    moving = false;
    clearTimeout(ticking);
    tick();
  }

  /** What no event tells of: a route changed without one, a page that grew behind a clip, time that went by. */
  function tick() {
    ticking = setTimeout(tick, live.apart && !sticking.shown && "navigation" in window ? SECOND_MS : LOOK_MS);
    if (document.hidden) return;
    if (!root.isConnected) document.documentElement.append(root);
    followRoute();
    staleSize = true;
    sticking.tick();
    const nowMs = performance.now();
    if (nowMs - secondAtMs > SECOND_MS - LOOK_MS / 2) {
      secondAtMs = nowMs;
      stalePanel = true;
      lookBack.tick(pointer !== null || asked !== null);
    }
    // Where heat comes, with it: half a frame of the browser is spared. Else at once: where no word is another one, it has nothing to do.
    if (live.apart ? nowMs - newsAtMs > NEWS_MS_MAX : !moving) update();
    moving = false;
  }

  /** @param {PointerEvent} event */
  function point(event) {
    ask(null);
    if (event.target === root) {
      unpoint();
      return;
    }
    pointer = { x: event.clientX, y: event.clientY };
    plan({ panel: true });
  }

  function unpoint() {
    pointer = null;
    plan({ panel: true });
  }

  /** What is asked for by key, a tile or an element. @param {number | Element | null} place */
  function ask(place) {
    asked = typeof place === "number" ? place : null;
    askedElement = place instanceof Element ? place : null;
    if (scroll) scroll.asked = null;
    if (place !== null) pointer = null;
  }

  /** @param {number} step 1: the next; -1: the one before */
  function goToHottest(step) {
    if (view.choices.look === "scroll") {
      pointer = null;
      panel.speak(scroll?.goTo(step) ?? "");
      plan({ panel: true });
      return;
    }
    const shown = shownHeat();
    const places = byElements() ? sticking.hottestElements().slice(0, HOTTEST_MAX) : shown.hottestCells(HOTTEST_MAX);
    if (places.length === 0) {
      panel.speak(byElements() ? "No element is warm" : "No tile is warm");
      return;
    }
    askedPlace = (Math.min(askedPlace, places.length) + step + (askedPlace < 0 && step < 0 ? 1 : 0) + places.length) % places.length;
    ask(places[askedPlace]);
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    if (askedElement) {
      askedElement.scrollIntoView({ block: "center", inline: "center", behavior });
      const about = sticking.about(askedElement);
      if (about) panel.speak(describeElement(about, view.choices.kind).spoken);
      plan({ panel: true });
      return;
    }
    if (asked === null) return;
    const box = cellBox(asked, size, shown.grid);
    scrollTo({ left: box.left + box.width / 2 - innerWidth / 2, top: box.top + box.height / 2 - innerHeight / 2, behavior });
    const before = difference ? lookBack.before : null;
    const { figure, detail } = before
      ? compare(asked, shown, before.heat, view.choices.kind)
      : describe(asked, shown, view.choices.kind, lookBack.peopleOn(asked), lookBack.peopleAreNear);
    panel.speak(`${figure}, ${detail}`);
    plan({ panel: true });
  }

  /** Brings everything up to date at the next frame of the browser. @param {{page?: boolean, panel?: boolean}} [stale] */
  function plan(stale = {}) {
    if (stale.page) stalePage = true;
    if (stale.panel) stalePanel = true;
    // Out of sight nothing is brought up to date; back in sight, all at once (`tick`).
    if (frame || signal.aborted || document.hidden) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      moving = true;
      update();
    });
  }

  function update() {
    const { choices } = view;
    fit();
    const elements = byElements();
    const scrolls = choices.look === "scroll";
    const look = elements || choices.look !== "elements" ? choices.look : "tiles";
    sticking.show(elements && choices.shown);
    const style = { look, scale: choices.scale, curve: choices.curve, ground: choices.ground === "auto" ? ground : choices.ground };
    const shown = shownHeat();
    const hidden = !choices.shown || elements || scrolls;
    const stale = live.state.phase === "lost" || live.state.phase === "refused";
    const tone = { opacity: choices.opacity / 100, grey: stale ? GREY : 0 };
    if (tone.opacity !== drawnIn.opacity || tone.grey !== drawnIn.grey) staleHeat = true;
    drawnIn = tone;
    if (staleHeat) {
      staleHeat = false;
      difference = scrolls ? null : lookBack.difference(shown);
      picture.smooth(look === "smooth" && !difference);
      if (elements && choices.shown) sticking.draw(style);
      const heat = lookBack.past ? shown : undefined;
      live.picture(hidden ? null : { style, tone, tallness: size.height / size.width, heat, difference });
    }
    live.paint();
    set(picture.canvas, "hidden", hidden);
    set(sticking.canvas.style, "opacity", String(tone.opacity));
    sticking.canvas.classList.toggle("stale", stale);
    scroll?.show(scrolls && choices.shown ? { page, choices, size, style, stale, at: pointer && pointer.y + scrollY } : null);
    elementTip.show(elements && choices.shown ? sticking.pointed(askedElement, pointer) : null, choices.kind);
    const pointed = choices.shown && !elements && !scrolls ? pointedCell() : null;
    const before = difference ? (lookBack.before?.heat ?? null) : null;
    const people = pointed === null ? undefined : lookBack.peopleOn(pointed);
    tip.show(pointed, shown, size, choices.kind, { before, people, near: lookBack.peopleAreNear });
    live.follow(!lookBack.past && ((!hidden && (pointer ?? asked) !== null) || choices.compare));
    if (!stalePanel) return;
    stalePanel = false;
    panel.show({
      moment: {
        line: live.state,
        choices,
        newest: live.newest,
        lagMs: live.lagMs,
        warm: shown.warm,
        warmElements: elements ? sticking.warm : null,
        sticks,
        scroll: scrolls ? (scroll?.notice ?? null) : undefined,
        past: lookBack.available,
        back: lookBack.past,
        alone: choices.compare && lookBack.before?.heat.total === 0,
        waits: lookBack.waits,
        failed: lookBack.failed,
        host,
        ownDevice: deviceOf(innerWidth),
        nowMs: performance.now(),
      },
      style,
      page,
      hottest: elements ? sticking.hottest : live.shade,
      total: elements ? sticking.total : shown.total,
      within: within(),
      most: difference ? difference.most : null,
      lookBack,
      pointed: tip.cell === null ? null : difference ? difference.values[tip.cell] : shown.counts[tip.cell],
      scroll: scrolls ? (scroll?.figures ?? { longest: 0, people: 0, within: "", pointed: null }) : null,
      pausedAtMs,
    });
  }

  /** Of what time the picture is, in words. */
  function within() {
    if (difference && lookBack.before) return `against ${moments({ fromMs: lookBack.before.startMs, toMs: lookBack.before.endMs })}`;
    const of = lookBack.span;
    if (of) return length(of.toMs - of.fromMs);
    return live.newest ? span(live.newest.windowMs) : "";
  }

  /** The canvas over the document, as large as that is now. A frame of heat alone asks nothing of the page's layout. */
  function fit() {
    if (!stalePage && !staleSize) return;
    staleSize = false;
    unzoom();
    const { width, height } = documentSize();
    const grown = width !== size.width || height !== size.height;
    if (stalePage) {
      const seen = groundOf();
      if (seen !== ground) staleHeat = true;
      ground = seen;
    }
    if (grown && view.choices.look === "smooth") staleHeat = true;
    if (stalePage || grown) {
      size = { width, height };
      picture.fit(size);
      put(layer, -scrollX, -scrollY);
    }
    stalePage = false;
  }

  /** A page may enlarge all that its root holds; the picture is measured in the window's own pixels. */
  function unzoom() {
    if (zoomOf() === zoom) return;
    zoom = zoomOf();
    for (const { style } of [layer, sticking.layer, panel.element]) style.zoom = String(1 / zoom);
  }

  /** @returns {number | null} */
  function pointedCell() {
    const { known, grid } = shownHeat();
    if (!known) return null;
    if (asked !== null) return asked;
    return pointer && cellAt(pointer.x + scrollX, pointer.y + scrollY, size, grid);
  }

  function close() {
    ending.abort();
    clearTimeout(ticking);
    cancelAnimationFrame(frame);
    view.forget();
    root.remove();
    opened = null;
  }
}
