// @ts-check
/**
 * The look *Scroll*: how long each part of the page was in view, and how far people get.
 *
 *     GET /api/exposure ──> bands (canvas, a pixel a band) + lines ──> tip, legend, notice
 *
 * It is loaded when it is chosen. While it is looked at it asks once a second for the live window, for a range once, and now and then
 * anew where that ends now. What comes back as it was draws nothing. Asked for nothing, it asks nothing.
 */

import { make, say } from "./dom.js";
import { describeBand, labelTops, longestOf, marksOf } from "./exposure.js";
import { spanOf } from "./spans.js";
import { hang } from "./tip.js";
import { span as lengthOf } from "./words.js";
import { paint, shades } from "../shared/heat/shades.js";

/**
 * @typedef {import("./exposure.js").Exposure} Exposure
 * @typedef {import("./painter.js").Style} Style
 * @typedef {import("./status.js").Notice} Notice
 *
 * @typedef {object} Wanted
 * @property {string} page
 * @property {Readonly<import("./view.js").Choices>} choices
 * @property {import("../shared/heat/geometry.js").Size} size
 * @property {Style} style
 * @property {boolean} stale  whether the line is down
 * @property {number | null} at  where is pointed to, CSS pixels from the document's top
 */

/** Just under a second: the overlay looks every half. */
const LIVE_MS = 900;
const RANGE_MS = 20_000;
const AGAIN_MS = 5_000;
const PATIENCE_MS = 15_000;
const LABEL_PX = 22;

export class Scroll {
  #host;
  #site;
  #token;
  #signal;
  #onChange;
  #canvas = make("canvas", { class: "bands", "aria-hidden": "true", width: 1, height: 1 });
  #lines = make("div", null);
  #frame = make("div", { class: "frame", hidden: true });
  #figure = make("strong", null);
  #detail = make("span", null);
  #bubble = make("div", { class: "tip", hidden: true }, this.#figure, this.#detail);
  /** Page, device class and range that are asked for, and what is drawn of them. */
  #of = "";
  #drawn = "";
  #lined = "";
  #dueAtMs = 0;
  /** @type {AbortController | null} */
  #asking = null;
  /** @type {Exposure | null} */
  #exposure = null;
  /** @type {"" | "late" | "unknown" | "blocked"} why nothing is known */
  #trouble = "";
  /** @type {Wanted | null} */
  #wanted = null;
  /** @type {number | null} a band that was asked for by key */
  asked = null;
  /** @type {number | null} the band that is pointed at */
  #band = null;

