// @ts-check
/**
 * Where the live heat is heard, kept and drawn: on a thread beside the page's (`worker.js`), or on the page's own (`live.js`). It touches
 * nothing of the page but the canvas that it is given, and does not know on which of the two it is.
 *
 *     orders (watch, pause, picture, follow …) ──> line (socket) ──frames──> heat ──> painter (canvas)
 *                                                                             └──> reports (state, news, spots, token)
 *
 * - Each frame of heat is drawn; the page is told of it once a second, and of every one only while it follows (somebody points at a tile).
 *   What no later frame tells is told by itself.
 * - Out of sight nothing is drawn and nobody is told; back in sight, all at once.
 */

import { Line } from "./line.js";
import { Painter } from "./painter.js";
import { Heat } from "../shared/heat/heat.js";

/**
 * @typedef {import("../shared/heat/frames.js").Frame} Frame
 * @typedef {import("../shared/heat/difference.js").Difference} Difference
 * @typedef {import("./line.js").LineState} LineState
 * @typedef {import("./painter.js").Style} Style
 *
 * @typedef {Omit<Frame, "at" | "counts">} Header  of a frame
 * @typedef {Pick<Heat, "counts" | "grid" | "total" | "hottest" | "warm">} Counts
 *
 * @typedef {object} Drawn  what the picture is of
 * @property {Style} style
 * @property {import("./painter.js").Tone} tone
 * @property {number} tallness  the page's height ÷ its width
 * @property {Counts | null} [heat]  left out: the live heat, frame by frame
 * @property {Difference | null} [difference]  instead of a heat
 *
 * @typedef {object} News
 * @property {number} turn  how many subjects were ordered: of which one it is
 * @property {Counts} heat  the live heat, or while it is paused as it was then
 * @property {boolean} changed  whether it is another one than the news before told
 * @property {Header | null} newest  of the newest frame; null: none came yet
 * @property {number} lagMs  the worst of the last frames' `sent − end`
 * @property {number} shade  the count that the last shade of the picture stands for
 * @property {LineState} state
 *
 * @typedef {object} Reports
 * @property {(state: LineState) => void} state
 * @property {(news: News) => void} news
 * @property {(told: any, turn: number) => void} spots  `turn`: of which subject
 * @property {(token: string) => void} token
 * @property {() => void} due  the picture is not what it should be: `paint` at the next chance
 */

/** The lag that is told is the worst of so many frames: one late frame in a second is not hidden by three in time. */
const LAGS_KEPT = 4;
/** News are a second apart, and a frame that is a little early is not waited past. */
const NEWS_MS = 900;
/** A frame that nothing followed is told so long after the news before: a little more than a second, else it would come before the frame that is due. */
const NEWS_MS_MAX = 1_150;

export class Station {
  #live = new Heat();
  /** What is told and drawn: the live heat, or while paused a copy of it. */
  #heat = this.#live;
  #line;
  #reports;
  /** @type {Header | null} */
  #newest = null;
  /** @type {number[]} */
  #lagsMs = [];
  /** @type {Painter | null} */
  #painter = null;
  /** @type {Drawn | null} */
  #drawn = null;
  #stale = false;
  #shade = 0;
  #seen = true;
  #follows;
  #turn = 0;
  #changed = false;
  #toldAtMs = -Infinity;
  /** Runs while there is a frame that the page was not told of. */
  #untold = 0;

  /**
   * @param {{host: string, site: string, token: string, signal: AbortSignal, reports: Reports, follows?: boolean}} of  `host`: an origin;
   *   `follows`: whether each frame is told of, to begin with
   */
  constructor({ host, site, token, signal, reports, follows = false }) {
    this.#reports = reports;
    this.#follows = follows;
    signal.addEventListener("abort", () => this.#keep());
    this.#line = new Line({
      host,
      site,
      token,
      signal,
      onFrame: (frame) => this.#hear(frame),
      onSpots: (told) => reports.spots(told, this.#turn),
      onState: reports.state,
      onToken: reports.token,
    });
  }

