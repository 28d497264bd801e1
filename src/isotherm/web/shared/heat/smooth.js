// @ts-check
/**
 * The smooth look: the same counts as a landscape without steps.
 *
 * Counts are interpolated, not colours. First each count is spread over its neighbours, by a bell of `breadthOf` tile heights or widths,
 * whichever is longer: on a long page tiles are higher than wide, and a spot would stand there as an upright stripe. Then the grid is
 * made `factor` times finer by cubic B-splines (weights of four neighbours a direction, never negative, of sum one). Neither makes
 * heat or loses it inside the page, and the top of a lone spot stays in the middle of its tile.
 *
 * Cost: some 4·(factor + factor²) multiplications a tile, whatever the breadth; buffers are kept from frame to frame.
 */

/** Pixels a side that the finer grid aims at: more is not seen under the browser's own interpolation. */
const FINE_AIM = 160;
/** Standard deviation of a spot, in the longer side of a tile; 0.58 of it is the spline's own. */
const BREADTH = 0.85;
/** The same on slivers, the pages of phones: no broader than it must be, or what lies side by side runs together. */
const BREADTH_OF_SLIVERS = 0.6;
/** A tile is a sliver when it is so many times longer than broad. */
const SLIVER = 6;
/** Standard deviation in tiles, at most: more would say less than was measured. */
const BREADTH_MAX = 6;

/** The longest ends that a line is given, both together. */
const LINE_ENDS = 2 * Math.ceil(2 * BREADTH_MAX);

/** @typedef {{size: number, values: Float32Array, hottest: number}} Landscape  `size` × `size` values, row by row */

export class Smoother {
  #grid = 0;
  #factor = 1;
  /** @type {Float32Array[]} the four weights a phase */
  #weights = [];
  #spread = new Float32Array(0);
  #line = new Float32Array(0);
  #wide = new Float32Array(0);
  #fine = new Float32Array(0);

