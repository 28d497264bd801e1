// @ts-check
/**
 * Moving the panel: by its head with a pointer, by the arrow keys on its grip.
 *
 * Where it stands is told from the edges of the window that are nearer: a window that is made smaller or larger takes it along.
 */

/** @typedef {import("./view.js").Place} Place */

const STEP = 16;
const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
});

/**
 * @param {object} of
 * @param {HTMLElement} of.panel
 * @param {HTMLElement} of.head   drags it; its buttons stay buttons
 * @param {HTMLElement} of.grip   takes the arrow keys
 * @param {(place: Place) => void} of.onMove
 */
export function movable({ panel, head, grip, onMove }) {
  /** @type {{x: number, y: number} | null} the pointer's place in the panel */
  let held = null;
  head.addEventListener("pointerdown", (event) => {
    const pressed = /** @type {Element} */ (event.target).closest("button");
    if (event.button !== 0 || (pressed && pressed !== grip)) return;
    const box = panel.getBoundingClientRect();
    held = { x: event.clientX - box.left, y: event.clientY - box.top };
    head.setPointerCapture(event.pointerId);
  });
  head.addEventListener("pointermove", (event) => {
    if (held) onMove(placeAt(panel, event.clientX - held.x, event.clientY - held.y));
  });
  const release = () => (held = null);
  head.addEventListener("pointerup", release);
  head.addEventListener("pointercancel", release);
  grip.addEventListener("keydown", (event) => {
    const by = ARROWS[event.key];
    if (!by) return;
    event.preventDefault();
    const box = panel.getBoundingClientRect();
    onMove(placeAt(panel, box.left + by[0], box.top + by[1]));
  });
}

/**
 * @param {HTMLElement} panel @param {number} left @param {number} top
 * @returns {Place} inside the window
 */
function placeAt(panel, left, top) {
  const { clientWidth, clientHeight } = document.documentElement;
  // Without a doctype a document's own height is not the window's.
  const windowHeight = document.compatMode === "CSS1Compat" ? clientHeight : innerHeight;
  const { offsetWidth: width, offsetHeight: height } = panel;
  const x = Math.max(0, Math.min(clientWidth - width, left));
  const y = Math.max(0, Math.min(windowHeight - height, top));
  const right = x + width / 2 > clientWidth / 2;
  const bottom = y + height / 2 > windowHeight / 2;
  return { right, bottom, x: right ? clientWidth - width - x : x, y: bottom ? windowHeight - height - y : y };
}

/** @param {HTMLElement} panel @param {Place} place */
export function put(panel, place) {
  const { style } = panel;
  style.left = place.right ? "auto" : `${place.x}px`;
  style.right = place.right ? `${place.x}px` : "auto";
  style.top = place.bottom ? "auto" : `${place.y}px`;
  style.bottom = place.bottom ? `${place.y}px` : "auto";
}
