// @ts-check
/** What many look at right now rises to the top of its grid and is marked, for as long as it is hot: the shop's own answer to Isotherm. */

import { make } from "./dom.js";

/** Where each card stood before it rose. @type {Map<Element, Element | null>} */
const places = new Map();

/** @param {string} zone @returns {HTMLElement | null} its card in the grid of the home page */
const cardOf = (zone) => document.querySelector(`.grid-popular [data-heat-zone="${CSS.escape(zone)}"]`);

/**
 * The card rises, or goes back to where it stood. Nothing moves under a visitor who is just using the grid with the keyboard.
 * @param {string} zone
 * @param {boolean} hot
 */
export function popular(zone, hot) {
  const card = cardOf(zone);
  const grid = card?.parentElement;
  if (!card || !grid || card.classList.contains("card-popular") === hot) return;
  card.classList.toggle("card-popular", hot);
  if (hot) {
    places.set(card, card.nextElementSibling);
    card.append(make("span", { class: "popular-mark" }, "Popular now"));
    if (!grid.contains(document.activeElement)) grid.prepend(card);
    return;
  }
  card.querySelector(".popular-mark")?.remove();
  const next = places.get(card) ?? null;
  if (!grid.contains(document.activeElement)) grid.insertBefore(card, next?.parentElement === grid ? next : null);
}

/** The two lines. */
export function popularity() {
  addEventListener("isotherm:hot", (event) => popular(/** @type {CustomEvent} */ (event).detail.zone, true));
  addEventListener("isotherm:cooled", (event) => popular(/** @type {CustomEvent} */ (event).detail.zone, false));
}
