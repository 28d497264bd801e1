// @ts-check
/**
 * The scale of differences: from less (blue) through nothing (clear) to more (orange).
 *
 * Blue and orange are told apart by every kind of colour vision, and both sides are equally dark where the difference is equally large
 * (after the ends of PuOr and RdBu of ColorBrewer, C. Brewer, Apache-2.0). Away from the ground, as all our scales: a larger difference is
 * darker on a light page, lighter on a dark one.
 */

/** @typedef {import("./scales.js").Ground} Ground */

/** Faint and full, a side: `[red, green, blue]`. */
const ENDS = {
  light: { less: [[146, 190, 224], [8, 69, 138]], more: [[248, 188, 119], [150, 62, 4]] },
  dark: { less: [[36, 82, 138], [146, 200, 248]], more: [[138, 74, 16], [255, 190, 112]] },
};

/** Entries of a table, a side. */
export const STEPS = 255;

/**
 * The colour of a difference −1 (much less) … 1 (much more), as `[red, green, blue]`.
 * @param {Ground} ground
 * @returns {(difference: number) => [number, number, number]}
 */
export function divergingScale(ground) {
  const { less, more } = ENDS[ground];
  return (difference) => {
    const [faint, full] = difference < 0 ? less : more;
    const part = Math.min(1, Math.abs(difference));
    /** @param {number} channel */
    const mix = (channel) => Math.round(faint[channel] * (1 - part) + full[channel] * part);
    return [mix(0), mix(1), mix(2)];
  };
}

/** How opaque a difference −1 … 1 is: none is clear. @param {number} difference */
export function opacityOfDifference(difference) {
  const part = Math.min(1, Math.abs(difference));
  return part === 0 ? 0 : 0.25 + 0.7 * Math.sqrt(part);
}

/**
 * Shades as ImageData wants them, entry `STEPS + round(difference · STEPS)`.
 * @param {Ground} ground
 * @returns {Uint32Array}
 */
export function divergingShades(ground) {
  const colour = divergingScale(ground);
  const table = new Uint32Array(2 * STEPS + 1);
  for (let i = 0; i < table.length; i += 1) {
    const difference = (i - STEPS) / STEPS;
    const [red, green, blue] = colour(difference);
    table[i] = ((Math.round(255 * opacityOfDifference(difference)) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  table[STEPS] = 0;
  return table;
}

/**
 * Colours signed values.
 * @param {Float32Array} values @param {number} most  the value of the last shade
 * @param {Uint32Array} table  from `divergingShades` @param {Uint32Array} pixels  overwritten
 */
export function paintDifference(values, most, table, pixels) {
  const scale = most > 0 ? STEPS / most : 0;
  for (let i = 0; i < values.length; i += 1) {
    const at = Math.round(values[i] * scale);
    // A difference that is there is never clear.
    pixels[i] = table[STEPS + Math.max(-STEPS, Math.min(STEPS, at === 0 ? Math.sign(values[i]) : at))];
  }
}
