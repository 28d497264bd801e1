// @ts-check
/** Search: the page has all products; this leaves those that the address asks for. */

import { catalog } from "./catalog.js";

/** @typedef {import("./catalog.js").Product} Product */

export async function search() {
  const form = document.querySelector("[data-search]");
  const words = (new URLSearchParams(location.search).get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  if (!(form instanceof HTMLFormElement) || !words.length) return;
  for (const field of document.querySelectorAll("input[name=q]")) if (field instanceof HTMLInputElement) field.value = words.join(" ");
  const found = new Set((await catalog()).products.filter((product) => matches(product, words)).map((product) => product.slug));
  for (const card of document.querySelectorAll(".card[data-product]"))
    if (card instanceof HTMLElement) card.hidden = !found.has(card.dataset.product ?? "");
  const told = document.querySelector("[data-found]");
  if (told) told.textContent = found.size === 1 ? "1 thing" : `${found.size} things`;
  document.querySelector("[data-nothing]")?.toggleAttribute("hidden", found.size > 0);
}

/**
 * Every word stands somewhere in what the product is.
 * @param {Product} product
 * @param {string[]} words
 */
export function matches(product, words) {
  const text = `${product.name} ${product.kind} ${product.category} ${product.lead}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
