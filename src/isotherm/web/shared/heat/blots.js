// @ts-check
/**
 * Blots: samples at points of a window become a smooth field, a value every `STEP` px.
 *
 * Each point is shared out among the four values around it, so that its middle stays where it is to a part of a pixel; then a box of seven
 * values runs over the field three times in each direction, which is a bell of 14 px (standard deviation) for the price of six passes,
 * however many points there are. A lone sample's top has the value 1.
 */

/** CSS pixels from a value to the next. */
export const STEP = 4;
/** The box reaches so far to each side. */
const REACH = 3;
const PASSES = 3;
const WIDTH = 2 * REACH + 1;
/** Standard deviation of a blot, CSS pixels. */
export const BREADTH = STEP * Math.sqrt((PASSES * (WIDTH * WIDTH - 1)) / 12);
/** The top of three boxes of seven is 37 / 7³ of what lay there, in each direction. */
const LIFT = (WIDTH ** PASSES / 37) ** 2;

/** @typedef {{x: number, y: number, count: number}} Point  in the window, CSS pixels */

export class Blots {
  width = 0;
  height = 0;
  values = new Float32Array(0);
  #line = new Float32Array(0);

  /**
   * @param {readonly Point[]} points @param {number} width @param {number} height  of the window, CSS pixels
   * @returns {number} the highest value
   */
  draw(points, width, height) {
    this.#resize(Math.ceil(width / STEP), Math.ceil(height / STEP));
    for (const { x, y, count } of points) this.#put(x / STEP - 0.5, y / STEP - 0.5, count * LIFT);
    for (let pass = 0; pass < PASSES; pass += 1) {
      this.#blur(this.height, this.width, this.width, 1);
      this.#blur(this.width, this.height, 1, this.width);
    }
    let highest = 0;
    // Sums that run along leave crumbs: what is a ten-thousandth of a sample is nothing.
    for (let i = 0; i < this.values.length; i += 1) {
      if (this.values[i] < 1e-3) this.values[i] = 0;
      else if (this.values[i] > highest) highest = this.values[i];
    }
    return highest;
  }

  /** @param {number} width @param {number} height */
  #resize(width, height) {
    if (width === this.width && height === this.height) {
      this.values.fill(0);
      return;
    }
    this.width = width;
    this.height = height;
    this.values = new Float32Array(width * height);
    this.#line = new Float32Array(Math.max(width, height) + 2 * REACH + 1);
  }

  /** @param {number} x @param {number} y  in values @param {number} amount */
  #put(x, y, amount) {
    const left = Math.floor(x);
    const top = Math.floor(y);
    for (let dy = 0; dy < 2; dy += 1) {
      for (let dx = 0; dx < 2; dx += 1) {
        const column = Math.min(this.width - 1, Math.max(0, left + dx));
        const row = Math.min(this.height - 1, Math.max(0, top + dy));
        this.values[row * this.width + column] += amount * Math.abs(1 - dx - (x - left)) * Math.abs(1 - dy - (y - top));
      }
    }
  }

  /**
   * Runs the box once over each line of the field. What goes over its edge is gone.
   * @param {number} lines @param {number} length @param {number} next  from a line to the next @param {number} step  from a value to the next
   */
  #blur(lines, length, next, step) {
    const line = this.#line;
    const { values } = this;
    for (let at = 0; at < lines; at += 1) {
      const start = at * next;
      let any = 0;
      for (let i = 0; i < length; i += 1) any += line[i + REACH] = values[start + i * step];
      if (any === 0) continue;
      line.fill(0, length + REACH, length + WIDTH);
      let sum = 0;
      for (let i = 0; i < WIDTH - 1; i += 1) sum += line[i];
      for (let i = 0; i < length; i += 1) {
        sum += line[i + WIDTH - 1];
        values[start + i * step] = sum / WIDTH;
        sum -= line[i];
      }
    }
  }
}

/**
 * About how high the highest blot of points is, wherever they lie: for a scale that stays while one scrolls.
 * @param {readonly Point[]} points
 */
export function highestOf(points) {
  /** @type {Map<number, number>} counts by squares of a blot's breadth; what lies next to one adds what a bell has there */
  const squares = new Map();
  const most = 1 << 20;
  for (const { x, y, count } of points) {
    const square = (Math.floor(y / BREADTH) + most / 2) * most + Math.floor(x / BREADTH) + most / 2;
    squares.set(square, (squares.get(square) ?? 0) + count);
  }
  let highest = 0;
  for (const [square, count] of squares) {
    let value = count;
    for (let dy = -2; dy <= 2; dy += 1) {
      for (let dx = -2; dx <= 2; dx += 1) {
        if (dx || dy) value += (squares.get(square + dy * most + dx) ?? 0) * Math.exp(-(dx * dx + dy * dy) / 2);
      }
    }
    if (value > highest) highest = value;
  }
  return highest;
}
