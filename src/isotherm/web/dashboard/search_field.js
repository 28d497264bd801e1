// @ts-check
/** The field that a list is searched with; the key / goes to it, Escape clears it. */
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

/** @param {(query: string) => void} search */
export function searchKeys(search) {
  document.addEventListener("keydown", (event) => {
    const field = document.getElementById("search");
    if (!(field instanceof HTMLInputElement)) return;
    const writing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.select();
    } else if (event.key === "Escape" && event.target === field && field.value) {
      event.preventDefault();
      search("");
    }
  });
}
