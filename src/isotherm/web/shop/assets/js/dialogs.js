// @ts-check
/** Modal windows: a button names its dialog by id; a click beside the dialog closes it, as Escape does. */

import { onClick } from "./dom.js";

export function dialogs() {
  onClick("[data-open]", (button) => {
    const dialog = document.getElementById(button.dataset.open ?? "");
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
  });
  onClick("dialog", (dialog, event) => {
    // The backdrop is the dialog's own: a click on it has the dialog as target, outside of its box.
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === dialog && !inside && dialog instanceof HTMLDialogElement) dialog.close();
  });
}
