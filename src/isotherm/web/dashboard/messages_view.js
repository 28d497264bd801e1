// @ts-check
/** The messages of one topic as a list, newest on top, and the tools over it: filter, pause. */
import { clock, count } from "../shared/format.js";
import { icon } from "../shared/icon.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { repeat } from "../shared/vendor/lit-html/directives/repeat.js";
import { error, isObject, summary } from "./message_words.js";
import { idOf } from "./message_store.js";

/** @typedef {import("./message_store.js").Message} Message */

/** Rows on the page; what is older is out of reach within seconds anyway. */
const ROWS_MAX = 100;

/**
 * @typedef {object} MessagesModel
 * @property {string} topic @property {readonly Message[]} messages @property {string} filter @property {boolean} paused @property {boolean} held
 * @property {number} newer @property {string} unfolded  id of the unfolded message @property {Iterable<string>} keys @property {boolean} waiting
 */
/**
 * @typedef {object} MessagesActions
 * @property {(key: string) => void} filter @property {() => void} pause @property {(message: Message) => void} unfold
 */

/** @param {MessagesModel} model @param {MessagesActions} actions */
export function messagesView(model, actions) {
  return html`${toolbar(model, actions)} ${model.messages.length === 0 ? noMessages(model, actions) : list(model, actions)}`;
}

/** @param {MessagesModel} model @param {MessagesActions} actions */
function toolbar({ topic, filter, paused, held, newer, keys }, actions) {
  /** @param {Event} event */
  const change = (event) => actions.filter(/** @type {HTMLInputElement} */ (event.target).value.trim());
  return html`<div class="toolbar">
    <h2>${topic}</h2>
    <span class="news" role="status">${paused ? `${count(newer)} newer` : held ? html`${icon("pause")} held while you point` : nothing}</span>
    <label class="field">
      ${icon("search")}<span class="unseen">Only messages with this key</span>
      <input
        type="search"
        id="filter"
        list="keys"
        placeholder="Filter by key"
        autocomplete="off"
        spellcheck="false"
        .value=${filter}
        @change=${change}
      />
      <datalist id="keys">${[...keys].map((key) => html`<option value=${key}></option>`)}</datalist>
    </label>
    <button class="button pause" aria-pressed=${paused ? "true" : "false"} title="Pause (p)" @click=${actions.pause}>
      ${icon(paused ? "play" : "pause")} <span>${paused ? "Resume" : "Pause"}</span>
    </button>
  </div>`;
}

/** @param {MessagesModel} model @param {MessagesActions} actions */
function list({ messages, unfolded, topic }, actions) {
  const rows = messages.slice(0, ROWS_MAX);
  const reachable = rows.find((message) => idOf(message) === unfolded) ?? rows[0];
  return html`<div class="list card" id="list">
    <table class="table" @keydown=${walk}>
      <caption class="unseen">Messages of ${topic}, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Key</th>
          <th scope="col" class="number">Partition</th>
          <th scope="col" class="number">Offset</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        ${repeat(rows, idOf, (message) => row(message, idOf(message) === unfolded, message === reachable, actions))}
      </tbody>
    </table>
  </div>`;
}

/** @param {Message} message @param {boolean} unfolded @param {boolean} reachable  by Tab; the others by arrow keys @param {MessagesActions} actions */
function row(message, unfolded, reachable, actions) {
  const wrong = isObject(message.value) && error(message.value) !== null;
  return html`<tr class=${unfolded ? "unfolded" : ""} @click=${() => actions.unfold(message)}>
    <td class="time">
      <button class="unfold" tabindex=${reachable ? "0" : "-1"} aria-expanded=${unfolded ? "true" : "false"}>${clock(message.time)}</button>
    </td>
    <td class="key" title=${message.key ?? ""}>${message.key === null ? html`<span class="none">no key</span>` : html`<bdi>${message.key}</bdi>`}</td>
    <td class="number">${message.partition}</td>
    <td class="number">${message.offset}</td>
    <td class="value ${wrong ? "wrong" : ""}"><bdi>${summary(message.value)}</bdi></td>
  </tr>`;
}

/** Up and down go through the rows. @param {KeyboardEvent} event */
function walk(event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const here = event.target instanceof Element ? event.target.closest("tr") : null;
  const next = event.key === "ArrowDown" ? here?.nextElementSibling : here?.previousElementSibling;
  const button = next?.querySelector("button");
  if (!button) return;
  event.preventDefault();
  button.focus();
}

/** @param {MessagesModel} model @param {MessagesActions} actions */
function noMessages({ topic, filter, waiting }, actions) {
  if (filter) {
    return html`<div class="empty card">
      ${icon("search")}
      <h3>No message with the key “<bdi>${filter}</bdi>” yet</h3>
      <p>A key is matched as a whole; in topics by page it is the site and the path, such as <code>default/p/1</code>.</p>
      <button class="button" @click=${() => actions.filter("")}>Show all keys</button>
    </div>`;
  }
  const dead = topic.endsWith("dead-letter");
  return html`<div class="empty card">
    ${icon(dead ? "circle-check" : "inbox")}
    <h3>${waiting ? "Listening" : dead ? "No dead letters" : "Nothing yet"}</h3>
    <p>${dead ? "What could not be processed stands here, with the error. Nothing had to." : "The next message of this topic appears here as it is written."}</p>
  </div>`;
}
