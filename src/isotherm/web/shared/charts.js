// @ts-check
/**
 * Two charts of a rate over the last two minutes, drawn by uPlot: `<iso-spark>`, a line beside a number, and `<iso-pulse>`, the
 * site's own, with a time line and a value under the pointer.
 *
 * The right edge is now. The upper edge is a round number above what is seen, so that the line does not breathe with each tick.
 * Colours come from the element's own CSS, at each drawing: a change of theme needs no word to them.
 */
import { roundAbove, spanOf } from "./chart_scale.js";
import { rate } from "./format.js";
import uPlot from "./vendor/uplot/uplot.js";

/** @typedef {{at: number[], value: number[]}} Trail  seconds since the epoch, oldest first, and what was at that time */

class Chart extends HTMLElement {
  /** @type {uPlot | null} */
  #plot = null;
  /** @type {Trail} */
  #trail = { at: [], value: [] };
  #size = new ResizeObserver(() => this.#fit());

  connectedCallback() {
    this.#size.observe(this);
  }

  disconnectedCallback() {
    // A list that is put in another order takes its elements out and in again: only what stays out is taken down.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#size.disconnect();
      this.#plot?.destroy();
      this.#plot = null;
    });
  }

  /** @param {Trail} trail */
  set trail(trail) {
    this.#trail = trail;
    this.#plot?.setData([trail.at, trail.value]);
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this;
    if (width === 0 || height === 0) return;
    if (this.#plot) this.#plot.setSize({ width, height });
    else this.#plot = new uPlot({ ...this.options(), width, height }, [this.#trail.at, this.#trail.value], this);
  }

  /** @returns {Omit<uPlot.Options, "width" | "height">} */
  options() {
    return {
      padding: [2, 0, 1, 0],
      legend: { show: false },
      cursor: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: {
        x: { time: true, range: (_plot, min, max) => spanOf(min ?? 0, max ?? 0) },
        y: { range: (_plot, _min, max) => [0, roundAbove(max ?? 0)] },
      },
      series: [
        {},
        {
          stroke: () => this.colour("--chart-line"),
          fill: () => this.colour("--chart-fill"),
          width: 1.5,
          points: { show: false },
        },
      ],
    };
  }

  /** @param {string} name  one of the registered colours of charts.css, resolved for the theme of now */
  colour(name) {
    return getComputedStyle(this).getPropertyValue(name);
  }
}

export class Spark extends Chart {
  connectedCallback() {
    super.connectedCallback();
    this.setAttribute("aria-hidden", "true");
  }
}

export class Pulse extends Chart {
  /** @returns {Omit<uPlot.Options, "width" | "height">} */
  options() {
    const base = super.options();
    const faint = () => this.colour("--chart-words");
    const font = `11px ${getComputedStyle(this).fontFamily}`;
    return {
      ...base,
      padding: [8, 0, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      axes: [
        {
          size: 20,
          gap: 4,
          font,
          stroke: faint,
          grid: { show: false },
          ticks: { show: false },
          splits: (_plot, _axis, min, max) => [90, 60, 30, 20, 10].map((ago) => max - ago).filter((at, i) => at > min + 3 && (i < 3 || max - min < 60)),
          values: (plot, splits) => splits.map((at) => `−${Math.round((plot.scales.x.max ?? at) - at)} s`),
        },
        {
          size: 40,
          gap: 6,
          font,
          side: 1,
          stroke: faint,
          grid: { stroke: () => this.colour("--chart-grid"), width: 1 },
          ticks: { show: false },
          splits: (_plot, _axis, _min, max) => [0, max / 2, max],
          values: (_plot, splits) => splits.map((n) => (n >= 10 || Number.isInteger(n) ? rate(n).replace(".0", "") : String(n))),
        },
      ],
      hooks: { setCursor: [(plot) => this.#tell(plot)] },
    };
  }

  /** @param {uPlot} plot */
  #tell(plot) {
    const at = plot.cursor.idx;
    const value = at === null || at === undefined ? null : plot.data[1][at];
    const past = at === null || at === undefined ? 0 : (plot.scales.x.max ?? 0) - plot.data[0][at];
    this.dispatchEvent(
      new CustomEvent("pulse-point", { detail: value === null || value === undefined ? null : { value, agoS: Math.round(past) } }),
    );
  }
}

customElements.define("iso-spark", Spark);
customElements.define("iso-pulse", Pulse);
