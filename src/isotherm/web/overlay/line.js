// @ts-check
/**
 * The line to `/live`: one socket, kept up.
 *
 *            dial                  first frame                  6 s without a frame
 *   ─────> connecting ────────────────> live ───────────────────────────> silent
 *              │ ^                       ^ │ closed        a frame ^  │  │ 12 s
 *       closed │ │ back-off              │ v                       └──┘  │
 *              └─┴──────────────────── lost <───────────────────────────┘
 *
 * `refused` stands beside them: the server answers, but it does not open this socket (a browser is not told why; the token has most
 * likely run out). `blocked`: the page's own Content-Security-Policy forbids the connection; trying again is no use.
 *
 * Each dial says whom it is for (page, kind, device) and carries the newest token. The delays of the back-off are drawn at random from
 * the upper half of 0.5 s, 1 s, 2 s … 15 s: a thousand viewers do not come back at the same moment. A tab that nobody sees hangs up after
 * a while, so that it does not keep visitors' trackers at the quick pace for nobody; one that the browser puts away (`leave`) does so at once.
 *
 * It stands in a page or in a worker: of either it knows the scope, which tells of policies and of the network, and nothing else.
 */

import { readFrame, FrameError, TILES } from "../shared/heat/frames.js";

/**
 * @typedef {import("../shared/heat/frames.js").Frame} Frame
 * @typedef {{page: string, kind: string, device: string}} Subject
 * @typedef {"connecting" | "live" | "silent" | "lost" | "refused" | "blocked"} Phase
 * @typedef {{phase: Phase, heardAtMs: number, retryAtMs: number}} LineState  times by `performance.now()`; 0: none
 */

const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 15_000;
/** A refused token is not asked for again and again: it would be slowed down as a guess. */
const REFUSED_MS = 60_000;
/** The server sends at the latest after 5 s. */
const SILENT_MS = 6_500;
const DEAD_MS = 12_000;
/** A tab out of sight for so long hangs up. */
const UNSEEN_MS = 20_000;
const PROBE_MS = 4_000;
/** Refusals in a row until it is called one: a server that starts again answers before it opens sockets. */
const REFUSALS = 2;
/** What tells of a policy that was violated: a page by its document, a worker by itself. @type {EventTarget} */
const SCOPE = globalThis.document ?? globalThis;
/** Close codes by which a server says "not you". */
const NOT_YOU = new Set([1008, 4401, 4403]);

