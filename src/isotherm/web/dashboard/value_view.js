// @ts-check
/** A JSON value for reading: nested as it is, columns as tables, times with their time of day. */
import { clock, count } from "../shared/format.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { isObject } from "./message_words.js";
import { shapeOf } from "./value_shape.js";

/** Longer lists and tables are cut, with the number of what is left out: a browser need not lay out 10,000 cells to be read. */
const ROWS_MAX = 250;
const ITEMS_MAX = 120;
/** Objects with more fields begin folded. */
const OPEN_FIELDS_MAX = 24;

/** Fields whose numbers are times. */
const TIMES = new Set(["at", "start", "end", "time", "timestamp", "newest"]);

/**
 * @param {unknown} value @param {string} [name]
 * @returns {unknown} a template
 */
export function valueView(value, name = "") {
  if (Array.isArray(value)) return listView(value);
  if (isObject(value)) return objectView(value);
  if (typeof value === "string") return html`<span class="json-text">“${value}”</span>`;
  const time = typeof value === "number" && TIMES.has(name) && value > 1e11 ? html`<span class="json-note">${clock(value)}</span>` : nothing;
  return html`<span class="json-plain">${String(value)}</span>${time}`;
}

/** @param {Record<string, unknown>} value @returns {unknown} a template */
function objectView(value) {
  const { fields, table } = shapeOf(value);
  if (fields.length === 0 && !table) return html`<span class="json-note">{ }</span>`;
  return html`
    ${fields.length > 0 ? html`<ul class="json">${fields.map(([name, item]) => fieldView(name, item))}</ul>` : nothing}
    ${table ? tableView(table) : nothing}
  `;
}

/** @param {string} name @param {unknown} item @returns {unknown} a template */
function fieldView(name, item) {
  if (!isObject(item) || Object.keys(item).length === 0) {
    return html`<li class="json-field"><span class="json-name">${name}</span><span class="json-value">${valueView(item, name)}</span></li>`;
  }
  const fields = Object.keys(item).length;
  return html`<li>
    <details ?open=${fields <= OPEN_FIELDS_MAX}>
      <summary class="json-name">${name} <span class="json-note">${count(fields)} ${fields === 1 ? "field" : "fields"}</span></summary>
      <div class="json-inner">${objectView(item)}</div>
    </details>
  </li>`;
}

/** @param {unknown[]} list */
function listView(list) {
  if (list.length === 0) return html`<span class="json-note">[ ]</span>`;
  const left = list.length - ITEMS_MAX;
  return html`<span class="json-list">${list.slice(0, ITEMS_MAX).map((item) => html`<span>${valueView(item)}</span>`)}</span>
    ${left > 0 ? html`<span class="json-note">and ${count(left)} more</span>` : nothing}`;
}

/** @param {import("./value_shape.js").ColumnTable} table */
function tableView({ names, rows }) {
  const left = rows.length - ROWS_MAX;
  return html`<div class="columns" tabindex="0" role="region" aria-label="Columns ${names.join(", ")}">
      <table>
        <thead>
          <tr><th scope="col"><span class="unseen">Row</span></th>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr>
        </thead>
        <tbody>
          ${rows.slice(0, ROWS_MAX).map(
            (row, i) => html`<tr><th scope="row">${i}</th>${row.map((cell) => html`<td class=${typeof cell}>${cellText(cell)}</td>`)}</tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${left > 0 ? html`<span class="json-note">and ${count(left)} more rows</span>` : nothing}`;
}

/** @param {unknown} cell */
function cellText(cell) {
  return typeof cell === "number" && !Number.isInteger(cell) ? String(Math.round(cell * 1000) / 1000) : String(cell);
}
