// @ts-check
/**
 * Looking back: fetches what the choices ask for, keeps it fresh, and says what is to be shown instead of the live heat.
 *
 *     range live, nothing else ──> the live heat (`heat` is null)
 *     range, or a place on the reel ──> that heat            compare ──> `before` besides, and their difference
 *
 * An answer that comes after the choice was changed again is thrown away. Ranges that end now are asked for anew now and then, and so is
 * what was not answered; until it is, what was there before stays.
 */

import { differenceOf } from "../shared/heat/difference.js";
import { Reel } from "./reel.js";
import { partsOf, spanBefore, spanOf } from "./spans.js";

/**
 * @typedef {import("./line.js").Subject} Subject
 * @typedef {import("./past.js").Past} Past
 * @typedef {import("./past.js").Range} Range
 * @typedef {import("./view.js").Choices} Choices
 * @typedef {import("../shared/heat/heat.js").Heat} Heat
 */

const FRESH_MS = 20_000;
/** Who is on the tiles now, while somebody points at one. */
const PEOPLE_FRESH_MS = 2_000;

export class LookBack {
  #past;
  #windowMs;
  #onChange;
  /** Counts choices: an answer to an older one is not for us. */
  #turn = 0;
  /** 0: not asked since the choice. */
  #askedAtMs = 0;
  #peopleAtMs = 0;
  /** @type {Subject} */
  #subject = { page: "/", kind: "move", device: "all" };
  /** @type {Pick<Choices, "range" | "span" | "against" | "compare" | "reel">} */
  #choices = { range: "live", span: null, against: null, compare: false, reel: false };
  /** @type {Range | null} the range that is looked at; of the live window its people alone are used */
  range = null;
  /** @type {Range | null} what it is held against */
  before = null;
  /** Whether an answer is awaited. */
  waits = false;
  /** Whether what was asked for last was not answered. */
  failed = false;
  reel;

  /** @param {{past: Past, windowMs: () => number, onChange: () => void, signal: AbortSignal}} of  `windowMs`: of the live heat; 0: not known yet */
  constructor({ past, windowMs, onChange, signal }) {
    this.#past = past;
    this.#windowMs = windowMs;
    this.#onChange = onChange;
    this.reel = new Reel(onChange);
    signal.addEventListener("abort", () => this.reel.stop());
  }

  get available() {
    return this.#past.available;
  }

  get windowMs() {
    return this.#windowMs();
  }

  /** At the reel's end the range is shown as a whole; before it, what the place shows. */
  get #onReel() {
    return this.#choices.reel && this.reel.loaded && this.reel.place < this.reel.length;
  }

  /** What is shown instead of the live heat; null: that. @returns {Heat | null} */
  get heat() {
    if (this.#onReel) return this.reel.heat;
    return this.#choices.range === "live" ? null : (this.range?.heat ?? null);
  }

  /** Whether what is shown is something else than the live heat, though it may still be awaited. */
  get past() {
    return this.available && (this.#choices.range !== "live" || this.heat !== null);
  }

  /** From when to when it is; null: now. */
  get span() {
    const { range } = this.#choices;
    if (this.#onReel) return this.reel.span;
    return range === "live" || !this.range ? null : { fromMs: this.range.startMs, toMs: this.range.endMs };
  }

  /** @param {Heat} live */
  difference(live) {
    return this.#choices.compare && this.before ? differenceOf(this.heat ?? live, this.before.heat) : null;
  }

  /** Distinct sessions on a tile, if they are known of what is shown. @param {number} cell */
  peopleOn(cell) {
    return this.#onReel ? undefined : this.range?.people.by[cell];
  }

  /** Distinct sessions in all, if they are known of the range. */
  get people() {
    return this.#choices.range === "live" || this.#onReel ? null : (this.range?.people.total ?? null);
  }

  /** Whether the numbers of people are estimates. */
  get peopleAreNear() {
    return (this.range?.people.error ?? 0) > 0;
  }

  /** Another page, layer or range. @param {Subject} subject @param {Choices} choices */
  choose(subject, { range, span, against, compare, reel }) {
    this.#subject = subject;
    this.#choices = { range, span, against, compare, reel };
    this.#turn += 1;
    this.#askedAtMs = 0;
    this.waits = false;
    this.failed = false;
    this.range = null;
    this.before = null;
    this.reel.clear();
    void this.#ask();
  }

  /** Called now and then: what ends now goes on. @param {boolean} pointed  whether somebody points at a tile */
  tick(pointed) {
    const nowMs = Date.now();
    const { range, reel, compare } = this.#choices;
    if (range === "live" && pointed && !this.waits && nowMs - this.#peopleAtMs > PEOPLE_FRESH_MS) void this.#askPeople(nowMs);
    const goesOn = !reel && range !== "any" && (range !== "live" || compare);
    const due = goesOn || this.failed || this.#askedAtMs === 0;
    if (due && !this.waits && nowMs - this.#askedAtMs >= FRESH_MS) void this.#ask();
  }

  async #ask() {
    const turn = this.#turn;
    const nowMs = Date.now();
    const { range, span: chosen, against, compare, reel } = this.#choices;
    const span = spanOf(range, nowMs, chosen);
    // Before the first frame nobody knows how long the live window is, and so what lies before it.
    if (!span && ((!compare && !reel) || this.windowMs === 0)) return;
    this.#askedAtMs = nowMs;
    this.waits = true;
    const before = (range === "any" && against) || spanBefore(range, span ?? { fromMs: nowMs - this.windowMs, toMs: nowMs });
    const [found, held, steps] = await Promise.all([
      span ? this.#past.range(this.#subject, span.fromMs, span.toMs) : null,
      compare ? this.#past.range(this.#subject, before.fromMs, before.toMs) : null,
      reel ? this.#past.steps(this.#subject, span?.fromMs, span?.toMs, span ? partsOf(span) : undefined) : null,
    ]);
    if (turn !== this.#turn) return;
    this.waits = false;
    this.failed = Boolean((span && !found) || (compare && !held) || (reel && !steps));
    if (found) this.range = found;
    if (held) this.before = held;
    if (steps && !this.reel.loaded) this.reel.load(steps);
    this.#onChange();
  }

  /** @param {number} nowMs */
  async #askPeople(nowMs) {
    const turn = this.#turn;
    this.#peopleAtMs = nowMs;
    const found = await this.#past.range(this.#subject);
    if (turn !== this.#turn || !found) return;
    this.range = found;
    this.#onChange();
  }
}
