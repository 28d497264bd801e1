// @ts-check
/**
 * Where elements lie in the window now, and which points of them are seen: not what is hidden, scrolled out of its box, or behind another.
 *
 * What is seen is asked of the browser as the tracker asked it (`elementFromPoint`), once for each square of a few px, and kept until
 * something moved: a window full of heat is some hundred questions.
 */

/**
 * @typedef {{left: number, top: number, width: number, height: number}} Box  in the window, CSS pixels
 */

/** Side of a square whose points are seen or not together, px; a power of two. While things move it is coarser. */
const SQUARE = 8;
const SQUARE_MOVING = 32;

export class Places {
  /** @type {Map<Element, Box | null>} */
  #boxes = new Map();
  /** @type {Map<Element, Box>} the part of the window that its boxes leave an element */
  #clips = new Map();
  /** @type {Map<number, Element | null>} */
  #hits = new Map();
  #square = SQUARE;

  /** @param {Element} own  the overlay's own element, which covers nothing */
  constructor(own) {
    this.own = own;
  }

  /** Boxes are asked for anew. */
  forgetBoxes() {
    this.#boxes.clear();
  }

  /** What covers what is asked anew. @param {boolean} moving  whether things go on moving: it is asked more coarsely then */
  forgetCovers(moving) {
    this.#clips.clear();
    this.#hits.clear();
    this.#square = moving ? SQUARE_MOVING : SQUARE;
  }

  /** @param {Element} element @returns {Box | null} null: it is not drawn at all */
  boxOf(element) {
    let box = this.#boxes.get(element);
    if (box === undefined) {
      box = element.isConnected && isDrawn(element) ? element.getBoundingClientRect() : null;
      if (box && !(box.width > 0 && box.height > 0)) box = null;
      this.#boxes.set(element, box);
    }
    return box;
  }

  /** Whether one sees the element at a point of the window. @param {Element} element @param {number} x @param {number} y */
  isSeenAt(element, x, y) {
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
    const top = this.#topAt(x, y);
    if (top === this.own || (top && element.contains(top))) return true;
    return Boolean(top?.contains(element)) && within(this.#clipOf(element), x, y);
  }

  /** @param {number} x @param {number} y */
  #topAt(x, y) {
    const square = this.#square;
    const column = Math.floor(x / square);
    const row = Math.floor(y / square);
    const key = row * 65536 + column;
    let top = this.#hits.get(key);
    if (top === undefined) {
      // The first point of a square that is asked for speaks for it.
      top = document.elementFromPoint(x, y);
      this.#hits.set(key, top);
    }
    return top;
  }

  /** What is left of the window by the boxes around an element that do not let their contents out. @param {Element} element */
  #clipOf(element) {
    const known = this.#clips.get(element);
    if (known) return known;
    let [left, top, right, bottom] = [0, 0, innerWidth, innerHeight];
    for (let around = element.parentElement; around && around !== document.body && around !== document.documentElement; around = around.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(around);
      if (overflowX === "visible" && overflowY === "visible") continue;
      const box = around.getBoundingClientRect();
      if (overflowX !== "visible") [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      if (overflowY !== "visible") [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    const clip = { left, top, width: right - left, height: bottom - top };
    this.#clips.set(element, clip);
    return clip;
  }
}

/** Whether it is drawn at all. @param {Element} element */
export function isDrawn(element) {
  return element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });
}

/** @param {Box} box @param {number} x @param {number} y */
function within({ left, top, width, height }, x, y) {
  return x >= left && x < left + width && y >= top && y < top + height;
}

/** What one may see move: scrolling, of the page or of a box in it; changes of the document; whatever runs by itself. */
const MOVERS = ["scroll", "resize", "transitionrun", "animationstart", "toggle", "load", "input", "pointerup", "keyup"];
/** What began to move is looked at in each frame until it rests for so long. */
const RESTS_MS = 300;

/**
 * Calls in each animation frame while something on the page may be moving, and once when it rests.
 * @param {{onFrame: (moving: boolean) => boolean, onDocument: () => void, signal: AbortSignal}} of  `onFrame` returns whether anything moved
 */
export function follow({ onFrame, onDocument, signal }) {
  let frame = 0;
  let untilMs = 0;
  const look = () => {
    frame = 0;
    if (onFrame(true)) untilMs = performance.now() + RESTS_MS;
    if (performance.now() < untilMs) frame = requestAnimationFrame(look);
    else onFrame(false);
  };
  const begin = () => {
    untilMs = performance.now() + RESTS_MS;
    if (!document.hidden) frame ||= requestAnimationFrame(look);
  };
  const changes = new MutationObserver(() => {
    onDocument();
    begin();
  });
  changes.observe(document.documentElement, { subtree: true, childList: true, attributes: true });
  for (const type of MOVERS) addEventListener(type, begin, { capture: true, passive: true, signal });
  document.addEventListener("visibilitychange", begin, { signal });
  signal.addEventListener("abort", () => {
    changes.disconnect();
    cancelAnimationFrame(frame);
  });
  begin();
}
