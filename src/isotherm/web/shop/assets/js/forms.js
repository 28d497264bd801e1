// @ts-check
/** Forms that would send something, if the shop existed: they thank, and send nothing. */

import { empty } from "./bag.js";
import { toast } from "./dom.js";

export function forms() {
  const letter = document.querySelector("[data-letter]");
  if (letter instanceof HTMLFormElement)
    letter.addEventListener("submit", (event) => {
      event.preventDefault();
      letter.reset();
      toast("We would write to you, if we existed.");
    });
  const checkout = document.querySelector("[data-checkout]");
  if (checkout instanceof HTMLFormElement)
    checkout.addEventListener("submit", (event) => {
      event.preventDefault();
      checkout.reset();
      empty();
      const thanks = document.getElementById("thanks");
      if (thanks instanceof HTMLDialogElement) thanks.showModal();
    });
}
