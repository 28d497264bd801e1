// @ts-check
/** What single keys do. */

/**
 * @typedef {object} Hands  what the keys reach
 * @property {import("./view.js").View} view
 * @property {() => import("./panel.js").Panel} panel
 * @property {() => boolean} sticks  whether heat is to be had by elements
 * @property {(step: number) => void} hottest
 * @property {() => void} close
 */

const RANGES = /** @type {const} */ (["live", "hour", "today", "any"]);
const KINDS = /** @type {const} */ (["move", "click", "rage", "dead"]);
const DEVICES = /** @type {const} */ (["all", "desktop", "tablet", "mobile"]);
const LOOKS = /** @type {const} */ (["tiles", "smooth", "elements", "scroll"]);
const SCALES = /** @type {const} */ (["inferno", "viridis", "cividis"]);

/** @param {Hands} hands @returns {import("./keys.js").Shortcut[]} */
export function shortcutsOf({ view, panel, sticks, hottest, close }) {
  return [
    { key: "P", what: "Pause or go on", act: () => view.choose({ paused: !view.choices.paused }) },
    { key: "N", what: "Next hottest place", act: () => hottest(1) },
    { key: "Shift+N", what: "The one before", act: () => hottest(-1) },
    { key: "T", what: "Next range of time", act: () => view.choose({ range: after(RANGES, view.choices.range) }) },
    { key: "B", what: "Difference with before", act: () => view.choose({ compare: !view.choices.compare }) },
    { key: "K", what: "Moves, clicks, rage or dead clicks", act: () => view.choose({ kind: after(KINDS, view.choices.kind) }) },
    { key: "D", what: "Next device class", act: () => view.choose({ device: after(DEVICES, view.choices.device) }) },
    { key: "A", what: "All devices", act: () => view.choose({ device: "all" }) },
    { key: "L", what: "Next look", act: () => view.choose({ look: after(LOOKS.filter((look) => look !== "elements" || sticks()), view.choices.look) }) },
    { key: "C", what: "Next colours", act: () => view.choose({ scale: after(SCALES, view.choices.scale) }) },
    { key: "S", what: "Contrast linear or lifted", act: () => view.choose({ curve: view.choices.curve === "linear" ? "lifted" : "linear" }) },
    { key: "[", what: "Less opaque", act: () => view.choose({ opacity: Math.max(20, view.choices.opacity - 5) }) },
    { key: "]", what: "More opaque", act: () => view.choose({ opacity: Math.min(100, view.choices.opacity + 5) }) },
    { key: "H", what: "Hide or show the heat", act: () => view.choose({ shown: !view.choices.shown }) },
    { key: "F", what: "Fold or unfold the panel", act: () => view.choose({ folded: !view.choices.folded }) },
    { key: "I", what: "Into the panel", act: () => panel().focus() },
    { key: "?", what: "This list", act: () => panel().toggleHelp() },
    { key: "Shift+X", what: "Close the heat map", act: close },
  ];
}

/** @template T @param {readonly T[]} all @param {T} one @returns {T} the one after it, round and round */
function after(all, one) {
  return all[(all.indexOf(one) + 1) % all.length];
}
