// @ts-check
/**
 * The few icons of the panel: shapes of Lucide (ISC License, Copyright (c) Lucide Icons and Contributors, https://lucide.dev), and the
 * mark of the house. As shapes, not as files: a page's policy may forbid loading pictures from elsewhere.
 */

import { drawing } from "./dom.js";

/** @type {Record<string, readonly string[]>} */
const PATHS = {
  close: ["M18 6 6 18", "m6 6 12 12"],
  fold: ["m6 9 6 6 6-6"],
  unfold: ["m18 15-6-6-6 6"],
  back: ["m12 19-7-7 7-7", "M19 12H5"],
  keyboard: [
    "M10 8h.01", "M12 12h.01", "M14 8h.01", "M16 12h.01", "M18 8h.01", "M6 8h.01", "M7 16h10", "M8 12h.01",
    "M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2",
  ],
  pause: ["M15 3h3a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1h-3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1", "M6 3h3a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1"],
  play: ["M5 5a2 2 0 0 1 3.008-1.728l11.997 6.998a2 2 0 0 1 .003 3.458l-12 7A2 2 0 0 1 5 19z"],
  hottest: ["M12 3q1 4 4 6.5t3 5.5a1 1 0 0 1-14 0 5 5 0 0 1 1-3 1 1 0 0 0 5 0c0-2-1.5-3-1.5-5q0-2 2.5-4"],
  shown: [
    "M2.062 12.348a1 1 0 0 1 0-.696 10.75 10.75 0 0 1 19.876 0 1 1 0 0 1 0 .696 10.75 10.75 0 0 1-19.876 0",
    "M12 9a3 3 0 1 0 0 6 3 3 0 1 0 0-6",
  ],
  hidden: [
    "M10.733 5.076a10.744 10.744 0 0 1 11.205 6.575 1 1 0 0 1 0 .696 10.747 10.747 0 0 1-1.444 2.49",
    "M14.084 14.158a3 3 0 0 1-4.242-4.242",
    "M17.479 17.499a10.75 10.75 0 0 1-15.417-5.151 1 1 0 0 1 0-.696 10.75 10.75 0 0 1 4.446-5.143",
    "m2 2 20 20",
  ],
};

/** @param {keyof typeof PATHS & string} name */
export function icon(name) {
  return drawing("0 0 24 24", "icon", PATHS[name].map((d) => /** @type {const} */ (["path", { d }])));
}

/** Isotherms around a warm spot, as small as a letter. */
export function mark() {
  return drawing("0.4 1 32 32", "mark", [
    ["path", { class: "cool", d: "M8.9 3.8C11.1 3.5 13.6 4.8 15.9 5.4C18.2 6.0 20.7 6.4 22.8 7.4C24.9 8.4 27.2 9.7 28.6 11.6C29.9 13.4 30.8 16.0 30.9 18.3C31.0 20.5 30.2 23.2 29.0 25.1C27.7 27.0 25.5 28.7 23.4 29.5C21.3 30.3 18.5 30.5 16.3 30.0C14.2 29.4 12.0 27.9 10.3 26.3C8.6 24.6 7.7 22.2 6.3 20.2C5.0 18.2 3.0 16.4 2.4 14.2C1.9 12.1 1.9 9.0 2.9 7.3C4.0 5.5 6.8 4.1 8.9 3.8Z" }],
    ["path", { class: "warm", d: "M16.1 12.8C17.5 12.4 19.4 12.6 20.7 13.2C22.1 13.8 23.6 15.0 24.2 16.2C24.7 17.5 24.8 19.5 24.2 20.8C23.7 22.1 22.1 23.4 20.8 23.8C19.5 24.3 17.5 24.0 16.3 23.3C15.0 22.6 14.0 21.0 13.4 19.7C12.8 18.3 12.1 16.2 12.5 15.1C13.0 13.9 14.7 13.1 16.1 12.8Z" }],
    ["circle", { class: "hot", cx: 19.2, cy: 18.6, r: 2.4 }],
  ]);
}
