// @ts-check
/** What every page of the shop does in the browser; each module finds by itself whether the page has something for it. */

import { add, count, read } from "./bag.js";
import { showBag } from "./bag_page.js";
import { carousels } from "./carousel.js";
import { catalog } from "./catalog.js";
import { dialogs } from "./dialogs.js";
import { onClick, toast } from "./dom.js";
import { forms } from "./forms.js";
import { galleries } from "./gallery.js";
import { journal } from "./journal.js";
import { popularity } from "./popular.js";
import { search } from "./search.js";

function showCount() {
  const mark = document.querySelector("[data-bag-count]");
  const things = count(read());
  if (mark) mark.textContent = things ? String(things) : "";
}

document.addEventListener("bag", showCount);
showCount();
onClick("[data-add]", async (button) => {
  const slug = button.dataset.add ?? "";
  add(slug);
  const product = (await catalog()).products.find((one) => one.slug === slug);
  toast(`${product?.name ?? "It"} is in your bag.`);
});
carousels();
dialogs();
galleries();
forms();
popularity();
void Promise.all([showBag(), search(), journal()]);