  /** The canvas to draw on. @param {HTMLCanvasElement | OffscreenCanvas} canvas */
  onto(canvas) {
    this.#painter = new Painter(canvas);
    this.#spoil();
  }

  /** Another page or layer; what was known of the one before is forgotten. @param {import("./line.js").Subject} subject */
  watch(subject) {
    this.#live.forget();
    this.#newest = null;
    this.#lagsMs = [];
    this.#turn += 1;
    this.#changed = true;
    this.#keep();
    this.#spoil();
    this.#line.watch(subject);
  }

  /** @param {boolean} wanted */
  wantSpots(wanted) {
    this.#line.wantSpots(wanted);
  }

  redial() {
    this.#line.redial();
  }

  leave() {
    this.#line.leave();
  }

  /** @param {boolean} seen  whether the tab is in sight */
  seen(seen) {
    this.#seen = seen;
    this.#line.seen(seen);
    this.#keep();
    if (!seen) return;
    if (this.#stale) this.#reports.due();
    this.#tell();
  }

  /** @param {boolean} paused  the heat stands still; the line goes on */
  pause(paused) {
    this.#heat = paused ? this.#live.frozen() : this.#live;
    this.#changed = true;
    this.#spoil();
    this.#tell();
  }

  /** @param {boolean} follows  whether the page is told of each frame */
  follow(follows) {
    this.#follows = follows;
    if (follows) this.#tell();
  }

  /** @param {Drawn | null} drawn  null: nobody sees the picture */
  picture(drawn) {
    this.#drawn = drawn;
    this.#spoil();
  }

  /** Draws what is to be drawn, if that is not on the canvas. */
  paint() {
    if (!this.#stale || !this.#drawn || !this.#painter || !this.#seen) return;
    this.#stale = false;
    const { difference, heat = this.#heat, ...how } = this.#drawn;
    if (difference) {
      this.#painter.drawDifference({ ...difference, ...how });
      return;
    }
    this.#shade = heat ? this.#painter.draw({ ...shape(heat), ...how }) : 0;
  }

  /** How many subjects were ordered. */
  get turn() {
    return this.#turn;
  }

  /** The count that the last shade stands for. */
  get shade() {
    return this.#shade;
  }

  /** @param {Frame} frame */
  #hear(frame) {
    const { at, counts, ...header } = frame;
    const first = this.#newest === null;
    this.#newest = header;
    this.#lagsMs = [...this.#lagsMs, frame.sentMs - frame.endMs].slice(-LAGS_KEPT);
    if (this.#live.apply(frame) && this.#heat === this.#live) {
      this.#changed = true;
      if (this.#drawn && this.#drawn.heat === undefined && !this.#drawn.difference) this.#spoil();
    }
    if (!this.#seen) return;
    const sinceMs = performance.now() - this.#toldAtMs;
    if (first || frame.key || this.#follows || sinceMs >= NEWS_MS) this.#tell();
    else this.#untold ||= setTimeout(() => this.#tell(), NEWS_MS_MAX - sinceMs);
  }

  /** The picture is to be drawn anew. */
  #spoil() {
    this.#stale = true;
    if (this.#drawn && this.#painter && this.#seen) this.#reports.due();
  }

  /** Nothing is left to be told by itself. */
  #keep() {
    clearTimeout(this.#untold);
    this.#untold = 0;
  }

  #tell() {
    this.#keep();
    const changed = this.#changed;
    this.#changed = false;
    this.#toldAtMs = performance.now();
    const lagMs = Math.max(0, ...this.#lagsMs);
    this.#reports.news({ turn: this.#turn, heat: this.#heat, changed, newest: this.#newest, lagMs, shade: this.#shade, state: this.#line.state });
  }
}

/** A heat as plain values, which go from thread to thread. @param {Counts} heat @returns {Counts} */
export function shape({ counts, grid, total, hottest, warm }) {
  return { counts, grid, total, hottest, warm };
}
