// @ts-check
/**
 * The newest messages of one topic, newest first, and a stop for the reader: while it is stopped what stands there stays, what comes
 * is kept behind it and counted. It stops at what was shown last, not at what has come since: no row moves under a finger that presses.
 */

/** So many messages are kept; at fifty a second that is the last four seconds, enough to press Pause upon. */
export const KEPT = 200;

/**
 * @typedef {object} Message  as `WS /api/topics/NAME` sends it
 * @property {string} topic @property {string | null} key @property {number} partition @property {number} offset
 * @property {number} time @property {unknown} value
 */

export class MessageStore {
  /** @type {Message[]} */
  #newest = [];
  /** @type {Message[]} as they were shown last */
  #shown = [];
  #stopped = false;
  /** Messages that came since they were shown last. */
  #since = 0;
  /** @type {Set<string>} the keys seen, for the filter's suggestions */
  keys = new Set();

  /** @param {Message} message */
  push(message) {
    this.#newest.unshift(message);
    if (this.#newest.length > KEPT) this.#newest.pop();
    this.#since += 1;
    if (message.key !== null && this.keys.size < KEPT) this.keys.add(message.key);
  }

  /** @param {boolean} stopped */
  stop(stopped) {
    this.#stopped = stopped;
  }

  /** @returns {readonly Message[]} what is to be shown, newest first */
  get shown() {
    if (!this.#stopped) {
      this.#shown = [...this.#newest];
      this.#since = 0;
    }
    return this.#shown;
  }

  /** Messages that came since the stop. */
  get newer() {
    return this.#stopped ? this.#since : 0;
  }

  /** The newest few will come again: after a loss of the line. What the reader has stopped stays. */
  restart() {
    this.#newest = [];
    this.#since = 0;
  }

  /** Another topic or another filter: nothing stays. */
  clear() {
    this.restart();
    this.#stopped = false;
    this.#shown = [];
    this.keys.clear();
  }
}

/**
 * A message's own name: no two of a topic share it.
 * @param {Message} message
 */
export function idOf({ topic, partition, offset, key }) {
  return `${topic}/${partition}/${offset}/${key ?? ""}`;
}