export class Line {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Subject | null} */
  #subject = null;
  #token;
  #spots = false;
  #failures = 0;
  #refusals = 0;
  #timer = 0;
  #watchdog = 0;
  #wordAtMs = 0;
  #hidden = false;
  #unseen = 0;
  /** @type {LineState} */
  state = { phase: "connecting", heardAtMs: 0, retryAtMs: 0 };

  /**
   * @param {object} of
   * @param {string} of.host  an origin, `https://heat.example`
   * @param {string} of.site
   * @param {string} of.token
   * @param {(frame: Frame) => void} of.onFrame
   * @param {(told: any) => void} of.onSpots  what is told of spots: an object, false, or null where there are none to be had
   * @param {(state: LineState) => void} of.onState
   * @param {(token: string) => void} of.onToken  the token was renewed
   * @param {AbortSignal} of.signal  ends it all
   */
  constructor({ host, site, token, onFrame, onSpots, onState, onToken, signal }) {
    this.host = host;
    this.site = site;
    this.#token = token;
    this.onFrame = onFrame;
    this.onSpots = onSpots;
    this.onState = onState;
    this.onToken = onToken;
    signal.addEventListener("abort", () => this.#hangUp());
    addEventListener("online", () => this.state.phase === "lost" && this.redial(), { signal });
    SCOPE.addEventListener("securitypolicyviolation", (event) => this.#violated(/** @type {SecurityPolicyViolationEvent} */ (event)), { signal });
    this.signal = signal;
  }

  /** @param {Subject} subject what to watch from now on; a line that was up is dropped */
  watch(subject) {
    this.#subject = subject;
    this.redial();
  }

  /** @param {boolean} wanted  whether spots are to be told, now and after each dial; answered also where they are not */
  wantSpots(wanted) {
    if (wanted === this.#spots) return;
    this.#spots = wanted;
    this.#askForSpots();
  }

  #askForSpots() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ spots: this.#spots }));
  }

  /** Dials now, whatever was planned. */
  redial() {
    this.#failures = 0;
    this.#refusals = 0;
    this.#dial();
  }

  #dial() {
    this.#hangUp();
    if (!this.#subject || this.signal.aborted) return;
    const address = new URL("/live", this.host);
    address.protocol = address.protocol.replace("http", "ws");
    const { page, kind, device } = this.#subject;
    address.search = new URLSearchParams({ page, site: this.site, kind, device }).toString();
    this.#enter("connecting");
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(address, ["isotherm", `token.${this.#token}`]); // not in the address: browsers print that when a dial fails
    } catch {
      // A secure page and an insecure host: no browser opens that.
      this.#enter("blocked");
      return;
    }
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#askForSpots();
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lost(event.code);
    this.#socket = socket;
    this.#expectWord();
  }

  /** @param {ArrayBuffer | string} data */
  #hear(data) {
    if (typeof data === "string") {
      this.#read(data);
      return;
    }
    let frame;
    try {
      frame = readFrame(data);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      // What follows would be changes to something unknown: begin again with a keyframe.
      this.#retry();
      return;
    }
    this.#failures = 0;
    this.#refusals = 0;
    this.state.heardAtMs = performance.now();
    this.#expectWord();
    if (this.state.phase !== "live") this.#enter("live");
    if (frame.space === TILES) this.onFrame(frame);
  }

  /** @param {string} text  JSON; what is unknown is ignored */
  #read(text) {
    try {
      const { token, spots } = JSON.parse(text) ?? {};
      if (typeof token === "string") this.onToken((this.#token = token));
      if (spots !== undefined) this.onSpots(spots);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error; // else it is not for us
    }
  }

  /** (Re)starts the watchdog: silent, then dead. One that runs goes on: when it is through, it looks for how long nothing came. */
  #expectWord() {
    this.#wordAtMs = performance.now();
    if (!this.#watchdog) this.#watch(SILENT_MS);
  }

  /** @param {number} waitMs */
  #watch(waitMs) {
    this.#watchdog = setTimeout(() => {
      const silentMs = performance.now() - this.#wordAtMs;
      if (silentMs >= DEAD_MS) {
        this.#watchdog = 0;
        this.#retry();
        return;
      }
      if (silentMs >= SILENT_MS && this.state.phase === "live") this.#enter("silent");
      this.#watch((silentMs >= SILENT_MS ? DEAD_MS : SILENT_MS) - silentMs);
    }, waitMs);
  }

  /** @param {number} code */
  async #lost(code) {
    const opened = this.state.phase === "live" || this.state.phase === "silent";
    if (this.state.phase === "blocked") return;
    this.#hangUp();
    if (NOT_YOU.has(code)) this.#refusals = REFUSALS;
    else if (!opened) {
      this.#refusals = (await this.#answers()) ? this.#refusals + 1 : 0;
      // While it was asked, somebody may have dialled anew, or closed everything.
      if (this.#socket || this.signal.aborted || this.state.phase === /** @type {Phase} */ ("blocked")) return;
    }
    this.#retry();
  }

  #retry() {
    this.#hangUp();
    if (this.signal.aborted || this.#hidden) {
      this.#enter("lost");
      return;
    }
    const refused = this.#refusals >= REFUSALS;
    const backoff = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures);
    const wait = refused ? REFUSED_MS : backoff * (0.5 + 0.5 * Math.random());
    this.#failures += 1;
    this.#enter(refused ? "refused" : this.#refusals > 0 ? "connecting" : "lost", performance.now() + wait);
    this.#timer = setTimeout(() => this.#dial(), wait);
  }

  /** Whether the host answers at all. The answer itself stays opaque: no permission is needed, and nothing is logged. */
  async #answers() {
    try {
      const signal = AbortSignal.timeout(PROBE_MS);
      await fetch(new URL("/healthz", this.host), { mode: "no-cors", cache: "no-store", credentials: "omit", signal });
      return true;
    } catch {
      return false;
    }
  }

  /** @param {boolean} seen  whether the tab is in sight; until it is told, it is */
  seen(seen) {
    this.#hidden = !seen;
    clearTimeout(this.#unseen);
    if (!seen) {
      this.#unseen = setTimeout(() => {
        this.#hangUp();
        this.#enter("lost");
      }, UNSEEN_MS);
    } else if (!this.#socket && this.state.phase !== "blocked" && this.state.phase !== "refused") {
      this.redial();
    }
  }

  /** The page goes into the browser's back/forward cache, where no timer runs: hangs up now. `seen` brings it back. */
  leave() {
    if (this.state.phase === "blocked") return;
    this.#hangUp();
    this.#enter("lost");
  }

  /** @param {SecurityPolicyViolationEvent} event */
  #violated(event) {
    const { host, protocol } = new URL(this.host);
    const ours = event.blockedURI.includes(host) || event.blockedURI === protocol.replace("http", "ws").replace(":", "");
    if (this.state.phase === "live" || event.disposition !== "enforce" || event.effectiveDirective !== "connect-src" || !ours) return;
    if (event.blockedURI.startsWith("http")) return; // the probe, not the line
    this.#hangUp();
    this.#enter("blocked");
  }

  #hangUp() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#watchdog = 0;
    if (this.signal?.aborted) clearTimeout(this.#unseen);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /** @param {Phase} phase @param {number} [retryAtMs] */
  #enter(phase, retryAtMs = 0) {
    this.state = { ...this.state, phase, retryAtMs };
    if (!this.signal.aborted) this.onState(this.state);
  }
}