  /**
   * @param {Uint32Array} counts  row by row
   * @param {number} grid
   * @param {number} tallness  a tile's height ÷ its width
   * @returns {Landscape} good until the next call
   */
  landscape(counts, grid, tallness) {
    this.#prepare(grid);
    this.#spread.set(counts);
    const longer = breadthOf(Math.max(tallness, 1 / tallness));
    spread(this.#spread, this.#line, grid, 1, boxSide(Math.max(1, tallness), longer));
    spread(this.#spread, this.#line, grid, grid, boxSide(Math.max(1, 1 / tallness), longer));
    this.#widen();
    const hottest = this.#heighten();
    return { size: grid * this.#factor, values: this.#fine, hottest };
  }

  /** @param {number} grid */
  #prepare(grid) {
    if (grid === this.#grid) return;
    this.#grid = grid;
    this.#factor = Math.max(1, Math.min(6, Math.round(FINE_AIM / grid)));
    const size = grid * this.#factor;
    this.#weights = Array.from({ length: this.#factor }, (_, phase) => bumps((phase + 0.5) / this.#factor));
    this.#spread = new Float32Array(grid * grid);
    this.#line = new Float32Array(grid + LINE_ENDS);
    this.#wide = new Float32Array(grid * size);
    this.#fine = new Float32Array(size * size);
  }

  /** Rows: `grid` values become `size`. */
  #widen() {
    const grid = this.#grid;
    const factor = this.#factor;
    const line = this.#line;
    const out = this.#wide;
    for (let y = 0, to = 0; y < grid; y += 1) {
      readLine(this.#spread, y * grid, 1, grid, 2, line);
      for (let x = 0; x < grid; x += 1) {
        for (let phase = 0; phase < factor; phase += 1, to += 1) {
          const w = this.#weights[phase];
          const at = 2 * phase + 1 < factor ? x : x + 1; // of the first of the four, the line being two tiles longer at each end
          out[to] = w[0] * line[at] + w[1] * line[at + 1] + w[2] * line[at + 2] + w[3] * line[at + 3];
        }
      }
    }
  }

  /** Columns: `grid` rows become `size`. @returns {number} the hottest value */
  #heighten() {
    const grid = this.#grid;
    const factor = this.#factor;
    const size = grid * factor;
    const from = this.#wide;
    const out = this.#fine;
    const last = grid - 1;
    let hottest = 0;
    for (let y = 0, to = 0; y < grid; y += 1) {
      for (let phase = 0; phase < factor; phase += 1) {
        const base = 2 * phase + 1 < factor ? y - 2 : y - 1;
        const [w0, w1, w2, w3] = this.#weights[phase];
        const r0 = clamp(base, last) * size;
        const r1 = clamp(base + 1, last) * size;
        const r2 = clamp(base + 2, last) * size;
        const r3 = clamp(base + 3, last) * size;
        for (let x = 0; x < size; x += 1, to += 1) {
          const value = w0 * from[r0 + x] + w1 * from[r1 + x] + w2 * from[r2 + x] + w3 * from[r3 + x];
          out[to] = value;
          if (value > hottest) hottest = value;
        }
      }
    }
    return hottest;
  }
}

/**
 * The weights of the four tiles around a place inside a tile (0 … 1): uniform cubic B-spline.
 * Left of the middle the first of them is two tiles back, right of it one.
 * @param {number} place
 */
function bumps(place) {
  const t = place < 0.5 ? place + 0.5 : place - 0.5;
  const u = 1 - t;
  return Float32Array.of(
    (u * u * u) / 6,
    (3 * t * t * t - 6 * t * t + 4) / 6,
    (3 * u * u * u - 6 * u * u + 4) / 6,
    (t * t * t) / 6,
  );
}

/**
 * The breadth of a spot in the longer side of a tile: it falls evenly from a square's to a sliver's, so that a page that grows does not jump.
 * @param {number} length  the tile's longer side ÷ its shorter
 */
function breadthOf(length) {
  const way = Math.min(1, (length - 1) / (SLIVER - 1));
  return BREADTH + way * (BREADTH_OF_SLIVERS - BREADTH);
}

/**
 * How far a box reaches to each side, in tiles, so that two runs of it and the spline make a bell as broad as wanted.
 * Variances add. The spline's is 1/3; that of a box which counts `w` tiles to each side whole and the next ones by a part `p` is
 * `(2·(1² + … + w²) + 2·p·(w+1)²) / (2·w + 1 + 2·p)`, which is w·(w+1)/3 at p = 0.
 * @param {number} sides  the tile's longer side ÷ its side in this direction
 * @param {number} longer  the breadth wanted, in the tile's longer side
 */
function boxSide(sides, longer) {
  const breadth = Math.min(BREADTH_MAX, longer * sides);
  const variance = (breadth * breadth - 1 / 3) / 2;
  if (variance <= 0) return 0;
  const w = Math.floor((Math.sqrt(12 * variance + 1) - 1) / 2);
  const squares = (w * (w + 1) * (2 * w + 1)) / 6;
  const p = (variance * (2 * w + 1) - 2 * squares) / (2 * (w + 1) ** 2 - 2 * variance);
  return w + p;
}

/**
 * Runs a box over each line of the grid, twice.
 * @param {Float32Array} values  changed in place
 * @param {Float32Array} line  scratch
 * @param {number} grid
 * @param {number} step  from a value to the next of its line: 1 along rows, `grid` along columns
 * @param {number} side  the box reaches so far to each side; its ends count in part
 */
function spread(values, line, grid, step, side) {
  if (side <= 0) return;
  const whole = Math.floor(side);
  const part = side - whole;
  const share = 1 / (2 * side + 1);
  const ends = whole + 1;
  const next = step === 1 ? grid : 1;
  for (let run = 0, start = 0; run < grid; run += 1, start += next) {
    for (let pass = 0; pass < 2; pass += 1) {
      readLine(values, start, step, grid, ends, line);
      // The sum of the box runs along: what comes in is added, what goes out is taken away.
      let sum = 0;
      for (let i = 1; i < 2 * ends; i += 1) sum += line[i];
      for (let i = 0, at = start; i < grid; i += 1, at += step) {
        const reached = line[i + 2 * ends];
        values[at] = Math.max(0, (sum + part * (line[i] + reached)) * share);
        sum += reached - line[i + 1];
      }
    }
  }
}

/**
 * Copies a line of the grid, its first and last value repeated `ends` times: at the page's edge heat is mirrored, not lost.
 * @param {Float32Array} values @param {number} start @param {number} step @param {number} grid @param {number} ends
 * @param {Float32Array} line  overwritten
 */
function readLine(values, start, step, grid, ends, line) {
  for (let i = 0, at = start; i < grid; i += 1, at += step) line[i + ends] = values[at];
  line.fill(line[ends], 0, ends);
  line.fill(line[grid + ends - 1], grid + ends, grid + 2 * ends);
}

/** @param {number} i @param {number} last */
function clamp(i, last) {
  return i < 0 ? 0 : i > last ? last : i;
}
