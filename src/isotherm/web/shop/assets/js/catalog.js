// @ts-check
/** The catalogue in the browser: the same file that the server makes the pages from. */

/**
 * @typedef {{slug: string, name: string, kind: string, category: string, tint: string, lead: string,
 *   price_cents: number, was_cents: number | null}} Product
 * @typedef {{currency: string, categories: {slug: string, name: string}[], products: Product[]}} Catalog
 */

/** @type {Promise<Catalog> | null} */
let loading = null;

/** The catalogue, loaded once a page. @returns {Promise<Catalog>} */
export function catalog() {
  loading ??= fetch(new URL("../catalog.json", import.meta.url)).then((answer) => answer.json());
  return loading;
}

/** @param {number} cents */
export function price(cents) {
  return "€" + (cents / 100).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
