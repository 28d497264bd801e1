// @ts-check
/**
 * Keyboard shortcuts: one table, which the help lists and the keyboard obeys.
 *
 * Single keys, so that a hand can rest on them; never while somebody types, never with a modifier, and they can be switched off
 * (WCAG 2.1.4). A key that is ours does not reach the page.
 */

/** @typedef {{key: string, what: string, act: () => void}} Shortcut  `key` as it is shown: `P`, `Shift+N`, `?` */

/**
 * @param {Shortcut[]} shortcuts
 * @param {() => boolean} enabled
 * @param {AbortSignal} signal
 */
export function listen(shortcuts, enabled, signal) {
  const table = new Map(shortcuts.map((shortcut) => [shortcut.key, shortcut.act]));
  addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || types(event)) return;
      const act = table.get(nameOf(event));
      if (!act || !enabled()) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      act();
    },
    { capture: true, signal },
  );
}

/** The key as the table names it. A letter's Shift counts, its Caps Lock does not. @param {KeyboardEvent} event */
function nameOf(event) {
  const { key, shiftKey } = event;
  return /^[a-z]$/i.test(key) ? (shiftKey ? "Shift+" : "") + key.toUpperCase() : key;
}

/** Whether the key goes into a text. @param {KeyboardEvent} event */
function types(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.role === "textbox") return true;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox", "range", "button", "submit", "reset", "image", "color", "file"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
