// @ts-check
/**
 * A socket of JSON frames that comes back by itself.
 *
 * After a loss it waits 0.5 s, then twice as long each time up to 8 s, with jitter, so that a thousand dashboards do
 * not return in one instant. A browser is not told why a socket was refused; so after a failure the server is asked over
 * HTTP, and where the answer is 401 the page is loaded anew, which shows how to log in.
 */

const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 8000;

/** @typedef {"connecting" | "open" | "lost"} SocketState */

/** @template T */
export class LiveSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  #waitMs = WAIT_FIRST_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #closed = false;

  /**
   * @param {string} path  on this page's own host, with its query
   * @param {{onMessage: (message: T) => void, onState?: (state: SocketState) => void}} listener
   */
  constructor(path, listener) {
    this.url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${path}`;
    this.listener = listener;
    this.#connect();
  }

  /**
   * Sends when the socket is open; else it is for the caller to say again when it opens.
   * @param {unknown} message
   */
  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect() {
    this.listener.onState?.("connecting");
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#waitMs = WAIT_FIRST_MS;
      this.listener.onState?.("open");
    });
    socket.addEventListener("message", (event) => {
      if (!this.#closed && typeof event.data === "string") this.listener.onMessage(JSON.parse(event.data));
    });
    socket.addEventListener("close", () => this.#lost());
  }

  #lost() {
    if (this.#closed) return;
    this.listener.onState?.("lost");
    askWhetherWelcome();
    this.#timer = setTimeout(() => this.#connect(), this.#waitMs * (0.5 + Math.random()));
    this.#waitMs = Math.min(WAIT_MAX_MS, this.#waitMs * 2);
  }
}

async function askWhetherWelcome() {
  try {
    const answer = await fetch("/api/topics");
    if (answer.status === 401) location.reload();
  } catch {
    // No server at all: the next attempt will tell.
  }
}
