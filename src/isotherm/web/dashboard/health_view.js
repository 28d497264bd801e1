// @ts-check
/** The badge at the head, and the card that it opens: all that the server says of its pipeline. */
import { count, rate, span } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";

/** @typedef {import("./health.js").Health} Health */

/** @param {Health} health @param {number | null} lagMs */
export function healthBadge(health, lagMs) {
  return html`<span class="dot ${health.tone === "" ? "waiting" : ""}"></span><span>${health.word}</span>${
    health.tone === "good" && lagMs !== null ? html`<span class="lag">${span(lagMs)}</span>` : nothing
  }`;
}

/** @param {Health} health @param {import("./overview.js").Overview | null} overview */
export function healthCard(health, overview) {
  return html`
    <h2>Pipeline</h2>
    <p class="why ${health.tone}">${health.why}</p>
    ${overview ? figures(overview) : nothing}
  `;
}

/** @param {import("./overview.js").Overview} overview */
function figures({ pipeline, counters }) {
  const turnedAway = Object.entries(counters).filter(([, n]) => n > 0);
  return html`
    <dl>
      ${row("Lag", span(pipeline.lag_ms))} ${row("Samples a second", rate(pipeline.samples_per_second))}
      ${row("Messages a second", rate(pipeline.messages_per_second))} ${row("Accepted since the start", count(pipeline.accepted))}
      ${row("People", count(pipeline.visitors))} ${row("Connections", count(pipeline.connections))} ${row("Watching", count(pipeline.viewers))}
    </dl>
    <dl>
      ${row("Window", `${span(pipeline.window_ms)}, every ${span(pipeline.hop_ms)}`)}
      ${row("Grid", `${pipeline.grid_size} × ${pipeline.grid_size} tiles`)} ${row("Runtime", pipeline.runtime)}
    </dl>
    ${turnedAway.length === 0
      ? nothing
      : html`<h3>Counted besides</h3>
          <dl>${turnedAway.map(([name, n]) => row(name.replaceAll("_", " "), count(n)))}</dl>`}
  `;
}

/** @param {string} name @param {string} value */
function row(name, value) {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
