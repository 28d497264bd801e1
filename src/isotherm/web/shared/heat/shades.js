// @ts-check
/**
 * From counts to the pixels' shades, ready to be looked up.
 *
 * Equal counts have equal shades, relative to the hottest; cold is transparent. A *curve* says how a share of the hottest becomes
 * heat: `linear` as it is; `lifted` its square root, for pages where one resting mouse outshines all the others.
 *
 * The table is indexed by the square root of the share, not by the share: with a hottest tile of a million samples a tile with one
 * still has a place of its own, and the root costs one instruction.
 */

import { colourScale } from "./scales.js";

/**
 * @typedef {import("./scales.js").ScaleName} ScaleName
 * @typedef {import("./scales.js").Ground} Ground
 * @typedef {"tiles" | "smooth" | "elements" | "scroll"} Look
 * @typedef {"linear" | "lifted"} Curve
 */

/** Entries of a table. */
export const SHADES = 1024;

/**
 * How hot a share of the hottest is; both 0 … 1.
 * @param {number} share @param {Curve} curve
 */
export function heatOf(share, curve) {
  return curve === "lifted" ? Math.sqrt(share) : share;
}

/**
 * The share that is that hot: `heatOf` the other way round, for the legend.
 * @param {number} heat @param {Curve} curve
 */
export function shareAt(heat, curve) {
  return curve === "lifted" ? heat * heat : heat;
}

/**
 * How opaque a heat is, 0 … 1. A tile's edge is its own, and a band's, so the faintest is there at once; in the smooth look the faintest heat
 * runs out into the page.
 * @param {number} heat @param {Look} look
 */
export function opacityOf(heat, look) {
  if (heat <= 0) return 0;
  const tile = 0.45 + 0.5 * heat;
  if (look === "tiles" || look === "scroll") return tile;
  const rise = Math.min(1, heat / 0.3);
  return tile * rise * rise * (3 - 2 * rise);
}

/**
 * The shades of a scale on a ground, as ImageData wants them: 32 bits a pixel, red in the lowest byte.
 * Entry `⌈√(count ÷ hottest) · (SHADES − 1)⌉` is a count's shade; entry 0 is transparent.
 * @param {{scale: ScaleName, ground: Ground, curve: Curve, look: Look}} of
 * @returns {Uint32Array}
 */
export function shades({ scale, ground, curve, look }) {
  const colour = colourScale(scale, ground);
  const table = new Uint32Array(SHADES);
  for (let i = 1; i < SHADES; i += 1) {
    const root = i / (SHADES - 1);
    const heat = heatOf(root * root, curve);
    const [red, green, blue] = colour(heat);
    const alpha = Math.round(255 * opacityOf(heat, look));
    table[i] = ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  return table;
}

/**
 * Makes shades fainter and greyer.
 * @param {Uint32Array} table  changed in place @param {number} opacity  1: as it was @param {number} grey  0: as it was; 1: without colour
 */
export function toned(table, opacity, grey) {
  for (let i = 0; i < table.length; i += 1) {
    const [red, green, blue] = [table[i] & 255, (table[i] >> 8) & 255, (table[i] >> 16) & 255];
    const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    /** @param {number} channel */
    const mix = (channel) => Math.round(channel + (light - channel) * grey);
    const alpha = Math.round((table[i] >>> 24) * opacity);
    table[i] = ((alpha << 24) | (mix(blue) << 16) | (mix(green) << 8) | mix(red)) >>> 0;
  }
  return table;
}

/**
 * Colours a field of values.
 * @param {Uint32Array | Float32Array} values  one a pixel
 * @param {number} hottest  the value of the last shade
 * @param {Uint32Array} table  from `shades`
 * @param {Uint32Array} pixels  as long as `values`; overwritten
 */
export function paint(values, hottest, table, pixels) {
  const scale = hottest > 0 ? 1 / hottest : 0;
  const top = SHADES - 1;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    // Rounded up: a count that is there is never "cold".
    pixels[i] = value > 0 ? table[Math.min(top, Math.ceil(Math.sqrt(value * scale) * top))] : 0;
  }
}
