// @ts-check
/**
 * `<iso-picture>`: a small picture of a page's heat, drawn as a map of isotherms.
 *
 * The levels become a smooth landscape, the landscape a few even bands, and where one band meets the next runs a line: equal
 * colour is equal heat, and the shape is readable at the size of a stamp. Heat is lifted (its square root), because in a picture this
 * small one resting mouse would leave everything else black. The picture is square, as the grid is: a page's real proportions are
 * not known here and not pretended.
 */
import { unpack } from "./columns.js";
import { colourScale } from "./heat/scales.js";
import { Smoother } from "./heat/smooth.js";

/** Bands from cold to hottest: as many as an eye tells apart at this size. */
const BANDS = 9;
/** A line's share of white. */
const LINE = 0.26;
/** Below this heat colour fades into the plate, so that cold is cold. */
const FADE = 0.3;
/** tokens.css: --plate */
const PLATE = [5, 4, 11];

/** @typedef {{grid: number, levels: string | ArrayLike<number>}} Picture  levels of 0 … 255, row by row; packed or not */

/** One for all pictures: its buffers are good until the next call. */
const smoother = new Smoother();
const shades = bandShades();

export class HeatPicture extends HTMLElement {
  /** @type {Picture | null} */
  #picture = null;
  #canvas = document.createElement("canvas");

  connectedCallback() {
    if (this.#canvas.parentNode !== this) this.replaceChildren(this.#canvas);
    this.setAttribute("aria-hidden", "true");
  }

  /** @param {Picture | null | undefined} picture */
  set picture(picture) {
    if (!picture || (picture.levels === this.#picture?.levels && picture.grid === this.#picture.grid)) return;
    this.#picture = picture;
    this.classList.toggle("known", draw(this.#canvas, picture));
  }
}

customElements.define("iso-picture", HeatPicture);

/**
 * @param {HTMLCanvasElement} canvas @param {Picture} picture
 * @returns {boolean} whether there was something to draw
 */
function draw(canvas, { grid, levels }) {
  const cells = typeof levels === "string" ? unpack(levels) : levels;
  if (!cells || cells.length !== grid * grid) return false;
  const { size, values, hottest } = smoother.landscape(Uint32Array.from(cells), grid, 1);
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  if (!context) return false;
  const image = context.createImageData(size, size);
  paintBands(values, hottest, size, image.data);
  context.putImageData(image, 0, 0);
  return true;
}

/**
 * Colours the bands, with soft edges: how near a pixel lies to where one band becomes the next is told by the height there and how
 * steep it is, so that lines stay one pixel thin and smooth however the picture is scaled.
 * @param {Float32Array} values @param {number} hottest @param {number} size @param {Uint8ClampedArray} pixels  four bytes each
 */
function paintBands(values, hottest, size, pixels) {
  const scale = hottest > 0 ? 1 / hottest : 0;
  const heights = values.map((value) => Math.sqrt(value * scale) * (BANDS + 1));
  for (let y = 0, i = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1, i += 1) {
      const height = heights[i];
      const edge = Math.round(height);
      const toRight = (x + 1 < size ? heights[i + 1] : heights[i - 1]) - height;
      const toBelow = (y + 1 < size ? heights[i + size] : heights[i - size]) - height;
      const steep = Math.hypot(toRight, toBelow) + 1e-6;
      const distance = (height - edge) / steep;
      // Half of a pixel above the edge is one band, half of it the other.
      const above = Math.min(1, Math.max(0, 0.5 + distance));
      // Where the bands are as thin as a pixel there is no room for lines.
      const line = edge > 0 && edge <= BANDS ? LINE * Math.max(0, 1 - Math.abs(distance)) * Math.max(0, 1 - 1.5 * steep) : 0;
      const low = 3 * Math.max(0, Math.min(BANDS, edge - 1));
      const high = 3 * Math.min(BANDS, edge);
      for (let channel = 0; channel < 3; channel += 1) {
        const colour = shades[low + channel] + (shades[high + channel] - shades[low + channel]) * above;
        pixels[4 * i + channel] = colour + (255 - colour) * line;
      }
      pixels[4 * i + 3] = 255;
    }
  }
}

/** A colour for each band from cold on, three bytes each. */
function bandShades() {
  const colour = colourScale("inferno", "dark");
  return Uint8Array.from(
    Array.from({ length: BANDS + 1 }, (_, band) => {
      const heat = band / BANDS;
      const rise = Math.min(1, heat / FADE);
      return colour(heat).map((c, i) => PLATE[i] + (c - PLATE[i]) * rise);
    }).flat(),
  );
}