  /** @param {{host: string, site: string, token: () => string, signal: AbortSignal, onChange: () => void}} of */
  constructor({ host, site, token, signal, onChange }) {
    this.#host = host;
    this.#site = site;
    this.#token = token;
    this.#signal = signal;
    this.#onChange = onChange;
    this.element = make("div", { role: "region", "aria-label": "How far people scroll", hidden: true }, this.#canvas, this.#lines, this.#frame, this.#bubble);
    document.addEventListener("securitypolicyviolation", (event) => this.#violated(event), { signal });
  }

  /** What the legend tells. */
  get figures() {
    const { bands = [], people = 0, start = 0, end = 0 } = this.#exposure ?? {};
    return {
      longest: longestOf(bands),
      people,
      within: end > start ? lengthOf(Math.round((end - start) / 1000) * 1000) : "",
      pointed: this.#band === null ? null : (bands[this.#band]?.seconds ?? null),
    };
  }

  /** What stands in the way of it. @returns {Notice | null} */
  get notice() {
    if (!this.#wanted) return null;
    const { range, device } = this.#wanted.choices;
    const live = range === "live";
    const where = this.#host.replace(/^https?:\/\//, "");
    const hour = { action: /** @type {const} */ ("hour"), label: "Show the last hour" };
    const none = { action: /** @type {const} */ (""), label: "" };
    if (this.#trouble === "blocked") {
      const text = `Its Content-Security-Policy keeps the browser from asking Isotherm how far people scroll. Add ${this.#host} to connect-src.`;
      return { tone: "bad", title: "This page forbids the question", text, ...none };
    }
    if (this.#trouble === "unknown") {
      const text = live ? "This server knows of past times only how far people scroll." : "This server does not know how far people scroll.";
      return { tone: "plain", title: live ? "Not known of now" : "Not known here", text, ...(live ? hour : none) };
    }
    if (this.#trouble === "late") {
      return { tone: "warn", title: "How far people scroll can’t be read now", text: `${where} did not answer. It is asked again by itself.`, ...none };
    }
    if (!this.#exposure || longestOf(this.#exposure.bands) > 0) return null;
    if (this.#exposure.people !== 0) return { tone: "plain", title: "Too few people to tell", text: "So few had this page in view that nothing is told of them.", ...none };
    const text = live
      ? `Nobody${device === "all" ? "" : " on such a device"} had this page in view in the last ${this.figures.within}. It shows as soon as somebody does.`
      : `Nobody${device === "all" ? "" : " on such a device"} had this page in view in that time, as far as it is kept.`;
    const next = device === "all" ? (live ? hour : none) : { action: /** @type {const} */ ("all-devices"), label: "Show all devices" };
    return { tone: "plain", title: "Nobody looked here", text, ...next };
  }

  /** Brings it up to date. @param {Wanted | null} wanted  null: it is not looked at */
  show(wanted) {
    this.#wanted = wanted;
    if (this.element.hidden === Boolean(wanted)) this.element.hidden = !wanted;
    if (!wanted) {
      this.#forget("");
      return;
    }
    this.#ask(wanted);
    this.#draw(wanted);
    this.#point(wanted);
  }

  /** Goes to the band that is longest in view, then on in their order. @param {number} step @returns {string} what it says */
  goTo(step) {
    const { bands, people } = this.#exposure ?? { bands: [], people: 0 };
    const order = [...bands.keys()].filter((at) => bands[at].seconds).sort((a, b) => (bands[b].seconds ?? 0) - (bands[a].seconds ?? 0));
    if (!this.#wanted || order.length === 0) return "Nobody looked here";
    const from = this.asked === null ? (step > 0 ? -1 : 0) : order.indexOf(this.asked);
    this.asked = order[(from + step + order.length) % order.length];
    const middle = ((this.asked + 0.5) * this.#wanted.size.height) / bands.length;
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    scrollTo({ top: middle - innerHeight / 2, behavior });
    const { figure, detail } = describeBand(bands[this.asked], people);
    return `${figure}, ${detail}`;
  }

  /** @param {string} of */
  #forget(of) {
    if (of === this.#of) return;
    this.#of = of;
    this.#asking?.abort();
    this.#asking = null;
    this.#exposure = null;
    this.#dueAtMs = 0;
    this.asked = null;
    if (this.#trouble !== "blocked") this.#trouble = "";
  }

  /** Asks for what is due. @param {Wanted} wanted */
  #ask({ page, choices: { device, range, span, paused } }) {
    this.#forget(JSON.stringify([page, device, range, span]));
    const nowMs = performance.now();
    if (this.#asking || nowMs < this.#dueAtMs || this.#trouble === "blocked" || (paused && this.#exposure)) return;
    const within = spanOf(range, Date.now(), span);
    const address = new URL("/api/exposure", this.#host);
    const times = within ? { from: String(within.fromMs), to: String(within.toMs) } : null;
    address.search = new URLSearchParams({ page, device, site: this.#site, ...times }).toString();
    this.#dueAtMs = range === "any" ? Infinity : nowMs + (within ? RANGE_MS : LIVE_MS);
    void this.#fetch(address);
  }

  /** @param {URL} address */
  async #fetch(address) {
    const asking = new AbortController();
    this.#asking = asking;
    let told = null;
    let status = 0;
    try {
      const signal = AbortSignal.any([this.#signal, asking.signal, AbortSignal.timeout(PATIENCE_MS)]);
      const headers = { Authorization: `Bearer ${this.#token()}` }; // in the address it would stand in logs, each second
      const answer = await fetch(address, { headers, credentials: "omit", cache: "no-store", signal });
      status = answer.status;
      if (answer.ok) told = await answer.json();
    } catch {
      // No answer: told below.
    }
    if (this.#asking !== asking) return; // something else is looked at now
    this.#asking = null;
    if (told) this.#exposure = told;
    const unknown = status === 501 || status === 404;
    if (!told) this.#dueAtMs = unknown ? Infinity : performance.now() + AGAIN_MS;
    if (this.#trouble !== "blocked") this.#trouble = told ? "" : unknown ? "unknown" : "late";
    if (!this.#signal.aborted) this.#onChange();
  }

  /** @param {SecurityPolicyViolationEvent} event */
  #violated({ blockedURI, disposition, effectiveDirective }) {
    if (disposition !== "enforce" || effectiveDirective !== "connect-src") return;
    if (!blockedURI.startsWith(new URL("/api/exposure", this.#host).href) && blockedURI !== new URL(this.#host).origin) return;
    this.#trouble = "blocked";
    this.#onChange();
  }

  /** @param {Wanted} wanted */
  #draw({ choices, size, style, stale }) {
    const bands = this.#exposure?.bands ?? [];
    const fold = this.#exposure?.fold ?? null;
    const drawn = JSON.stringify([bands.map(({ seconds }) => seconds), style]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#paint(Float32Array.from(bands, ({ seconds }) => seconds ?? 0), style);
    }
    this.#canvas.classList.toggle("stale", stale);
    const opacity = String(choices.opacity / 100);
    if (this.#canvas.style.opacity !== opacity) this.#canvas.style.opacity = opacity;
    const marks = marksOf({ start: 0, end: 0, people: null, ...this.#exposure, bands, fold });
    const lined = JSON.stringify([marks, size]);
    if (lined === this.#lined) return;
    this.#lined = lined;
    this.#canvas.style.width = `${size.width}px`;
    this.#canvas.style.height = `${size.height}px`;
    const tops = labelTops(marks.map(({ at }) => at * size.height), LABEL_PX);
    this.#lines.replaceChildren(
      ...marks.flatMap(({ at, text, kind }, i) => {
        const line = make("div", { class: `waterline ${kind}` });
        line.style.transform = `translateY(${Math.round(at * size.height)}px)`;
        line.style.width = `${size.width}px`;
        const label = make("span", { class: `label ${kind}` }, text);
        label.style.transform = `translateY(${Math.round(tops[i])}px)`;
        return [line, label];
      }),
    );
  }

  /** A pixel a band, which the browser stretches over the page. @param {Float32Array} seconds @param {Style} style */
  #paint(seconds, style) {
    const image = new ImageData(1, Math.max(1, seconds.length));
    this.#canvas.height = image.height;
    paint(seconds, seconds.reduce((most, one) => Math.max(most, one), 0), shades(style), new Uint32Array(image.data.buffer));
    /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d", { willReadFrequently: true })).putImageData(image, 0, 0);
  }

  /** @param {Wanted} wanted */
  #point({ size, at }) {
    const bands = this.#exposure?.bands ?? [];
    const pointed = this.asked ?? (at === null ? null : Math.floor((bands.length * at) / size.height));
    this.#band = pointed !== null && pointed >= 0 && pointed < bands.length && longestOf(bands) > 0 ? pointed : null;
    const hidden = this.#band === null;
    for (const part of [this.#frame, this.#bubble]) if (part.hidden !== hidden) part.hidden = hidden;
    if (this.#band === null) return;
    const { figure, detail } = describeBand(bands[this.#band], this.#exposure?.people ?? null);
    say(this.#figure, figure);
    say(this.#detail, detail);
    const height = size.height / bands.length;
    hang(this.#frame, this.#bubble, { left: 0, top: this.#band * height, width: size.width, height });
  }
}
