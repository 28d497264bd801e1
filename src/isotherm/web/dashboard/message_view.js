// @ts-check
/** One message unfolded: where it stands in its topic, a picture where it is heat, and its value for reading. */
import "../shared/heat_picture.js";
import { clock, moment } from "../shared/format.js";
import { icon } from "../shared/icon.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { error, isObject } from "./message_words.js";
import { heatOf } from "./value_shape.js";
import { valueView } from "./value_view.js";

/** @typedef {import("./message_store.js").Message} Message */

/** @param {Message | null} message @param {() => void} fold */
export function messageView(message, fold) {
  if (!message) {
    return html`<div class="empty">
      ${icon("mouse-pointer-2")}
      <p>Choose a message to read it here: its columns become tables, heat becomes a picture.</p>
    </div>`;
  }
  const { key, topic, partition, offset, time, value } = message;
  const wrong = isObject(value) ? error(value) : null;
  const heat = heatOf(value);
  return html`
    <div class="message-head">
      <h2 title=${key ?? ""}>${key ?? topic}</h2>
      <button class="button copy" data-copy="raw">${icon("copy")} <span>Copy JSON</span></button>
      <button class="button bare square" aria-label="Close" @click=${fold}>${icon("x")}</button>
    </div>
    <dl class="place">
      <div><dt>Topic</dt><dd>${topic}</dd></div>
      <div><dt>Partition</dt><dd>${partition}</dd></div>
      <div><dt>Offset</dt><dd>${offset}</dd></div>
      <div><dt>Time</dt><dd title=${moment(time)}>${clock(time)}</dd></div>
    </dl>
    ${wrong ? html`<div class="notice bad">${icon("circle-alert")}<p>${wrong}</p></div>` : nothing}
    ${heat ? html`<iso-picture .picture=${heat}></iso-picture>` : nothing}
    <div class="message-value">${valueView(value)}</div>
    <pre id="raw" hidden>${JSON.stringify(value, null, 2)}</pre>
  `;
}
