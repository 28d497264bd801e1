// @ts-check
/**
 * What the server tells of the past, and of people, over plain HTTP: ranges, a range in parts, who is on which tile.
 *
 * A server without a history answers 404, and a page's own policy may forbid the request: then `available` is false, and it is not asked
 * again. The token is the line's newest, in the address: a header would be one that a browser has to ask leave for.
 */

import { unpack } from "../shared/columns.js";
import { Heat } from "../shared/heat/heat.js";

/**
 * @typedef {import("./line.js").Subject} Subject
 * @typedef {{total: number | null, by: Uint32Array, error: number}} People  `by`: a number a tile
 * @typedef {{startMs: number, endMs: number, heat: Heat, people: People}} Range
 * @typedef {{endMs: number, cells: number[], counts: number[]}} Step
 * @typedef {{startMs: number, endMs: number, stepMs: number, grid: number, steps: Step[]}} Steps
 */

const PATIENCE_MS = 15_000;

export class Past {
  #host;
  #site;
  #token;
  #signal;
  /** Whether there is any hope of an answer. */
  available = true;

  /** @param {{host: string, site: string, token: () => string, signal: AbortSignal}} of */
  constructor({ host, site, token, signal }) {
    this.#host = host;
    this.#site = site;
    this.#token = token;
    this.#signal = signal;
    document.addEventListener("securitypolicyviolation", (event) => this.#violated(event), { signal });
  }

  /**
   * A range's heat and people; without times, the live window's.
   * @param {Subject} subject @param {number} [fromMs] @param {number} [toMs]
   * @returns {Promise<Range | null>}  null: no answer
   */
  async range(subject, fromMs, toMs) {
    const answer = await this.#ask("/api/heatmap", subject, { people: "1", ...times(fromMs, toMs) });
    if (!answer) return null;
    const grid = answer["grid-size"];
    const at = [];
    const counts = [];
    for (const [cell, count] of tiles(answer.value, grid)) {
      at.push(cell);
      counts.push(count);
    }
    const by = new Uint32Array(grid * grid);
    for (const [cell, number] of tiles(answer.people?.value ?? {}, grid)) by[cell] = number;
    const people = { total: answer.people?.total ?? null, by, error: answer.people?.error ?? 0 };
    return { startMs: answer.start, endMs: answer.end, heat: heatOf(grid, at, counts), people };
  }

  /**
   * A range in equal parts; without times, the live window.
   * @param {Subject} subject @param {number} [fromMs] @param {number} [toMs] @param {string} [step]  such as `5m`
   * @returns {Promise<Steps | null>}
   */
  async steps(subject, fromMs, toMs, step) {
    const answer = await this.#ask("/api/heatmap/steps", subject, { ...times(fromMs, toMs), ...(step ? { step } : {}) });
    if (!answer) return null;
    const steps = answer.steps.map((/** @type {{end: number, cells: string, counts: string}} */ one) => ({
      endMs: one.end,
      cells: unpack(one.cells) ?? [],
      counts: unpack(one.counts) ?? [],
    }));
    return { startMs: answer.start, endMs: answer.end, stepMs: answer.step, grid: answer["grid-size"], steps };
  }

  /** @param {SecurityPolicyViolationEvent} event */
  #violated({ blockedURI, disposition, effectiveDirective }) {
    const ours = blockedURI.startsWith(new URL("/api/heatmap", this.#host).href) || blockedURI === new URL(this.#host).origin;
    if (ours && disposition === "enforce" && effectiveDirective === "connect-src") this.available = false;
  }

  /** @param {string} path @param {Subject} subject @param {Record<string, string>} query */
  async #ask(path, { page, kind, device }, query) {
    if (!this.available) return null;
    const address = new URL(path, this.#host);
    address.search = new URLSearchParams({ page, kind, device, site: this.#site, token: this.#token(), ...query }).toString();
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(PATIENCE_MS)]);
      const answer = await fetch(address, { credentials: "omit", cache: "no-store", signal });
      if (answer.status === 404) this.available = false;
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }
}

/**
 * The heat of these cells.
 * @param {number} grid @param {ArrayLike<number>} at @param {ArrayLike<number>} counts
 */
export function heatOf(grid, at, counts) {
  const heat = new Heat();
  heat.fill(grid, at, counts);
  return heat;
}

/**
 * Each tile of a classic heat map's `value`, x → y → count, as its cell and count.
 * @param {Record<string, Record<string, number>>} value @param {number} grid
 */
function* tiles(value, grid) {
  for (const [x, column] of Object.entries(value)) for (const [y, count] of Object.entries(column)) yield [Number(y) * grid + Number(x), count];
}

/** @param {number} [fromMs] @param {number} [toMs] @returns {Record<string, string>} */
function times(fromMs, toMs) {
  return { ...(fromMs === undefined ? {} : { from: String(fromMs) }), ...(toMs === undefined ? {} : { to: String(toMs) }) };
}
