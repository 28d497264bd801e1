// @ts-check
/** The choice of a range: three buttons, and two times where it is any. */
import { span } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { LIVE, localOf } from "./ranges.js";

/** @typedef {import("./ranges.js").Range} Range */

const DAY_MS = 86_400_000;

/** @param {Range} range @param {number} windowMs  of the live one @param {number} nowMs @param {(range: Range) => void} choose */
export function rangeView(range, windowMs, nowMs, choose) {
  /** @type {[Range, string][]} */
  const choices = [[LIVE, `${span(windowMs)}, live`], [{ name: "hour" }, "1 h"], [{ name: "today" }, "Today"]];
  return html`<div class="choice words" role="group" aria-label="Time">
      ${choices.map(([one, words]) => html`<button aria-pressed=${one.name === range.name ? "true" : "false"} @click=${() => choose(one)}>${words}</button>`)}
      <button
        aria-pressed=${range.name === "any" ? "true" : "false"}
        @click=${() => choose({ name: "any", from: nowMs - (nowMs % 60_000) - 7 * DAY_MS, to: null })}
      >
        Any
      </button>
    </div>
    ${range.name === "any" ? times(range, nowMs, choose) : nothing}`;
}

/** @param {Extract<Range, {name: "any"}>} range @param {number} nowMs @param {(range: Range) => void} choose */
function times({ from, to }, nowMs, choose) {
  /** @param {Event} event @param {"from" | "to"} end */
  const change = (event, end) => {
    const { value } = /** @type {HTMLInputElement} */ (event.target);
    const ms = value ? new Date(value).getTime() : null;
    if (end === "to") choose({ name: "any", from, to: ms !== null && ms > from ? ms : null });
    else if (ms !== null && ms >= 0 && ms < nowMs) choose({ name: "any", from: ms, to: to !== null && to > ms ? to : null });
  };
  return html`<div class="times">
    <label class="field"><span>from</span><input type="datetime-local" max=${localOf(nowMs)} .value=${localOf(from)} @change=${(/** @type {Event} */ e) => change(e, "from")} /></label>
    <label class="field"><span>to</span><input type="datetime-local" .value=${to === null ? "" : localOf(to)} @change=${(/** @type {Event} */ e) => change(e, "to")} /></label>
  </div>`;
}
