// @ts-check
/**
 * Where a tile lies on a page, and what lies in a tile.
 *
 * The document is cut into G columns and G rows of equal size: tile `(x, y)` spans `[x·W/G, (x+1)·W/G)` from the left,
 * its cell is `y·G + x`. The same rule as the server's (`floor(G·x/width)`, clamped), so that a pixel and its sample agree.
 */

/**
 * @typedef {{width: number, height: number}} Size  CSS pixels
 * @typedef {{left: number, top: number, width: number, height: number}} Box  in the document, CSS pixels
 */

/**
 * The cell that a place in the document falls into.
 * @param {number} x @param {number} y @param {Size} page @param {number} grid
 */
export function cellAt(x, y, page, grid) {
  return line(y, page.height, grid) * grid + line(x, page.width, grid);
}

/**
 * The box of a cell.
 * @param {number} cell @param {Size} page @param {number} grid
 * @returns {Box}
 */
export function cellBox(cell, page, grid) {
  const column = cell % grid;
  const row = (cell - column) / grid;
  return {
    left: (column * page.width) / grid,
    top: (row * page.height) / grid,
    width: page.width / grid,
    height: page.height / grid,
  };
}

/**
 * The device class of a viewport, by its width.
 * @param {number} width
 * @returns {"mobile" | "tablet" | "desktop"}
 */
export function deviceOf(width) {
  return width < 768 ? "mobile" : width < 1024 ? "tablet" : "desktop";
}

/** @param {number} at @param {number} length @param {number} grid */
function line(at, length, grid) {
  return Math.min(grid - 1, Math.max(0, Math.floor((grid * at) / length)));
}
