// @ts-check
/** The list of shortcuts, in the panel's place of the controls. */

import { icon } from "./icons.js";
import { make } from "./dom.js";

/**
 * @param {object} of
 * @param {import("./keys.js").Shortcut[]} of.shortcuts
 * @param {boolean} of.enabled
 * @param {(enabled: boolean) => void} of.onEnable
 * @param {() => void} of.onBack
 */
export function help({ shortcuts, enabled, onEnable, onBack }) {
  const back = make("button", { type: "button", class: "button" }, icon("back"), "Back");
  back.addEventListener("click", onBack);
  const toggle = make("input", { type: "checkbox" });
  toggle.checked = enabled;
  toggle.addEventListener("change", () => onEnable(toggle.checked));
  const rows = shortcuts.map(({ key, what }) =>
    make("div", null, make("dt", null, ...key.split("+").map((part) => make("kbd", null, part))), make("dd", null, what)),
  );
  const list = make(
    "div",
    { class: "help", role: "group", "aria-label": "Keyboard shortcuts" },
    make("h2", null, "Keyboard shortcuts"),
    make("dl", null, ...rows),
    make("label", { class: "toggle" }, toggle, "Single keys are shortcuts"),
    make("footer", { class: "foot" }, back),
  );
  list.addEventListener("keydown", (event) => {
    if (event.key != "Escape") return;
    event.stopPropagation(); // the page may close something of its own on it
    onBack();
  });
  return list;
}
