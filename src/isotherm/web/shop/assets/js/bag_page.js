// @ts-check
/** Sets out the bag's lines and its sum, on the bag's page and beside the checkout. */

import { put, read } from "./bag.js";
import { catalog, price } from "./catalog.js";
import { make, onClick, picture } from "./dom.js";

/** @typedef {import("./catalog.js").Product} Product */

const FREE_FROM_CENTS = 4000;
const DELIVERY_CENTS = 390;

export async function showBag() {
  const lines = document.querySelector("[data-bag-lines]");
  const sum = document.querySelector("[data-bag-sum]");
  if (!(sum instanceof HTMLElement)) return;
  const { products } = await catalog();
  const show = () => {
    const bag = read();
    const inside = products.filter((product) => bag[product.slug]);
    lines?.replaceChildren(...(inside.length ? inside.map((product) => line(product, bag[product.slug])) : [nothing()]));
    const cents = inside.reduce((all, product) => all + product.price_cents * bag[product.slug], 0);
    sum.replaceChildren(...(inside.length ? total(cents, inside.length, sum.dataset.href) : []));
  };
  onClick("[data-amount]", (button) => {
    const { slug = "", amount = "0" } = button.dataset;
    put(slug, Number(amount));
    refocus(slug);
  });
  document.addEventListener("bag", show);
  show();
}

/** The lines were set out anew: whoever works by keyboard goes on where they were. @param {string} slug */
function refocus(slug) {
  const button = document.querySelector(`[data-slug="${CSS.escape(slug)}"][data-more]`) ?? document.querySelector("#main");
  if (button instanceof HTMLElement) button.focus({ preventScroll: true });
}

/**
 * @param {Product} product
 * @param {number} amount
 */
function line(product, amount) {
  const href = `/shop/p/${product.slug}`;
  return make(
    "li",
    { class: "bag-line", "data-product": product.slug },
    make("a", { href, class: `tint-${product.tint}`, "data-heat-zone": "picture", tabindex: "-1", "aria-hidden": "true" }, picture(product.slug)),
    make(
      "div",
      {},
      make("h2", {}, make("a", { href, "data-heat-zone": "name" }, product.name)),
      make("p", { class: "kind" }, product.kind),
      make(
        "div",
        { class: "bag-amount" },
        step(product, amount - 1, "–", `One ${product.name} less`),
        make("output", {}, String(amount)),
        step(product, amount + 1, "+", `One ${product.name} more`),
      ),
    ),
    make("p", { class: "price", "data-heat-zone": "price" }, price(product.price_cents * amount)),
  );
}

/**
 * @param {Product} product
 * @param {number} amount
 * @param {string} sign
 * @param {string} label
 */
function step(product, amount, sign, label) {
  const button = make("button", { type: "button", class: "round", "data-slug": product.slug, "data-amount": String(amount), "aria-label": label }, sign);
  button.dataset.heatZone = sign === "+" ? "more" : "less";
  if (sign === "+") button.dataset.more = "";
  return button;
}

function nothing() {
  return make("li", { class: "nothing" }, "Nothing in it yet. ", make("a", { href: "/shop/" }, "Have a look around"));
}

/**
 * @param {number} cents
 * @param {number} things
 * @param {string | undefined} href where it goes on
 */
function total(cents, things, href) {
  const delivery = cents >= FREE_FROM_CENTS ? 0 : DELIVERY_CENTS;
  /** @param {string} name @param {string} value @param {string} style */
  const row = (name, value, style = "row") => make("div", { class: style }, make("dt", {}, name), make("dd", {}, value));
  const rows = make(
    "dl",
    { "data-heat-zone": "sum" },
    row(things === 1 ? "1 thing" : `${things} things`, price(cents)),
    row("Delivery", delivery ? price(delivery) : "free"),
    row("In all", price(cents + delivery), "all"),
  );
  const title = make("h2", {}, "Sum");
  return href ? [title, rows, make("a", { class: "button", href, "data-heat-zone": "checkout" }, "To the checkout")] : [title, rows];
}
