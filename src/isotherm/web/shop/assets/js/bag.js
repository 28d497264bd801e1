// @ts-check
/** What lies in the bag: kept in the visitor's browser for this tab, told to nobody. */

/** @typedef {Record<string, number>} Bag how many of each product, by slug */

const KEY = "kestrel-bag";
/** A new visitor finds two things in the bag, so that bag and checkout have something to show. @type {Bag} */
const AT_FIRST = { console: 1, headphones: 1 };
const MOST_OF_ONE = 9;

/** @returns {Bag} */
export function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "") ?? AT_FIRST;
  } catch {
    return AT_FIRST;
  }
}

/**
 * Sets how many of a product there are; none takes it out. Tells the page by the event `bag`.
 * @param {string} slug
 * @param {number} amount
 */
export function put(slug, amount) {
  const bag = { ...read(), [slug]: Math.min(amount, MOST_OF_ONE) };
  if (amount <= 0) delete bag[slug];
  write(bag);
}

/** @param {string} slug */
export function add(slug) {
  put(slug, (read()[slug] ?? 0) + 1);
}

export function empty() {
  write({});
}

/** @param {Bag} bag */
export function count(bag) {
  return Object.values(bag).reduce((sum, amount) => sum + amount, 0);
}

/** @param {Bag} bag */
function write(bag) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(bag));
  } catch {
    // No storage (private windows of some browsers): the bag forgets, the shop goes on.
  }
  document.dispatchEvent(new Event("bag"));
}
