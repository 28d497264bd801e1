// @ts-check
/**
 * `<button data-copy="ID">`: copies the text of the element with that id and says so on its own face for a moment.
 *
 * One listener for the document, so that buttons may come and go.
 */

/** How long the button says that it has copied. */
const SAID_MS = 1600;

export function watchCopyButtons() {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button[data-copy]") : null;
    if (button instanceof HTMLButtonElement) copyFor(button);
  });
}

/** @param {HTMLButtonElement} button */
async function copyFor(button) {
  const source = document.getElementById(button.dataset.copy ?? "");
  if (!source) return;
  const done = await copyText(source);
  button.dataset.said = done ? "Copied" : "Not copied";
  setTimeout(() => delete button.dataset.said, SAID_MS);
}

/**
 * The clipboard is open to secure pages only (https and loopback); elsewhere the old way through a selection still works.
 * @param {Element} source
 */
async function copyText(source) {
  const text = source.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    source.parentElement?.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
