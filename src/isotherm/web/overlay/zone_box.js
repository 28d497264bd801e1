// @ts-check
/** The panel's part on zones: those that were drawn on this page, and a way to name other parts of it. */

import { make, say } from "./dom.js";
import { icon } from "./icons.js";
import { pick } from "./pick.js";
import { parts } from "./words.js";

/**
 * @typedef {import("./zones.js").DrawnZones} DrawnZones
 * @typedef {import("./zones.js").DrawnZone} DrawnZone
 */

/** As the server has it. */
const PARTS_MAX = 100;
const BEGIN = "Name a part of the page";

export class ZoneBox {
  #zones;
  #surroundings;
  #page = "/";
  #list = make("ul", { class: "zones" });
  #begin = make("button", { type: "button", class: "button" }, BEGIN);
  #hint = make("p", { class: "hint", role: "status" });
  #name = make("input", { type: "text", maxlength: 64, required: true, autocomplete: "off", "aria-label": "Name of the zone" });
  #everywhere = make("input", { type: "checkbox" });
  #form;
  /** @type {string[]} */
  #anchors = [];
  /** @type {AbortController | null} while one picks */
  #picking = null;

  /** @param {{zones: DrawnZones, surroundings: () => {own: Element, into: ParentNode, signal: AbortSignal}}} of */
  constructor({ zones, surroundings }) {
    this.#zones = zones;
    this.#surroundings = surroundings;
    const offered = zones.mayBe;
    const cancel = make("button", { type: "button", class: "button" }, "Cancel");
    cancel.addEventListener("click", () => {
      say(this.#hint, "");
      this.#ask(false);
    });
    this.#form = make(
      "form",
      { hidden: true },
      this.#name,
      make("label", { class: "toggle" }, this.#everywhere, "On every page that has it"),
      make("p", { class: "acts" }, make("button", { class: "button" }, "Keep"), cancel),
    );
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#keep();
    });
    this.#begin.addEventListener("click", () => void this.#pick());
    this.element = make(
      "details",
      { class: "drawn", hidden: !offered },
      make("summary", null, make("span", null, "Zones"), icon("fold")),
      make("div", { class: "inner" }, this.#list, this.#begin, this.#form, this.#hint),
    );
    this.element.addEventListener("toggle", () => this.element.open && void this.#load());
  }

  /** @param {string} page  the one that is looked at */
  show(page) {
    if (page === this.#page) return;
    this.#page = page;
    this.#ask(false);
    this.#reflect();
  }

  async #load() {
    say(this.#hint, await this.#zones.load());
    this.#reflect();
  }

  async #pick() {
    if (this.#picking) {
      this.#picking.abort();
      return;
    }
    const surroundings = this.#surroundings();
    this.#picking = new AbortController();
    say(this.#begin, "Cancel");
    this.element.classList.add("busy");
    say(this.#hint, "Click a part of the page, or drag a rectangle around several. By keys: arrows, then Enter. Escape gives up.");
    const picked = await pick({ ...surroundings, signal: AbortSignal.any([surroundings.signal, this.#picking.signal]), most: PARTS_MAX });
    this.#picking = null;
    say(this.#begin, BEGIN);
    this.element.classList.remove("busy");
    const why = picked ? notOf(picked.length) : "";
    say(this.#hint, why || (picked ? `A zone of ${parts(picked.length)}. What is it called?` : ""));
    if (picked && !why) {
      this.#anchors = picked;
      this.#ask(true);
    } else this.#begin.focus();
  }

  /** @param {boolean} asks  whether a name is asked for */
  #ask(asks) {
    const asked = !this.#form.hidden;
    this.#form.hidden = !asks;
    this.#begin.hidden = asks;
    if (asks) {
      this.#name.value = "";
      this.#everywhere.checked = false;
      this.#name.focus();
    } else if (asked) this.#begin.focus();
  }

  async #keep() {
    const name = this.#name.value.trim();
    if (!name) return;
    const why = await this.#zones.put({ name, page: this.#everywhere.checked ? "" : this.#page, anchors: this.#anchors });
    if (!why) this.#ask(false);
    say(this.#hint, why ? `Not kept: ${why}` : `What lies on “${name}” counts for it from now on.`);
    this.#reflect();
  }

  /** @param {DrawnZone} zone */
  async #remove(zone) {
    const why = await this.#zones.remove(zone);
    say(this.#hint, why ? `Not removed: ${why}` : `“${zone.name}” is removed.`);
    this.#reflect();
    this.#begin.focus();
  }

  #reflect() {
    this.#begin.disabled = !this.#zones.may;
    const here = this.#zones.all.filter(({ page }) => page === "" || page === this.#page);
    this.#list.replaceChildren(...here.map((zone) => this.#row(zone)));
    this.#list.hidden = here.length === 0;
  }

  /** @param {DrawnZone} zone */
  #row(zone) {
    const remove = make("button", { type: "button", class: "tool", title: "Remove", "aria-label": `Remove ${zone.name}` }, icon("close"));
    remove.addEventListener("click", () => void this.#remove(zone));
    return make("li", null, make("bdi", null, zone.name), make("span", null, zone.page ? "" : "every page"), remove);
  }
}

/** Why so many parts make no zone; empty: they do. @param {number} n */
function notOf(n) {
  if (n === 0) return "Nothing lies in that rectangle: drag it around some parts of the page, or click one.";
  return n > PARTS_MAX ? `That holds ${parts(n)}, and a zone has at most ${PARTS_MAX}: take something smaller.` : "";
}
