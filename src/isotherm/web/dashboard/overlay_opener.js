// @ts-check
/**
 * Opens the overlay on a page of the site itself, and hands the token over (docs/wire.md, "The overlay's hand-over").
 *
 * The tab is opened empty, at once, within the click: a browser blocks what is opened later, after the answer of a server. Then
 * the token is asked for and the tab sent to the page with it in the fragment. Where a router eats the fragment, the tab is still
 * known by its name, which outlives the way to another site in a tab with an opener; the tracker there loads what says
 * `isotherm:ready`, and that is answered with a token, but only in a tab that was opened here, and only while it shows the origin it
 * was opened for.
 */
import { overlayAddress } from "./address.js";

/** The overlay's word, from that tab. */
const READY = "isotherm:ready";
/** The tab's name, by which the tracker knows it. */
const MARK = "isotherm=";

/** @typedef {{site: string, origin: string, path: string, range: string}} Target */
/** @typedef {{tab: Window, target: Target, token: string, freshUntilMs: number}} Opened */

export class OverlayBlocked extends Error {}

export class OverlayOpener {
  /** @type {Opened[]} */
  #opened = [];

  constructor() {
    window.addEventListener("message", (event) => void this.#answer(event));
  }

  /**
   * To be called from within a click.
   * @param {Target} target
   */
  async open(target) {
    const tab = window.open("", "_blank");
    if (!tab) throw new OverlayBlocked("the browser did not open a new tab");
    tab.name = MARK;
    tab.document.title = "Isotherm: opening the overlay";
    try {
      const grant = await askToken(target.site);
      const opened = { tab, target, ...grant };
      this.#opened = [...this.#opened.filter((o) => !o.tab.closed), opened];
      tab.location.replace(overlayAddress(target.origin, target.path, grant.token, target.range));
    } catch (error) {
      tab.close();
      throw error;
    }
  }

  /** @param {MessageEvent} event */
  async #answer(event) {
    if (event.data !== READY) return;
    const opened = this.#opened.find((o) => o.tab === event.source && o.target.origin === event.origin);
    if (!opened) return;
    if (Date.now() > opened.freshUntilMs) Object.assign(opened, await askToken(opened.target.site));
    const { range, origin } = opened.target;
    opened.tab.postMessage({ isotherm: opened.token, ...(range && { range }) }, origin);
  }
}

/**
 * @param {string} site
 * @returns {Promise<{token: string, freshUntilMs: number}>}
 */
async function askToken(site) {
  const answer = await fetch("/api/overlay-token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ site }),
  });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`the server gave no token for the overlay (${answer.status})`);
  const { token, expires_in_ms } = await answer.json();
  // Half its life: what is handed over must still have time to be used.
  return { token, freshUntilMs: Date.now() + expires_in_ms / 2 };
}
