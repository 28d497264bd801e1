// @ts-check
/**
 * The heat of one layer of one page: a count a cell, and what a reader of the picture asks of them.
 *
 * A machine without I/O: `apply` each frame in the order it came; a keyframe says all, changes say what is new.
 * Changes before the first keyframe say nothing that could be drawn and are refused by returning false.
 */

/** @typedef {import("./frames.js").Frame} Frame */

export class Heat {
  constructor() {
    /** @type {Uint32Array} count a cell, row by row */
    this.counts = new Uint32Array(0);
    /** Side of the grid, G. */
    this.grid = 0;
    /** Samples in the window, of this layer. */
    this.total = 0;
    /** The hottest cell's count. */
    this.hottest = 0;
    /** Cells that are not cold. */
    this.warm = 0;
  }

  /** Whether a keyframe has come. */
  get known() {
    return this.grid > 0;
  }

  /**
   * @param {Frame} frame
   * @returns {boolean} whether the heat is another one now
   */
  apply(frame) {
    if (frame.key) {
      const fresh = this.counts.length !== frame.cells;
      if (!fresh && frame.at.length === 0 && this.warm === 0) return false;
      this.counts = fresh ? new Uint32Array(frame.cells) : this.counts.fill(0);
      this.grid = Math.sqrt(frame.cells);
    } else if (this.counts.length !== frame.cells || frame.at.length === 0) {
      return false;
    }
    for (let i = 0; i < frame.at.length; i += 1) this.counts[frame.at[i]] = frame.counts[i];
    this.#survey();
    return true;
  }

  /**
   * Takes a whole heat that no frame brought; what is not among the cells is cold.
   * @param {number} grid @param {ArrayLike<number>} at @param {ArrayLike<number>} counts
   */
  fill(grid, at, counts) {
    this.grid = grid;
    this.counts = new Uint32Array(grid * grid);
    for (let i = 0; i < at.length; i += 1) this.counts[at[i]] = counts[i];
    this.#survey();
  }

  /** Back to knowing nothing: another page, another layer. */
  forget() {
    this.counts = new Uint32Array(0);
    this.grid = 0;
    this.total = 0;
    this.hottest = 0;
    this.warm = 0;
  }

  /** @returns {Heat} the same heat, which no frame moves any more */
  frozen() {
    const copy = new Heat();
    copy.counts = this.counts.slice();
    copy.grid = this.grid;
    copy.total = this.total;
    copy.hottest = this.hottest;
    copy.warm = this.warm;
    return copy;
  }

  /**
   * A cell's place among the warm ones, 1 for the hottest; equal counts share a place.
   * @param {number} cell
   */
  rank(cell) {
    const count = this.counts[cell];
    let hotter = 0;
    for (let i = 0; i < this.counts.length; i += 1) if (this.counts[i] > count) hotter += 1;
    return hotter + 1;
  }

  /**
   * The hottest cells, hottest first; among equals the one nearer to the top.
   * @param {number} howMany
   */
  hottestCells(howMany) {
    /** @type {number[]} */
    const warm = [];
    for (let i = 0; i < this.counts.length; i += 1) if (this.counts[i] > 0) warm.push(i);
    return warm.sort((a, b) => this.counts[b] - this.counts[a] || a - b).slice(0, howMany);
  }

  #survey() {
    let total = 0;
    let hottest = 0;
    let warm = 0;
    const { counts } = this;
    for (let i = 0; i < counts.length; i += 1) {
      const count = counts[i];
      if (count === 0) continue;
      warm += 1;
      total += count;
      if (count > hottest) hottest = count;
    }
    this.total = total;
    this.hottest = hottest;
    this.warm = warm;
  }
}
