// @ts-check
/**
 * The classic heat map of the page with this one's path: tiles coloured relative to the hottest. The socket sends the whole window
 * whenever it changed.
 *
 * @typedef {{start: number, end: number, value: Record<string, Record<string, number>>, 'grid-size': number}} Heatmap
 */

/** @param {string} host */
export const socketHost = (host) => host.replace('heatmap', 'heatmap-ws');

const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('#heat'));
const total = /** @type {HTMLOutputElement} */ (document.querySelector('#total'));

/** @param {Heatmap} heatmap */
function draw(heatmap) {
  const size = heatmap['grid-size'];
  canvas.width = canvas.height = size;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const counts = Object.values(heatmap.value).flatMap((column) => Object.values(column));
  const hottest = Math.max(1, ...counts);
  for (const [x, column] of Object.entries(heatmap.value)) {
    for (const [y, count] of Object.entries(column)) {
      context.fillStyle = `rgb(255 80 0 / ${count / hottest})`;
      context.fillRect(Number(x), Number(y), 1, 1);
    }
  }
  total.value = String(counts.reduce((sum, count) => sum + count, 0));
}

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const socket = new WebSocket(`${scheme}://${socketHost(location.host)}${location.pathname}`);
socket.addEventListener('message', ({ data }) => draw(JSON.parse(data)));

const where = document.querySelector('#where');
if (where) where.textContent = location.pathname;
