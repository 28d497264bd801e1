// @ts-check
/** The page under the heat: how large it is, how light it is, which one it is; and where its heat comes from. Nothing here writes to it, but to layers of ours. */

/**
 * @typedef {import("../shared/heat/geometry.js").Size} Size
 * @typedef {import("../shared/heat/scales.js").Ground} Ground
 */

/**
 * The document's size as the tracker measures it: heat is told in parts of it.
 * @returns {Size}
 */
export function documentSize() {
  const { documentElement: html, body } = document;
  return {
    width: Math.max(html.scrollWidth, body?.scrollWidth ?? 0),
    height: Math.max(html.scrollHeight, body?.scrollHeight ?? 0),
  };
}

/**
 * How much a page that sets CSS `zoom` on its root enlarges what stands in it, us too. Places and sizes of the document are told without it.
 */
export function zoomOf() {
  return /** @type {{currentCSSZoom?: number}} */ (document.documentElement).currentCSSZoom ?? 1;
}

/**
 * Whether the page is rather light or rather dark: what most of nine places in the window show behind their contents.
 * @returns {Ground}
 */
export function groundOf() {
  let light = 0;
  let dark = 0;
  for (const x of [0.1, 0.5, 0.9]) {
    for (const y of [0.1, 0.5, 0.9]) {
      const luminance = luminanceAt(x * innerWidth, y * innerHeight);
      if (luminance > 0.22) light += 1;
      else dark += 1;
    }
  }
  return light >= dark ? "light" : "dark";
}

/**
 * The first background that covers, from the top: its luminance, 0 … 1. Without any, the browser's own canvas.
 * @param {number} x @param {number} y  in the window
 */
function luminanceAt(x, y) {
  for (const element of document.elementsFromPoint(x, y)) {
    const luminance = luminanceOf(getComputedStyle(element).backgroundColor);
    if (luminance !== null) return luminance;
  }
  return getComputedStyle(document.documentElement).colorScheme.includes("dark") && prefersDark() ? 0 : 1;
}

/**
 * @param {string} colour  as computed: `rgb(…)`, or one of the wide spaces, which a canvas is asked for
 * @returns {number | null}  null where one sees through it
 */
function luminanceOf(colour) {
  const [red, green, blue, alpha] = colour.startsWith("rgb") ? parse(colour) : render(colour);
  if (alpha < 0.5) return null;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** @param {string} colour */
function parse(colour) {
  const [red = 0, green = 0, blue = 0, alpha = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue, alpha];
}

/** @param {string} colour */
function render(colour) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!context) return [255, 255, 255, 0];
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}

/** sRGB to linear light. @param {number} channel 0 … 255 */
function linear(channel) {
  const part = channel / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

function prefersDark() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * Calls when something may have changed the page's size or its colours. Called often: what it costs is up to the caller.
 * @param {() => void} onChange @param {AbortSignal} signal
 */
export function watchPage(onChange, signal) {
  const sizes = new ResizeObserver(onChange);
  const themes = new MutationObserver(onChange);
  for (const element of [document.documentElement, document.body]) {
    if (!element) continue;
    sizes.observe(element);
    themes.observe(element, { attributes: true });
  }
  addEventListener("resize", onChange, { signal });
  addEventListener("load", onChange, { signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange, { signal });
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    themes.disconnect();
  });
}

/**
 * Calls when the address may have changed without a load. `history` is left as it is: where the browser does not tell of `pushState`,
 * the caller's own clock finds it out.
 * @param {() => void} onRoute @param {AbortSignal} signal
 */
export function watchRoute(onRoute, signal) {
  addEventListener("popstate", onRoute, { signal });
  const { navigation } = /** @type {{navigation?: EventTarget}} */ (/** @type {unknown} */ (window));
  navigation?.addEventListener("currententrychange", onRoute, { signal });
}

/**
 * Brings a layer of ours to a place in the window: a page may place its root element, give it margins, or hold what is fixed.
 * @param {HTMLElement} layer @param {number} left @param {number} top  CSS pixels, in the window
 */
export function put(layer, left, top) {
  const box = layer.getBoundingClientRect();
  const { style } = layer;
  if (Math.abs(box.left - left) >= 0.01) style.left = `${(parseFloat(style.left) || 0) + left - box.left}px`;
  if (Math.abs(box.top - top) >= 0.01) style.top = `${(parseFloat(style.top) || 0) + top - box.top}px`;
}

/** Where Isotherm is; a host that is named without a scheme has the one by which these modules came. @param {string} host */
export function originOf(host) {
  return new URL(/^[a-z]+:/.test(host) && host.includes("//") ? host : `//${host.replace(/^\/\//, "")}`, import.meta.url).origin;
}
