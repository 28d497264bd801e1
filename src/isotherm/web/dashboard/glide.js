// @ts-check
/**
 * Items of a list glide to their new places (First, Last, Invert, Play; Paul Lewis 2015): the layout jumps, the eye does not.
 */

const GLIDE_MS = 420;

/**
 * @param {Iterable<HTMLElement>} items  those that stay in the document
 * @param {() => void} change  puts them elsewhere
 */
export function glide(items, change) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return change();
  const before = new Map([...items].map((item) => [item, item.getBoundingClientRect()]));
  change();
  for (const [item, from] of before) {
    if (!item.isConnected) continue;
    const to = item.getBoundingClientRect();
    const x = from.left - to.left;
    const y = from.top - to.top;
    const seen = Math.max(from.bottom, to.bottom) > 0 && Math.min(from.top, to.top) < innerHeight;
    if (!seen || (Math.abs(x) < 1 && Math.abs(y) < 1)) continue;
    item.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: GLIDE_MS, easing: "ease-in-out" });
  }
}
