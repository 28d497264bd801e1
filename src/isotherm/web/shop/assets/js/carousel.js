// @ts-check
/** Strips that scroll sideways: their two buttons move them by most of what is seen. */

import { onClick } from "./dom.js";

export function carousels() {
  onClick("[data-carousel-step]", (button) => {
    const track = button.closest("[data-carousel]")?.querySelector("[data-carousel-track]");
    track?.scrollBy({ left: Number(button.dataset.carouselStep) * track.clientWidth * 0.8, behavior: "smooth" });
  });
}
