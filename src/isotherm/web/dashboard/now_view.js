// @ts-check
/** The strip at the top: people now, the pulse of the whole site, and three numbers on the pipeline. */
import "../shared/charts.js";
import { count, plural, rate, span } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { LAG_MAX_MS } from "./health.js";

/** @typedef {import("./overview.js").Overview} Overview */

/**
 * @param {Overview | null} overview
 * @param {import("../shared/charts.js").Trail} trail  of the whole site
 * @param {{value: number, agoS: number} | null} pointed  where on the chart the pointer is
 * @param {(event: CustomEvent) => void} onPoint
 */
export function nowView(overview, trail, pointed, onPoint) {
  const pipeline = overview?.pipeline;
  return html`
    <div class="people">
      <p class="label">People now</p>
      <p class="big">${pipeline ? count(pipeline.visitors) : "–"}</p>
      <p class="under">${overview ? `on ${plural(overview.pages.length, "page")}` : nothing}</p>
    </div>
    <div class="pulse">
      <p class="label">
        Samples a second
        <b>${pipeline ? rate(pointed?.value ?? pipeline.samples_per_second) : "–"}</b>
        <span>${pointed && pointed.agoS > 0 ? `${pointed.agoS} s ago` : nothing}</span>
      </p>
      <iso-pulse .trail=${trail} @pulse-point=${onPoint}></iso-pulse>
    </div>
    <dl class="facts">
      ${fact("Lag", pipeline ? span(pipeline.lag_ms) : "–", pipeline && pipeline.lag_ms > LAG_MAX_MS ? "warn" : "")}
      ${fact("Watching", pipeline ? count(pipeline.viewers) : "–")} ${fact("Accepted", pipeline ? count(pipeline.accepted) : "–")}
    </dl>
  `;
}

/** @param {string} name @param {string} value @param {string} [tone] */
function fact(name, value, tone = "") {
  return html`<div><dt class="label">${name}</dt><dd class=${tone}>${value}</dd></div>`;
}
