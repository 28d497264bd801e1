// @ts-check
/** Which elements of a list are on the screen now, or nearly: only their pictures are asked for. */

/** How far outside the screen still counts, so that a picture is there when it scrolls in. */
const MARGIN = "300px";

export class Seen {
  /** @type {Set<Element>} */
  #watched = new Set();
  /** @type {Set<Element>} */
  #seen = new Set();

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) this.#seen.add(target);
          else this.#seen.delete(target);
        }
        onChange();
      },
      { rootMargin: MARGIN },
    );
  }

  /** @param {Iterable<Element>} elements  those there are now */
  watch(elements) {
    const now = new Set(elements);
    for (const element of this.#watched) {
      if (now.has(element)) continue;
      this.observer.unobserve(element);
      this.#seen.delete(element);
    }
    for (const element of now) if (!this.#watched.has(element)) this.observer.observe(element);
    this.#watched = now;
  }

  /** @param {Element} element */
  has(element) {
    return this.#seen.has(element);
  }
}
