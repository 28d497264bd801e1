// @ts-check
/**
 * Picking a part of the page: a frame goes with the pointer, or by arrow keys through the page's tree, until a click or Enter takes it.
 *
 * What is framed is what trackers can tell: the zone, link or element by whose name samples on it are counted.
 */

import { boxOf } from "./anchors.js";
import { make } from "./dom.js";

/** Not for the page while one picks. */
const KEPT = ["pointerdown", "pointerup", "mousedown", "mouseup", "click", "dblclick", "contextmenu"];
/** @type {Record<string, (at: Element) => Element | null>} */
const WAYS = {
  ArrowUp: (at) => at.parentElement,
  ArrowDown: (at) => at.firstElementChild,
  ArrowLeft: (at) => at.previousElementSibling,
  ArrowRight: (at) => at.nextElementSibling,
};

/**
 * @param {{own: Element, into: ParentNode, onFrame: (element: Element) => void, signal: AbortSignal}} of  `own`: the overlay's element, which
 *   is none of the page; `into`: where the frame is put; `onFrame`: called with what is framed
 * @returns {Promise<Element | null>}  null: given up
 */
export function pick({ own, into, onFrame, signal }) {
  const frame = make("div", { class: "frame picking", hidden: true });
  into.append(frame);
  const ending = new AbortController();
  const until = { signal: AbortSignal.any([signal, ending.signal]), capture: true };
  /** @type {Element | null} */
  let at = null;

  return new Promise((done) => {
    /** @param {Element | null} element */
    const end = (element) => {
      ending.abort();
      frame.remove();
      done(element);
    };
    /** @param {Element | null} element */
    const show = (element) => {
      if (!element || element === own || own.contains(element)) return;
      at = element;
      place();
      onFrame(boxOf(element));
    };
    const place = () => {
      if (!at) return;
      const box = boxOf(at).getBoundingClientRect();
      frame.hidden = false;
      frame.style.transform = `translate(${box.left}px, ${box.top}px)`;
      frame.style.width = `${box.width}px`;
      frame.style.height = `${box.height}px`;
    };
    addEventListener("pointermove", (event) => event.target !== own && show(document.elementFromPoint(event.clientX, event.clientY)), until);
    addEventListener("scroll", place, until);
    for (const type of KEPT) {
      addEventListener(
        type,
        (event) => {
          if (event.target === own) return; // the panel's own buttons
          event.preventDefault();
          event.stopImmediatePropagation();
          if (type === "click") end(at && boxOf(at));
        },
        until,
      );
    }
    addEventListener(
      "keydown",
      (event) => {
        const way = WAYS[event.key];
        if (!way && event.key !== "Enter" && event.key !== "Escape") return;
        if (event.key === "Enter" && event.target === own && !at) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        if (way) show(way(at ? boxOf(at) : document.body));
        else end(event.key === "Enter" && at ? boxOf(at) : null);
      },
      until,
    );
    signal.addEventListener("abort", () => end(null), { once: true, signal: ending.signal });
  });
}
