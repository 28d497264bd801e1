// @ts-check
/** The field that a list is searched with; the key / goes to it. */
import { icon } from "../shared/icon.js";
import { html } from "../shared/vendor/lit-html/lit-html.js";

/**
 * @param {string} what  what it does: "Search pages"
 * @param {string} query  what stands in it
 * @param {(query: string) => void} search
 */
export const searchField = (what, query, search) => html`<label class="field">
  ${icon("search")}
  <span class="unseen">${what}</span>
  <input
    type="search"
    id="search"
    placeholder=${what}
    autocomplete="off"
    spellcheck="false"
    .value=${query}
    @input=${(/** @type {Event} */ event) => search(/** @type {HTMLInputElement} */ (event.target).value)}
  />
  <kbd aria-hidden="true">/</kbd>
</label>`;
