// @ts-check
/**
 * Whether somebody is about to press something in a list: it should hold still then.
 *
 * A mouse holds the list while it is over it and has moved lately (one that was left there does not freeze a wall display);
 * the keyboard holds it while focus is inside; and whatever presses holds it from the press until the click has come, and
 * stops what glides there: a click is one only where it ends on what it began on.
 */

/** A mouse that has not moved for so long points at nothing. */
const POINTS_MS = 6000;
/** A finger's click comes so long after it was lifted, at most. */
const CLICK_MS = 400;

export class Hold {
  #until = 0;
  #pressed = false;
  /** Runs out when the last press is over. */
  #timer = 0;
  /** @type {Animation[]} stopped by the press */
  #stopped = [];

  /**
   * @param {HTMLElement} place  where the list stands
   * @param {string} list  selector of the list inside of it; the list itself may come and go
   * @param {() => void} onChange  called when a hold begins or may have ended
   */
  constructor(place, list, onChange) {
    this.place = place;
    this.list = list;
    place.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch") return;
      const points = event.target instanceof Element && event.target.closest(list) !== null;
      const before = performance.now() < this.#until;
      this.#until = points ? performance.now() + POINTS_MS : 0;
      if (points !== before) onChange();
    });
    place.addEventListener("pointerleave", () => {
      this.#until = 0;
      onChange();
    });
    place.addEventListener("pointerdown", (event) => {
      if (event.target instanceof Element && event.target.closest(list) !== null) this.#press();
    });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => this.#lift(onChange));
    // Later, not at once: taking a focused element out of the page ends its focus in the middle of a rendering.
    place.addEventListener("focusin", () => queueMicrotask(onChange));
    place.addEventListener("focusout", () => queueMicrotask(onChange));
  }

  /** @returns {boolean} */
  get held() {
    return this.#pressed || performance.now() < this.#until || this.place.querySelector(`${this.list} :focus-visible`) !== null;
  }

  #press() {
    clearTimeout(this.#timer);
    this.#pressed = true;
    const running = this.place.getAnimations({ subtree: true }).filter((one) => one.playState === "running");
    for (const one of running) one.pause();
    this.#stopped.push(...running);
  }

  /** @param {() => void} onChange */
  #lift(onChange) {
    if (!this.#pressed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#release(onChange), CLICK_MS);
  }

  /** @param {() => void} onChange */
  #release(onChange) {
    this.#pressed = false;
    for (const one of this.#stopped.splice(0)) one.play();
    onChange();
  }
}
