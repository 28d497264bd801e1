// @ts-check
/** Toasts: one sentence at the lower edge, said to screen readers too, gone by itself or by its button. */

/** Long enough to read a sentence and reach its button. */
const STAYS_MS = 8000;

/**
 * @param {string} text
 * @param {{label: string, run: () => void}} [action]
 */
export function toast(text, action) {
  const box = document.createElement("div");
  box.className = "toast";
  const words = document.createElement("p");
  words.textContent = text;
  box.append(words);
  if (action) {
    const button = document.createElement("button");
    button.className = "button";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      box.remove();
      action.run();
    });
    box.append(button);
  }
  shelf().replaceChildren(box);
  setTimeout(() => box.remove(), STAYS_MS);
}

/** The one place where toasts stand; made on first use, and in front of an open dialog. */
function shelf() {
  const dialog = document.querySelector("dialog[open]");
  const parent = dialog ?? document.body;
  let place = parent.querySelector(":scope > .toasts");
  if (!place) {
    place = document.createElement("div");
    place.className = "toasts";
    place.setAttribute("role", "status");
    parent.append(place);
  }
  return place;
}
