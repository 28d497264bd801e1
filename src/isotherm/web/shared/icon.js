// @ts-check
/** One of Lucide's icons, in the size and colour of the text beside it; words beside or around it say what it means. */
import { html } from "./vendor/lit-html/lit-html.js";

/** @param {string} name  a symbol of vendor/lucide/lucide.svg */
export function icon(name) {
  return html`<svg class="icon" aria-hidden="true"><use href="/shared/vendor/lucide/lucide.svg#${name}"></use></svg>`;
}
