// @ts-check
/** Zones that are drawn on a site, as the server keeps them; and whether this viewer may change them. */

/**
 * @typedef {{name: string, page: string, anchors: string[]}} DrawnZone  `page` is empty where it is on every page
 */

const PATIENCE_MS = 15_000;

export class DrawnZones {
  #host;
  #site;
  #token;
  #signal;
  /** @type {readonly DrawnZone[]} */
  all = [];
  /** Whether they may be changed. */
  may = false;

  /** @param {{host: string, site: string, token: () => string, signal: AbortSignal}} of */
  constructor({ host, site, token, signal }) {
    this.#host = host;
    this.#site = site;
    this.#token = token;
    this.#signal = signal;
  }

  /** Whether the pass that the overlay came with was given for it: it says so, for everyone to read. The server decides. */
  get mayBe() {
    try {
      const [said] = this.#token().split(".");
      return JSON.parse(atob(said.replace(/-/g, "+").replace(/_/g, "/"))).includes("draws");
    } catch {
      return false;
    }
  }

  /** Asks which there are. @returns {Promise<string>} why not; empty: it is known */
  load() {
    return this.#ask("GET", {});
  }

  /** @param {DrawnZone} zone @returns {Promise<string>} why it was not kept; empty: it is */
  put(zone) {
    return this.#ask("PUT", {}, zone);
  }

  /** @param {DrawnZone} zone */
  remove({ name, page }) {
    return this.#ask("DELETE", { name, page });
  }

  /** @param {string} method @param {Record<string, string>} query @param {DrawnZone} [body] */
  async #ask(method, query, body) {
    const address = new URL("/api/zones/drawn", this.#host);
    address.search = new URLSearchParams({ site: this.#site, token: this.#token(), ...query }).toString();
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(PATIENCE_MS)]);
      const answer = await fetch(address, { method, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store", signal });
      const told = await answer.json();
      if (!answer.ok) return answer.status === 401 ? "you may not change zones any more: open the heat map anew" : String(told.error);
      this.all = told.zones;
      this.may = told.may === true;
      return "";
    } catch {
      return "the server did not answer";
    }
  }
}
