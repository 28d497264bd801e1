// @ts-check
/** One of a few, side by side: radio buttons, so that arrow keys and screen readers know them. */

import { make, say } from "./dom.js";

/**
 * @template {string} Value
 * @param {object} of
 * @param {string} of.name   for the form and for tests
 * @param {string} of.title  what is chosen
 * @param {readonly (readonly [value: Value, title: string])[]} of.options
 * @param {(value: Value) => void} of.onPick
 * @param {(value: Value) => Node} [of.face]  what an option shows; its title, where left out
 */
export function choice({ name, title, options, onPick, face }) {
  /** @type {Map<Value, HTMLInputElement>} */
  const inputs = new Map();
  /** @type {Map<Value, HTMLElement>} */
  const titles = new Map();
  const labels = options.map(([value, text]) => {
    const input = make("input", { type: "radio", name, value });
    input.addEventListener("change", () => onPick(value));
    inputs.set(value, input);
    if (!face) {
      titles.set(value, make("span", null, text));
      return make("label", null, input, /** @type {HTMLElement} */ (titles.get(value)));
    }
    input.setAttribute("aria-label", text);
    return make("label", { title: text }, input, face(value));
  });
  const element = make("fieldset", { class: `choice ${name}` }, make("legend", null, title), make("div", { class: "options" }, ...labels));
  return {
    element,
    /** @param {Value} value */
    set(value) {
      const input = inputs.get(value);
      if (input) input.checked = true;
    },
    /** Whether an option may be picked at all. @param {Value} value @param {boolean} offered */
    offer(value, offered) {
      const label = inputs.get(value)?.parentElement;
      if (label && label.hidden === offered) label.hidden = !offered;
    },
    /** Calls an option something else. @param {Value} value @param {string} text */
    call(value, text) {
      const shown = titles.get(value);
      if (shown) say(shown, text);
    },
  };
}
