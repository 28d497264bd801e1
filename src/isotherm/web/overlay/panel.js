// @ts-check
/**
 * The panel: what is seen, of whom, how many, how late; and all that can be chosen.
 *
 * It is built once and then only told what is new (`show`), at most once a frame of the browser. Words are set where they changed, and
 * its layout is contained, so a ticking number costs the page nothing.
 */

import { choice } from "./choice.js";
import { make, say, set } from "./dom.js";
import { movable, put } from "./drag.js";
import { help } from "./help.js";
import { icon, mark } from "./icons.js";
import { gradient, Legend } from "./legend.js";
import { lastMovement, noticeOf, statusOf } from "./status.js";
import { ZoneBox } from "./zone_box.js";
import { TimeRow } from "./time_row.js";
import { count, moments, people, rate } from "./words.js";
import { SCALES } from "../shared/heat/scales.js";

/**
 * @typedef {import("./view.js").View} View
 * @typedef {import("./view.js").Choices} Choices
 * @typedef {import("./painter.js").Style} Style
 * @typedef {import("./status.js").Moment} Moment
 *
 * @typedef {object} Shown  what the panel is told
 * @property {Moment} moment
 * @property {Style} style
 * @property {string} page
 * @property {number} hottest  the count a tile that the last colour stands for
 * @property {number} total
 * @property {string} within  of what time the total is
 * @property {number | null} most  the largest difference; null: counts are shown
 * @property {import("./lookback.js").LookBack} lookBack
 * @property {number | null} pointed  the count of the tile that is pointed at; of differences, its share now − before
 * @property {import("./legend.js").Times | null} scroll  of the look by what is in view; null: another one
 * @property {number} pausedAtMs  when the picture was stopped, ms since the epoch
 *
 * @typedef {{close: () => void, redial: () => void, hottest: (step: number) => void, lookBack: () => import("./lookback.js").LookBack,
 *   zones: ConstructorParameters<typeof ZoneBox>[0], shortcuts: import("./keys.js").Shortcut[]}} Actions
 */

