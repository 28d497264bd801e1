// @ts-check
/** The panel's part on time: which range, and, unfolded, a slider to go back in it, play, and what it is held against. */

import { choice } from "./choice.js";
import { make, say, set } from "./dom.js";
import { icon } from "./icons.js";
import { lastDay, localText, spanBefore } from "./spans.js";
import { moments, span } from "./words.js";

/**
 * @typedef {import("./view.js").View} View
 * @typedef {import("./view.js").Choices} Choices
 * @typedef {import("./lookback.js").LookBack} LookBack
 */

const RANGES = /** @type {const} */ ([["live", "Live"], ["hour", "1 h"], ["today", "Today"], ["any", "Any"]]);
const COMPARE = /** @type {const} */ ([["no", "Heat"], ["yes", "Difference"]]);

export class TimeRow {
  #view;
  #ranges;
  #compare;
  #span = new Span("", ["From", "To"], (chosen) => this.#view.choose({ span: chosen }));
  #against = new Span("Held against, ", ["Against", "to"], (against) => this.#view.choose({ against }));
  #details = make("details", { class: "reel" });
  #slider = make("input", { type: "range", min: 1, max: 1, step: 1, value: 1, "aria-label": "Moment of the range" });
  #play = make("button", { type: "button", class: "tool", title: "Play", "aria-label": "Play" }, icon("play"));
  #moment = make("output", null);

  /** @param {View} view @param {() => LookBack} lookBack */
  constructor(view, lookBack) {
    this.#view = view;
    this.#ranges = choice({ name: "range", title: "Time", options: RANGES, onPick: (range) => this.#pick(range) });
    this.#compare = choice({ name: "compare", title: "Show", options: COMPARE, onPick: (value) => view.choose({ compare: value === "yes" }) });
    this.#slider.addEventListener("input", () => {
      lookBack().reel.stop();
      lookBack().reel.seek(Number(this.#slider.value));
    });
    this.#play.addEventListener("click", () => {
      const { reel } = lookBack();
      if (reel.playing) reel.stop();
      else reel.play();
      this.show(lookBack());
    });
    this.#details.append(
      make("summary", null, make("span", null, "Replay and compare"), icon("fold")),
      make("div", { class: "inner" }, make("div", { class: "track" }, this.#play, this.#slider), this.#moment, this.#compare.element, this.#against.element),
    );
    this.#details.addEventListener("toggle", () => {
      if (this.#details.open !== view.choices.reel) view.choose({ reel: this.#details.open });
    });
    this.element = make("div", { class: "time" }, this.#ranges.element, this.#span.element);
    this.fold = this.#details;
  }

  /** @param {Readonly<Choices>} choices */
  reflect({ range, span: chosen, against, compare, reel }) {
    this.#ranges.set(range);
    this.#compare.set(compare ? "yes" : "no");
    this.#details.open = reel;
    const any = range === "any" ? (chosen ?? lastDay(Date.now())) : null;
    this.#span.show(any);
    this.#against.show(any && compare ? (against ?? spanBefore("any", any)) : null);
  }

  /** @param {LookBack} lookBack */
  show(lookBack) {
    set(this.element, "hidden", !lookBack.available);
    set(this.fold, "hidden", !lookBack.available);
    if (lookBack.windowMs > 0) this.#ranges.call("live", span(lookBack.windowMs));
    if (!this.#details.open) return;
    const { reel } = lookBack;
    this.#slider.max = String(Math.max(1, reel.length));
    this.#slider.value = String(reel.place);
    this.#slider.disabled = !reel.loaded;
    const text = lookBack.waits ? "…" : reel.span ? moments(reel.span) : "";
    this.#slider.setAttribute("aria-valuetext", text);
    say(this.#moment, text);
    const title = reel.playing ? "Stop" : "Play";
    if (this.#play.title !== title) {
      this.#play.title = title;
      this.#play.setAttribute("aria-label", title);
      this.#play.querySelector("svg")?.replaceWith(icon(reel.playing ? "pause" : "play"));
    }
    this.#play.disabled = !reel.loaded;
  }

  /** @param {Choices["range"]} range */
  #pick(range) {
    this.#view.choose({ range, span: range === "any" ? (this.#view.choices.span ?? lastDay(Date.now())) : this.#view.choices.span });
  }
}

/** Two fields for the ends of a span. */
class Span {
  #inputs;
  #onPick;

  /** @param {string} label @param {readonly [string, string]} words @param {(span: import("./spans.js").Span) => void} onPick */
  constructor(label, words, onPick) {
    this.#onPick = onPick;
    this.#inputs = words.map((word) => make("input", { type: "datetime-local", "aria-label": label ? `${label}${word.toLowerCase()}` : word }));
    for (const input of this.#inputs) input.addEventListener("change", () => this.#picked());
    const rows = words.flatMap((word, i) => [make("span", { "aria-hidden": "true" }, word), this.#inputs[i]]);
    this.element = make("div", { class: "any", hidden: true }, ...rows);
  }

  /** @param {import("./spans.js").Span | null} span  null: it is not asked for */
  show(span) {
    this.element.hidden = span === null;
    if (!span) return;
    [span.fromMs, span.toMs].forEach((timeMs, i) => {
      const input = this.#inputs[i];
      const text = localText(timeMs);
      if (input.value !== text && !input.matches(":focus")) input.value = text;
    });
  }

  #picked() {
    const [fromMs, toMs] = this.#inputs.map((input) => new Date(input.value).getTime());
    const wrong = !(fromMs < toMs);
    this.#inputs[1].setCustomValidity(wrong ? "The end lies after the beginning" : "");
    this.#inputs[1].setAttribute("aria-invalid", String(wrong));
    if (!wrong) this.#onPick({ fromMs, toMs });
  }
}
