// @ts-check
/** Finding and making elements. Text is always text: nothing here parses markup. */

/**
 * An element with attributes and children; a string is a text node.
 * @param {string} name
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/**
 * @param {string} slug of a product
 * @returns {HTMLElement}
 */
export function picture(slug) {
  return make("img", { src: `/shop/assets/pictures/${slug}.svg`, alt: "", width: "400", height: "400" });
}

/**
 * Calls `listener` for clicks on anything that matches, now or later in the page.
 * @param {string} selector
 * @param {(element: HTMLElement, event: MouseEvent) => void} listener
 */
export function onClick(selector, listener) {
  document.addEventListener("click", (event) => {
    const found = event.target instanceof Element ? event.target.closest(selector) : null;
    if (found instanceof HTMLElement) listener(found, event);
  });
}

/** Tells a screen reader and everybody else. @param {string} text */
export function toast(text) {
  const box = document.querySelector("[data-toast]");
  if (!box) return;
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(hide);
  hide = setTimeout(() => box.classList.remove("shown"), 2600);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hide;