const KINDS = /** @type {const} */ ([["move", "Moves"], ["click", "Clicks"], ["rage", "Rage"], ["dead", "Dead"]]);
const DEVICES = /** @type {const} */ ([["all", "All"], ["desktop", "Desktop"], ["tablet", "Tablet"], ["mobile", "Phone"]]);
const LOOKS = /** @type {const} */ ([["tiles", "Tiles"], ["smooth", "Smooth"], ["elements", "Elements"], ["scroll", "Scroll"]]);
const CURVES = /** @type {const} */ ([["linear", "Linear"], ["lifted", "Lifted"]]);
const GROUNDS = /** @type {const} */ ([["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]]);

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export class Panel {
  #view;
  #actions;
  #path = make("span", { class: "path" });
  #summary = make("span", { class: "summary" });
  #summaryText = make("span", null);
  #status = make("p", { class: "status", "data-tone": "waiting" });
  #statusText = make("span", { class: "text" });
  #aside = make("span", { class: "aside" });
  #notice = make("div", { class: "notice", hidden: true });
  #noticeTitle = make("strong", null);
  #noticeText = make("p", null);
  #noticeAct = make("button", { type: "button", class: "button" });
  #people = make("strong", null, "–");
  #peopleUnit = make("span", null, "people now");
  #rate = make("strong", null, "–");
  #movement = make("p", { class: "movement" });
  #legend = new Legend();
  #time;
  #spoken = make("p", { class: "spoken", role: "status" });
  #fold;
  #pause;
  #shown;
  #help;
  #look;
  #kind;
  #zones;
  #body;
  #opacity = make("input", { type: "range", min: 20, max: 100, step: 5, "aria-label": "Opacity of the heat, percent" });
  #opacityText = make("output", null);
  #swatches = new Map(SCALES.map(({ name }) => [name, make("span", { class: "swatch" })]));
  #details = make("details", null);
  /** @type {{set: (choices: Readonly<Choices>) => void}[]} */
  #choices = [];
  #swatchesOf = "";
  #helping = false;
  #saidPhase = "";

  /** @param {View} view @param {Actions} actions */
  constructor(view, actions) {
    this.#view = view;
    this.#actions = actions;
    const { choices } = view;

    this.#summary.append(make("i", { class: "dot" }), this.#summaryText);
    const grip = make("button", { type: "button", class: "grip", "aria-label": "Isotherm. Move the panel: arrow keys" }, mark(), make("b", null, "Isotherm"));
    this.#help = tool("keyboard", "Keyboard shortcuts", () => this.toggleHelp());
    this.#fold = tool("fold", "Fold the panel", () => view.choose({ folded: !view.choices.folded }));
    const head = make("header", { class: "head" }, grip, this.#path, this.#summary, this.#help, this.#fold, tool("close", "Close the heat map", actions.close));

    this.#status.append(make("i", { class: "dot" }), this.#statusText, this.#aside);
    this.#noticeAct.addEventListener("click", () => this.#act());
    this.#notice.append(this.#noticeTitle, this.#noticeText, this.#noticeAct);

    this.#pause = tool("pause", "Pause", () => view.choose({ paused: !view.choices.paused }), "Pause");
    this.#shown = tool("shown", "Hide the heat", () => view.choose({ shown: !view.choices.shown }));
    const hottest = tool("hottest", "Go to the next hottest tile", () => actions.hottest(1), "Hottest");

    this.#look = this.#choice("look", "Look", LOOKS);
    this.#kind = this.#choice("kind", "Kind", KINDS).element;
    this.#zones = new ZoneBox(actions.zones);
    this.#time = new TimeRow(view, actions.lookBack);
    const figures = make(
      "div",
      { class: "figures" },
      make("p", null, this.#people, this.#peopleUnit),
      make("p", null, this.#rate, make("span", null, "samples a second")),
    );
    this.#body = make(
      "div",
      { class: "body" },
      this.#notice,
      figures,
      this.#movement,
      this.#legend.element,
      this.#time.element,
      this.#kind,
      this.#choice("device", "Device", DEVICES).element,
      this.#look.element,
      this.#time.fold,
      this.#zones.element,
      this.#buildDetails(),
      make("footer", { class: "foot" }, this.#pause, hottest, this.#shown),
    );

    this.element = make("section", { class: "panel", role: "region", "aria-label": "Isotherm heat map" }, head, this.#status, this.#body, this.#spoken);
    movable({ panel: this.element, head, grip, onMove: (place) => view.choose({ place }) });
    view.onChoice((now) => this.#reflect(now));
    this.#reflect(choices);
  }

  /** @param {Shown} shown */
  show({ moment, style, page, hottest, total, within, most, lookBack, pointed, scroll, pausedAtMs }) {
    const { newest, choices, line } = moment;
    say(this.#path, readable(page));
    set(this.#path, "title", readable(page));
    const status = statusOf(moment);
    const still = choices.paused && line.phase === "live";
    set(this.#status.dataset, "tone", still ? "paused" : status.tone);
    const shown = lookBack.past && line.phase === "live" ? lookBack.span : null;
    this.#status.classList.toggle("range", Boolean(shown));
    say(this.#statusText, shown ? moments(shown) : still ? "Paused" : status.text);
    set(this.#statusText, "title", this.#statusText.textContent ?? "");
    const then = lookBack.people;
    say(this.#aside, shown ? (then === null ? "" : people(then, lookBack.peopleAreNear)) : still ? `picture of ${clock.format(pausedAtMs)}` : status.aside);
    set(this.#aside.dataset, "tone", still ? "" : status.asideTone);
    if (line.phase !== this.#saidPhase) {
      // Spoken when it changes; the seconds that tick beside it are not.
      this.#saidPhase = line.phase;
      say(this.#spoken, line.phase === "live" || line.phase === "connecting" ? "" : status.text);
    }
    say(this.#people, newest ? count(newest.people) : "–");
    say(this.#peopleUnit, newest?.people === 1 ? "person now" : "people now");
    say(this.#rate, newest ? rate(newest.rate) : "–");
    set(this.#summary.dataset, "tone", status.tone);
    say(this.#summaryText, line.phase === "live" && newest ? `${people(newest.people)} now` : status.text);
    say(this.#movement, lastMovement(moment) || "\u00a0");
    if (scroll) this.#legend.showTimes(style, scroll);
    else this.#legend.show({ style, kind: choices.kind, hottest, total, within, pointed, most });
    this.#time.show(lookBack);
    // What is in view is of no kind, and is neither replayed nor compared.
    set(this.#kind, "hidden", scroll !== null);
    if (scroll) set(this.#time.fold, "hidden", true);
    this.#zones.show(page);
    this.#paintSwatches(style);
    this.#body.classList.toggle("closed", line.phase === "refused" || line.phase === "blocked");
    this.#look.offer("elements", moment.sticks);
    this.#tell(moment);
  }

  /** Says something once to those who listen. @param {string} text */
  speak(text) {
    say(this.#spoken, text);
  }

  toggleHelp() {
    this.#helping = !this.#helping;
    this.#help.setAttribute("aria-expanded", String(this.#helping));
    this.element.querySelector(".help")?.remove();
    this.#body.hidden = this.#helping;
    if (!this.#helping) {
      this.#help.focus();
      return;
    }
    if (this.#view.choices.folded) this.#view.choose({ folded: false });
    const { shortcuts } = this.#actions;
    const list = help({
      shortcuts,
      enabled: this.#view.choices.keys,
      onEnable: (keys) => this.#view.choose({ keys }),
      onBack: () => this.toggleHelp(),
    });
    this.#body.after(list);
    list.querySelector("button")?.focus();
  }

  get helping() {
    return this.#helping;
  }

  focus() {
    this.#fold.focus();
  }

  /**
   * A choice whose name is the setting that it makes.
   * @template {"kind" | "device" | "look" | "curve" | "ground"} Name
   * @param {Name} name @param {string} title
   * @param {readonly (readonly [Choices[Name], string])[]} options
   */
  #choice(name, title, options) {
    const one = choice({ name, title, options, onPick: (value) => this.#view.choose({ [name]: value }) });
    this.#choices.push({ set: (choices) => one.set(choices[name]) });
    return one;
  }

  #buildDetails() {
    const scales = choice({
      name: "scale",
      title: "Colours",
      options: SCALES.map(({ name, title }) => /** @type {const} */ ([name, title])),
      onPick: (scale) => this.#view.choose({ scale }),
      face: (name) => /** @type {Node} */ (this.#swatches.get(name)),
    });
    this.#choices.push({ set: (choices) => scales.set(choices.scale) });
    this.#opacity.addEventListener("input", () => this.#view.choose({ opacity: Number(this.#opacity.value) }));
    this.#details.append(
      make("summary", null, make("span", null, "Colours and contrast"), icon("fold")),
      make(
        "div",
        { class: "inner" },
        scales.element,
        this.#choice("curve", "Contrast", CURVES).element,
        this.#choice("ground", "Page", GROUNDS).element,
        make("div", { class: "opacity" }, make("span", { "aria-hidden": "true" }, "Opacity"), this.#opacity, this.#opacityText),
      ),
    );
    this.#details.addEventListener("toggle", () => {
      if (this.#details.open !== this.#view.choices.details) this.#view.choose({ details: this.#details.open });
    });
    return this.#details;
  }

  /** @param {Style} style */
  #paintSwatches(style) {
    if (this.#swatchesOf === style.ground) return;
    this.#swatchesOf = style.ground;
    for (const [name, swatch] of this.#swatches) {
      swatch.style.backgroundImage = gradient({ ...style, scale: name, look: "tiles" });
      swatch.dataset.ground = style.ground;
    }
  }

  /** The settings as they are, onto the controls. @param {Readonly<Choices>} choices */
  #reflect(choices) {
    for (const control of this.#choices) control.set(choices);
    this.#opacity.value = String(choices.opacity);
    say(this.#opacityText, `${choices.opacity} %`);
    this.#details.open = choices.details;
    this.#time.reflect(choices);
    this.element.classList.toggle("folded", choices.folded);
    relabel(this.#fold, choices.folded ? "unfold" : "fold", choices.folded ? "Unfold the panel" : "Fold the panel");
    this.#fold.setAttribute("aria-expanded", String(!choices.folded));
    relabel(this.#pause, choices.paused ? "play" : "pause", choices.paused ? "Go on" : "Pause");
    relabel(this.#shown, choices.shown ? "shown" : "hidden", choices.shown ? "Hide the heat" : "Show the heat");
    put(this.element, choices.place);
  }

  /** @param {Moment} moment */
  #tell(moment) {
    const notice = noticeOf(moment);
    set(this.#notice, "hidden", notice === null);
    if (!notice) return;
    set(this.#notice.dataset, "tone", notice.tone);
    say(this.#noticeTitle, notice.title);
    say(this.#noticeText, notice.text);
    set(this.#noticeAct, "hidden", notice.action === "");
    set(this.#noticeAct.dataset, "act", notice.action);
    say(this.#noticeAct, notice.label);
  }

  #act() {
    if (this.#noticeAct.dataset.act === "all-devices") this.#view.choose({ device: "all" });
    else if (this.#noticeAct.dataset.act === "hour") this.#view.choose({ range: "hour" });
    else if (this.#noticeAct.dataset.act === "tiles") this.#view.choose({ look: "tiles" });
    else if (this.#noticeAct.dataset.act === "elements") this.#view.choose({ look: "elements" });
    else this.#actions.redial();
  }
}

/**
 * A button that is an icon, with a word beside it where there is room for one.
 * @param {string} iconName @param {string} title @param {() => void} onPress @param {string} [word]
 */
function tool(iconName, title, onPress, word) {
  const button = make("button", { type: "button", class: word ? "button" : "tool", title, "aria-label": title, "data-icon": iconName }, icon(iconName));
  if (word) button.append(make("span", null, word));
  button.addEventListener("click", onPress);
  return button;
}

/** @param {HTMLButtonElement} button @param {string} iconName @param {string} title */
function relabel(button, iconName, title) {
  if (button.title === title) return;
  button.title = title;
  button.setAttribute("aria-label", title);
  button.dataset.icon = iconName;
  button.querySelector("svg")?.replaceWith(icon(iconName));
  const word = button.querySelector("span");
  if (word) say(word, title);
}

/** A path as people write it. @param {string} path */
function readable(path) {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
