// @ts-check
/**
 * The live heat as the page knows it: what it orders of the station, and what that reported last.
 *
 * The station stands on a thread beside the page's where there can be one (`hire.js`), else on the page's own; both are ordered about by the
 * same words. What is ordered before that is settled waits. A worker that ends (`watchdog.js`) is done without from then on.
 */

import { hire } from "./hire.js";
import { Station } from "./station.js";
import { Watchdog } from "./watchdog.js";
import { Heat } from "../shared/heat/heat.js";

/**
 * @typedef {import("./station.js").Drawn} Drawn
 * @typedef {import("./station.js").News} News
 * @typedef {"onto" | "watch" | "wantSpots" | "redial" | "leave" | "seen" | "pause" | "follow" | "picture"} Order
 */

export class Live {
  #of;
  #signal;
  #picture;
  #onNews;
  #onDue;
  #onAnew;
  /** Where there can be a worker: what was ordered before it was there. @type {[Order, ...any[]][] | null} */
  #waiting = [];
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Station | null} */
  #station = null;
  #aheadMs = 0;
  /** Counts subjects: what is told of an older one is not for us. */
  #turn = 0;
  #follows = false;
  #shade = 0;
  /** @type {Drawn | null} */
  #drawn = null;
  /** As it was told last: at most a second old, and while it is followed as of the newest frame. */
  heat = new Heat();
  /** @type {import("./station.js").Header | null} the newest frame's */
  newest = null;
  lagMs = 0;
  /** @type {import("./line.js").LineState} */
  state = { phase: "connecting", heardAtMs: 0, retryAtMs: 0 };
  token;

  /**
   * @param {object} of
   * @param {string} of.host  an origin, `https://heat.example`
   * @param {string} of.site
   * @param {string} of.token
   * @param {import("./picture.js").Picture} of.picture  nothing was drawn on it yet
   * @param {(changed: boolean) => void} of.onNews  there are news of the heat
   * @param {() => void} of.onState  of the line
   * @param {() => void} of.onShade  the last shade of what was ordered stands for another count
   * @param {(told: any) => void} of.onSpots
   * @param {() => void} of.onDue  `paint` at the next frame of the browser
   * @param {() => void} of.onAnew  the station is another one: what was ordered is to be ordered anew, nothing of it is known
   * @param {AbortSignal} of.signal  ends it all
   */
  constructor({ host, site, token, picture, onNews, onState, onShade, onSpots, onDue, onAnew, signal }) {
    this.#of = { host, site, token };
    this.token = token;
    this.#picture = picture;
    this.#onNews = onNews;
    this.onState = onState;
    this.onShade = onShade;
    this.onSpots = onSpots;
    this.#onDue = onDue;
    this.#onAnew = onAnew;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#worker?.postMessage(["close"]));
    const hired = hire(signal);
    if (hired) void hired.catch(() => null).then((found) => this.#settle(found));
    else this.#settle(null);
  }

  /** Whether it is heard and drawn beside the page's thread: then there are news once a second, else at each frame. */
  get apart() {
    return this.#worker !== null;
  }

  /** Whether each frame is told of. */
  get follows() {
    return this.#follows;
  }

  /** The count that the last shade of the picture stands for. */
  get shade() {
    return this.#station ? this.#station.shade : this.#shade;
  }

  /** @param {import("./line.js").Subject} subject  what to watch from now on; what was known of another is forgotten */
  watch(subject) {
    this.heat = new Heat();
    this.newest = null;
    this.lagMs = 0;
    this.#turn += 1;
    this.#order("watch", subject);
  }

  /** @param {boolean} wanted */
  wantSpots(wanted) {
    this.#order("wantSpots", wanted);
  }

  redial() {
    this.#order("redial");
  }

  /** The page is put away; once it is `seen` again, there is a new line. */
  leave() {
    this.#order("leave");
  }

  /** @param {boolean} seen */
  seen(seen) {
    this.#order("seen", seen);
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.#order("pause", paused);
  }

  /** @param {boolean} follows  whether each frame is told of, and not only one a second */
  follow(follows) {
    if (follows === this.#follows) return;
    this.#follows = follows;
    if (this.apart) this.#order("follow", follows);
  }

  /** What the canvas shows. @param {Drawn | null} drawn  null: nothing that anybody sees */
  picture(drawn) {
    if (drawn === null && this.#drawn === null) return;
    this.#drawn = drawn;
    this.#order("picture", drawn);
  }

  /** Draws what is due, where that is for the page to do. */
  paint() {
    this.#station?.paint();
  }

  /** @param {Order} name @param {...any} args */
  #order(name, ...args) {
    if (this.#waiting) this.#waiting.push([name, ...args]);
    else if (this.#worker) this.#worker.postMessage([name, ...args], args.filter((one) => one instanceof OffscreenCanvas));
    else /** @type {any} */ (this.#station)?.[name](...args);
  }

  /** @param {{worker: Worker, originMs: number} | null} found */
  #settle(found) {
    if (this.#signal.aborted) {
      found?.worker.terminate();
      return;
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    const canvas = found && handOver(this.#picture.canvas);
    if (found && canvas) {
      this.#worker = found.worker;
      this.#aheadMs = found.originMs - performance.timeOrigin;
      const watchdog = new Watchdog({ ask: () => found.worker.postMessage(["ping"]), onGone: () => this.#doWithout(found.worker), signal: this.#signal });
      found.worker.onmessage = ({ data: [name, report, turn] }) => {
        watchdog.hear();
        this.#hear(name, report, turn);
      };
      found.worker.postMessage(["open", this.#of]);
      this.#order("onto", canvas);
      if (this.#follows) this.#order("follow", true);
    } else {
      found?.worker.terminate();
      this.#stay();
    }
    for (const order of waiting) this.#order(...order);
  }

  /** The station stands on the page's own thread. */
  #stay() {
    this.#station = new Station({
      ...this.#of,
      token: this.token,
      signal: this.#signal,
      follows: true,
      reports: {
        state: (state) => this.#hear("state", state),
        news: (news) => this.#hear("news", news),
        spots: (told, turn) => this.#hear("spots", told, turn),
        token: (token) => this.#hear("token", token),
        due: this.#onDue,
      },
    });
    this.#station.onto(this.#picture.canvas);
  }

  /** The worker has ended, and with it the line, the heat, and the canvas that was handed over to it. @param {Worker} worker */
  #doWithout(worker) {
    worker.onmessage = null;
    worker.terminate();
    this.#worker = null;
    this.#aheadMs = 0;
    this.#turn = 0; // as the new station counts
    this.#drawn = null;
    this.#picture.renew();
    this.#stay();
    this.#onAnew();
  }

  /** @param {string} name @param {any} report @param {number} [turn]  of which subject, where it is of one */
  #hear(name, report, turn = this.#turn) {
    if (this.#signal.aborted || turn !== this.#turn) return;
    if (name === "news") this.#learn(report);
    else if (name === "state") {
      this.#enter(report);
      this.onState();
    } else if (name === "spots") this.onSpots(report);
    else if (name === "token") this.token = report;
    else if (name === "shade") {
      this.#shade = report;
      this.onShade();
    }
  }

  /** @param {News} news */
  #learn({ turn, heat, changed, newest, lagMs, shade, state }) {
    if (turn !== this.#turn) return;
    this.heat = heat instanceof Heat ? heat : Object.assign(new Heat(), heat);
    this.newest = newest;
    this.lagMs = lagMs;
    this.#shade = shade;
    this.#enter(state);
    this.#onNews(changed);
  }

  /** @param {import("./line.js").LineState} state  by the clock of the thread that it comes from */
  #enter({ phase, heardAtMs, retryAtMs }) {
    this.state = { phase, heardAtMs: heardAtMs && heardAtMs + this.#aheadMs, retryAtMs: retryAtMs && retryAtMs + this.#aheadMs };
  }
}

/** @param {HTMLCanvasElement} canvas @returns {OffscreenCanvas | null}  null: it has to be drawn on where it is */
function handOver(canvas) {
  try {
    return canvas.transferControlToOffscreen();
  } catch {
    return null;
  }
}
