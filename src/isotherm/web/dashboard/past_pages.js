// @ts-check
/** The pages of a range of the past: asked for when it is chosen, and anew every ten seconds, since a range that ends now grows. */
import { spanOf } from "./ranges.js";

/** @typedef {import("./ranges.js").Range} Range */
/**
 * @typedef {object} PastPage  one of `GET /api/pages?from` (docs/api.md)
 * @property {string} site @property {string} path @property {number} samples @property {number | null} people
 * @property {import("../shared/heat_picture.js").Picture} picture
 */
/** @typedef {{start: number, end: number, known: number, pages: PastPage[]}} Answer */
/** @typedef {{range: Range, query: string, most: number}} Wish */

const EVERY_MS = 10_000;
/** The server tells no more at once. */
export const PAST_MAX = 200;

export class PastPages {
  /** @type {Answer | null} null: it has not come yet */
  answer = null;
  /** The server's words, where it answers with an error. */
  refusal = "";
  #onChange;
  /** @type {Wish | null} */
  #wish = null;
  #asking = false;
  #askedMs = -Infinity;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Another range, search or length is wanted. What is shown stays while its answer is on the way, unless the range is another. @param {Wish} wish */
  want(wish) {
    if (wish.range !== this.#wish?.range) {
      this.answer = null;
      this.refusal = "";
    }
    this.#wish = wish;
    this.#askedMs = -Infinity;
    void this.tend();
  }

  /** To be called about once a second. */
  async tend() {
    const wish = this.#wish;
    const past = wish && spanOf(wish.range, Date.now());
    if (!wish || !past || this.#asking || document.hidden || performance.now() - this.#askedMs < EVERY_MS) return;
    this.#asking = true;
    this.#askedMs = performance.now();
    try {
      const limit = String(Math.min(wish.most, PAST_MAX));
      const answer = await fetch(`/api/pages?${new URLSearchParams({ ...past, limit, pictures: "1", search: wish.query })}`);
      if (answer.status === 401) return location.reload();
      const said = await answer.json();
      if (this.#wish !== wish) return;
      this.refusal = answer.ok ? "" : said.error;
      if (answer.ok) this.answer = said;
      this.#onChange();
    } catch {
      // The badge tells of a lost connection; what is shown stays as it was.
    } finally {
      this.#asking = false;
      // The wish may have changed meanwhile: its own answer is due.
      if (this.#askedMs === -Infinity) void this.tend();
    }
  }
}
