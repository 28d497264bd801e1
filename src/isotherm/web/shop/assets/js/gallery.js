// @ts-check
/** A product's pictures: the small ones choose what the large one shows. */

import { onClick } from "./dom.js";

export function galleries() {
  onClick("[data-view]", (thumb) => {
    const large = document.querySelector(".gallery-main img");
    if (!(large instanceof HTMLImageElement)) return;
    const view = thumb.dataset.view;
    large.src = large.src.split("#")[0] + (view ? `#svgView(viewBox(${view}))` : "");
    for (const other of document.querySelectorAll("[data-view]")) other.setAttribute("aria-pressed", String(other === thumb));
  });
}
