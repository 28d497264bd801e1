// @ts-check
/**
 * The bytes of `/live` (docs/wire.md): one frame in, a header and its cells out.
 *
 *  0        1        2        3        4                 8                            16                       24
 *  ├ version ┼ type ──┼ space ─┼ width ─┼ cells ──────────┼ end ───────────────────────┼ sent ──────────────────┤
 *  24                28                32                36                40                44               48
 *  ├ window ms ──────┼ hop ms ─────────┼ n ──────────────┼ people ─────────┼ rate ───────────┼ quiet ms ─────────┤
 *
 * A frame comes from a network: whatever does not fit its own header is refused with a `FrameError`, so that nobody
 * behind this module has to check again. Cells of changes and all counts are views of the frame's own bytes, not copies: the wire is
 * little-endian and pads to where numbers may begin, as do all machines that run browsers.
 */

/** What a frame may be. */
export const KEYFRAME = 1;
export const CHANGES = 2;

/** The index space that this module's readers draw: tiles of the grid. */
export const TILES = 0;

const VERSION = 1;
const HEADER_BYTES = 48;
const NEVER = 0xffffffff;

/** More cells than this nobody can see; it bounds what one frame can make a browser allocate. */
export const CELLS_MAX = 1 << 20;

/** A frame that is not one, or not of a version that this page speaks. */
export class FrameError extends Error {}

/** @typedef {Uint8Array | Uint16Array | Uint32Array} Numbers */

/**
 * @typedef {object} Frame
 * @property {boolean} key    a keyframe: cells that it does not name are cold
 * @property {number} space   what a cell stands for; `TILES`
 * @property {number} cells   size of the index space; G² for tiles
 * @property {number} endMs   end of the window, ms since the epoch
 * @property {number} sentMs  the server's clock when the frame was made
 * @property {number} windowMs
 * @property {number} hopMs
 * @property {number} people  sessions on the page now
 * @property {number} rate    samples a second on the page, all layers
 * @property {number | null} quietMs  age of the page's newest sample at `sentMs`; null where none is known
 * @property {Numbers} at      the cells that the frame names
 * @property {Numbers} counts  their new counts, in the same order
 */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 */
export function readFrame(buffer) {
  const size = buffer.byteLength;
  if (size < HEADER_BYTES) throw new FrameError(`a frame has at least ${HEADER_BYTES} bytes, this one ${size}`);
  const view = new DataView(buffer);
  const version = view.getUint8(0);
  if (version !== VERSION) throw new FrameError(`frame of version ${version}; this page speaks ${VERSION}`);
  const type = view.getUint8(1);
  if (type !== KEYFRAME && type !== CHANGES) throw new FrameError(`frame of unknown type ${type}`);
  const width = view.getUint8(3);
  if (width !== 1 && width !== 2 && width !== 4) throw new FrameError(`counts of ${width} bytes`);
  const cells = view.getUint32(4, true);
  const space = view.getUint8(2);
  const n = view.getUint32(32, true);
  if (space === TILES && !Number.isInteger(Math.sqrt(cells))) throw new FrameError(`${cells} tiles are no square`);
  if (cells > CELLS_MAX || n > cells) throw new FrameError(`${n} counts for ${cells} cells`);

  const key = type === KEYFRAME;
  const names = key ? readBitmap(view, cells, n) : readCells(view, cells, n);
  const quiet = view.getUint32(44, true);
  return {
    key,
    space,
    cells,
    endMs: view.getFloat64(8, true),
    sentMs: view.getFloat64(16, true),
    windowMs: view.getUint32(24, true),
    hopMs: view.getUint32(28, true),
    people: view.getUint32(36, true),
    rate: view.getFloat32(40, true),
    quietMs: quiet === NEVER ? null : quiet,
    at: names.at,
    counts: readCounts(view, names.end, n, width),
  };
}

/**
 * A keyframe's cells: one bit a cell, lowest first, zeros up to 4 bytes.
 * @param {DataView} view @param {number} cells @param {number} n
 */
function readBitmap(view, cells, n) {
  const end = HEADER_BYTES + 4 * Math.ceil(cells / 32);
  if (view.byteLength < end) throw new FrameError("the bitmap is cut off");
  const at = new Uint32Array(n);
  let found = 0;
  for (let word = HEADER_BYTES, base = 0; word < end; word += 4, base += 32) {
    // Peel off the lowest set bit until none is left: costs what is warm, not what could be.
    for (let bits = view.getUint32(word, true); bits !== 0; bits &= bits - 1) {
      if (found < n) at[found] = base + 31 - Math.clz32(bits & -bits);
      found += 1;
    }
  }
  if (found !== n) throw new FrameError(`${found} bits are set for ${n} counts`);
  if (n > 0 && at[n - 1] >= cells) throw new FrameError("a bit is set behind the last cell");
  return { at, end };
}

/**
 * The cells of changes: u16 where they fit, else u32, zeros up to 4 bytes.
 * @param {DataView} view @param {number} cells @param {number} n
 */
function readCells(view, cells, n) {
  const bytes = cells <= 65536 ? 2 : 4;
  const end = HEADER_BYTES + 4 * Math.ceil((n * bytes) / 4);
  if (view.byteLength < end) throw new FrameError("the cells are cut off");
  const at = bytes === 2 ? new Uint16Array(view.buffer, HEADER_BYTES, n) : new Uint32Array(view.buffer, HEADER_BYTES, n);
  for (let i = 0; i < n; i += 1) if (at[i] >= cells) throw new FrameError(`cell ${at[i]} of ${cells}`);
  return { at, end };
}

/** @param {DataView} view @param {number} from @param {number} n @param {1 | 2 | 4} width */
function readCounts(view, from, n, width) {
  if (view.byteLength !== from + n * width) {
    throw new FrameError(`${view.byteLength} bytes where ${from + n * width} were announced`);
  }
  const { buffer } = view;
  if (width === 1) return new Uint8Array(buffer, from, n);
  return width === 2 ? new Uint16Array(buffer, from, n) : new Uint32Array(buffer, from, n);
}
