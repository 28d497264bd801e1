// @ts-check
/**
 * Picking parts of the page: a frame goes with the pointer, or by arrow keys through the page's tree, until a click or Enter takes what is
 * framed; or a rectangle is dragged around several.
 *
 * What is framed is what trackers can tell: the zone, link or element by whose name samples on it are counted. The page hears nothing of it.
 */

import { anchorsIn, boxOf } from "./anchors.js";
import { make } from "./dom.js";
import { Rectangle } from "./rectangle.js";

/** Not for the page while one picks. */
const KEPT = ["pointerdown", "pointermove", "pointerup", "pointercancel", "mousedown", "mousemove", "mouseup", "click", "auxclick", "dblclick", "contextmenu"];
const KEPT_BESIDES = ["touchstart", "touchmove", "touchend", "touchcancel", "dragstart", "selectstart"];
/** What a tap's click comes from: without their default there is none. */
const TAPS = ["touchstart", "touchend"];
/** A press that moves further is a drag, px. */
const SLOP = 6;
/** A finger draws and does not scroll; a drag selects no text. */
const QUIET = "* { cursor: crosshair !important; touch-action: none !important; -webkit-user-select: none !important; user-select: none !important; }";
/** @type {Record<string, (at: Element) => Element | null>} */
const WAYS = {
  ArrowUp: (at) => at.parentElement,
  ArrowDown: (at) => at.firstElementChild,
  ArrowLeft: (at) => at.previousElementSibling,
  ArrowRight: (at) => at.nextElementSibling,
};

/**
 * @typedef {object} Surroundings
 * @property {Element} own  the overlay's element, which is none of the page
 * @property {ParentNode} into  where frames are put
 * @property {AbortSignal} signal
 */

/**
 * @param {Surroundings & {most: number}} of  `most`: parts that are not too many
 * @returns {Promise<string[] | null>}  names of what was picked, none where nothing lay in a rectangle; null: given up
 */
export function pick(of) {
  return new Promise((done) => void new Picking(of, done));
}

class Picking {
  #own;
  #into;
  #most;
  #done;
  #ending = new AbortController();
  #frame = make("div", { class: "frame picking", hidden: true });
  #quiet = new CSSStyleSheet();
  /** @type {Element | null} */
  #at = null;
  /** @type {{id: number, x: number, y: number} | null} where a pointer was pressed that is not released */
  #pressed = null;
  /** @type {Rectangle | null} */
  #rectangle = null;
  #over = false;

  /** @param {Surroundings & {most: number}} of @param {(names: string[] | null) => void} done */
  constructor({ own, into, signal, most }, done) {
    this.#own = own;
    this.#into = into;
    this.#most = most;
    this.#done = done;
    into.append(this.#frame);
    this.#quiet.replaceSync(QUIET);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.#quiet];
    const until = { signal: this.#ending.signal, capture: true, passive: false };
    for (const type of [...KEPT, ...KEPT_BESIDES]) addEventListener(type, (event) => this.#keep(event), until);
    addEventListener("keydown", (event) => this.#key(event), until);
    addEventListener("scroll", () => this.#scrolled(), until);
    const giveUp = () => {
      this.#end(null);
      this.#ending.abort();
    };
    signal.addEventListener("abort", giveUp, { once: true, signal: this.#ending.signal });
  }

  /** @param {Event} event */
  #keep(event) {
    if (this.#over && event.type === "pointerdown") {
      this.#ending.abort(); // the press that was waited for has ended unheard
      return;
    }
    if (event.target === this.#own && !this.#pressed) return; // the panel's own buttons
    if (!TAPS.includes(event.type)) event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "click") this.#end(this.#at && anchorsIn(boxOf(this.#at)));
    else if (!(event instanceof PointerEvent)) return;
    else if (event.type === "pointerdown") this.#press(event);
    else if (event.type === "pointermove") this.#move(event);
    else if (event.type === "pointerup") this.#release(event);
    else if (event.type === "pointercancel") this.#lose(event);
  }

  /** @param {PointerEvent} event */
  #press({ button, isPrimary, pointerId, clientX, clientY }) {
    if (button !== 0 || !isPrimary) return;
    this.#pressed = { id: pointerId, x: clientX, y: clientY };
    this.#show(document.elementFromPoint(clientX, clientY));
  }

  /** @param {PointerEvent} event */
  #move({ pointerId, clientX: x, clientY: y }) {
    if (this.#over) return;
    const pressed = this.#pressed;
    if (!pressed) {
      this.#show(document.elementFromPoint(x, y));
      return;
    }
    if (pressed.id !== pointerId) return;
    if (!this.#rectangle && Math.hypot(x - pressed.x, y - pressed.y) > SLOP) {
      this.#frame.hidden = true;
      this.#rectangle = new Rectangle(this.#into, pressed, this.#most);
      document.documentElement.setPointerCapture(pointerId); // also over the panel, frames and beside the window
    }
    this.#rectangle?.drawTo({ x, y });
  }

  /** @param {PointerEvent} event */
  #release({ pointerId }) {
    if (this.#pressed?.id !== pointerId) return;
    this.#pressed = null;
    if (this.#over) this.#leave();
    else if (this.#rectangle) this.#end(this.#rectangle.names);
  }

  /** @param {PointerEvent} event */
  #lose({ pointerId }) {
    if (this.#pressed?.id !== pointerId) return;
    this.#pressed = null;
    this.#rectangle?.remove();
    this.#rectangle = null;
    if (this.#over) this.#leave();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const way = WAYS[event.key];
    if (this.#over || (!way && event.key !== "Enter" && event.key !== "Escape")) return;
    if (event.key === "Enter" && event.target === this.#own && !this.#at) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === "Escape") this.#end(null);
    else if (this.#rectangle) return;
    else if (way) this.#show(way(this.#at ? boxOf(this.#at) : document.body));
    else this.#end(this.#at && anchorsIn(boxOf(this.#at)));
  }

  /** @param {Element | null} element */
  #show(element) {
    if (!element || element === this.#own || this.#own.contains(element)) return;
    this.#at = element;
    this.#place();
  }

  #place() {
    if (!this.#at) return;
    const box = boxOf(this.#at).getBoundingClientRect();
    this.#frame.hidden = false;
    this.#frame.style.transform = `translate(${box.left}px, ${box.top}px)`;
    this.#frame.style.width = `${box.width}px`;
    this.#frame.style.height = `${box.height}px`;
  }

  #scrolled() {
    if (this.#rectangle) this.#rectangle.scrolled();
    else this.#place();
  }

  /** @param {string[] | null} names */
  #end(names) {
    if (this.#over) return;
    this.#over = true;
    this.#frame.remove();
    this.#rectangle?.remove();
    this.#rectangle = null;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.#quiet);
    this.#done(names);
    if (!this.#pressed) this.#leave();
  }

  /** Not before the click that a release brings: that is not for the page either. */
  #leave() {
    setTimeout(() => this.#ending.abort());
  }
}
