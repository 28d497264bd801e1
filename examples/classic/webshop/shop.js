// @ts-check
/**
 * A shop with the classic tracker: each position of the mouse, four times a second, as one JSON object a frame. It finds its socket by
 * replacing a word of its own address, as front-ends of this kind do.
 */

const EVERY_MS = 250;

/** @param {string} host */
export const socketHost = (host) => host.replace('webshop', 'clickstream');

const session = crypto.randomUUID();
const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const socket = new WebSocket(`${scheme}://${socketHost(location.host)}/${session}`);

let sentMs = 0;

/**
 * @param {string} type
 * @param {MouseEvent} event
 */
function send(type, event) {
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(
    JSON.stringify({
      session_id: session,
      type,
      page_url: location.href,
      relative_path: location.pathname,
      query_prams: location.search,
      buttons: event.buttons,
      window: { width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight },
      'mouse-coordinates': { x: event.pageX, y: event.pageY },
      timestamp: Date.now(),
    }),
  );
}

addEventListener('mousemove', (event) => {
  if (event.timeStamp - sentMs < EVERY_MS) return;
  sentMs = event.timeStamp;
  send('mousemove', event);
});
addEventListener('click', (event) => send('click', event));

const where = document.querySelector('#where');
if (where) where.textContent = location.pathname;
