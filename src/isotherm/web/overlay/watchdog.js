// @ts-check
/**
 * Notices that a worker has ended: a browser tells nobody of one that crashed or ran out of memory.
 *
 *     a word ──> wait ──12 s without one──> ask ──3 s without an answer──> gone
 *       ^                                    │
 *       └────────────── a word ──────────────┘
 *
 * - A worker may have nothing to say for long (nobody moves, the server lets it in no more): it is asked, and any word of it is an answer.
 * - It is waited for by ticks, each of which lets the page hear what has come: a computer that slept, or a page that was busy for long, has
 *   not let its worker speak, and its clock alone would say that it is dead.
 * - Out of sight nobody is asked: browsers hold timers and threads back there.
 */

/** Heat or not, the server sends after 5 s at the latest. */
const QUIET_MS = 12_000;
const TICK_MS = 750;
/** That it is waited for, for an answer. */
const TICKS = 4;

export class Watchdog {
  #ask;
  #onGone;
  #ending = new AbortController();
  #timer = 0;
  #wordAtMs = 0;
  /** The tick since it was asked; 0: it was not. */
  #tick = 0;

  /**
   * @param {object} of
   * @param {() => void} of.ask  has the worker say a word
   * @param {() => void} of.onGone  it does not: called once, then nothing is watched any more
   * @param {AbortSignal} of.signal  ends it
   */
  constructor({ ask, onGone, signal }) {
    this.#ask = ask;
    this.#onGone = onGone;
    const ends = AbortSignal.any([signal, this.#ending.signal]);
    ends.addEventListener("abort", () => this.#rest());
    document.addEventListener("visibilitychange", () => this.#begin(), { signal: ends });
    this.#begin();
  }

  /** The worker said something. */
  hear() {
    this.#wordAtMs = performance.now();
    if (this.#tick > 0) this.#begin();
  }

  #begin() {
    this.#rest();
    this.#wordAtMs = performance.now();
    if (!document.hidden) this.#wait(QUIET_MS);
  }

  #rest() {
    clearTimeout(this.#timer);
    this.#tick = 0;
  }

  /** The timer is not set anew at each word: when it is through, it looks for how long none came. @param {number} ms */
  #wait(ms) {
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look() {
    const quietMs = performance.now() - this.#wordAtMs;
    if (quietMs < QUIET_MS) {
      this.#wait(QUIET_MS - quietMs);
      return;
    }
    if (this.#tick === TICKS) {
      this.#ending.abort();
      this.#onGone();
      return;
    }
    if (this.#tick === 0) this.#ask();
    this.#tick += 1;
    this.#wait(TICK_MS);
  }
}
