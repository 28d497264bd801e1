// @ts-check
/**
 * From an anchor's name to the elements that it may stand for, as the tracker names them (docs/wire.md): a zone, else a link by its path,
 * else a way from an element with an id. Names come from strangers: they are compared, never run as selectors.
 */

/** As the tracker cuts names. */
const CUT = /^.{0,64}/su;
const WAY = /^(.*?)((?:>\d+){0,3})$/s;

/** The zones and links of the document as it is, by name. It is built anew after the document changed. */
export class Anchors {
  /** @type {Map<string, Element[]> | null} */
  #named = null;

  /** The document is another one now. */
  forget() {
    this.#named = null;
  }

  /** @param {string} name @returns {readonly Element[]} in the document's order; none: there is no such element here */
  elementsOf(name) {
    const named = (this.#named ??= zonesAndLinks());
    return named.get(name) ?? elementsOnWay(name);
  }
}

function zonesAndLinks() {
  /** @type {Map<string, Element[]>} */
  const named = new Map();
  for (const element of document.querySelectorAll("[data-heat-zone], a[href]")) {
    if (!(element instanceof HTMLElement) || (element.parentElement?.closest("[data-heat-zone]") && element.dataset.heatZone === undefined)) continue;
    const name = cut(element.dataset.heatZone || (element instanceof HTMLAnchorElement ? element.pathname : ""));
    if (!name) continue;
    const others = named.get(name);
    if (others) others.push(element);
    else named.set(name, [element]);
  }
  return named;
}

/** `#id>0>2`: from the element with that id, or from the document, so many children inwards. @param {string} name @returns {Element[]} */
function elementsOnWay(name) {
  if (name !== cut(name) || [...name].length === 64) return []; // cut short, it may be another's
  const [, base, way] = /** @type {RegExpExecArray} */ (WAY.exec(name));
  if (base && !/^#./s.test(base)) return [];
  const from = base ? [...document.querySelectorAll(`#${CSS.escape(base.slice(1))}`)] : [document.documentElement];
  const steps = way.split(">").slice(1).map(Number);
  return from.flatMap((element) => {
    /** @type {Element | undefined} */
    let at = element;
    for (const step of steps) at = at?.children[step];
    return at && !(at instanceof HTMLHeadElement) ? [at] : [];
  });
}

/**
 * The element by whose name samples on an element are counted: it, or what is around it. As the tracker has it.
 * @param {Element} element
 */
export function boxOf(element) {
  return named(element).box;
}

/** The names by which samples on an element, and on all that is in it, are counted. @param {Element} element @returns {string[]} */
export function anchorsIn(element) {
  return [...new Set([element, ...element.querySelectorAll("*")].map((one) => named(one).name))].filter((name) => name !== "");
}

/**
 * @typedef {{element: Element, name: string, holds: boolean}} Named  `holds`: others are in it
 */

/** The elements of the document by whose names samples are counted. @returns {Named[]} in the document's order, as near as may be */
export function namedElements() {
  /** @type {Map<Element, string>} */
  const names = new Map();
  /** @type {Set<Element>} */
  const holders = new Set();
  for (const one of document.querySelectorAll("body, body *")) {
    const { box, name } = named(one);
    if (name === "" || names.has(box)) continue;
    names.set(box, name);
    for (let around = box.parentElement; around && !holders.has(around); around = around.parentElement) holders.add(around);
  }
  return [...names].map(([element, name]) => ({ element, name, holds: holders.has(element) }));
}

/** @param {Element} element @returns {{box: Element, name: string}} */
function named(element) {
  const own = /** @type {HTMLAnchorElement | null} */ (element.closest("[data-heat-zone]") || element.closest("a[href]"));
  if (own) return { box: own, name: cut(own.dataset.heatZone || own.pathname || "") };
  /** @type {Element[]} */
  const inwards = [];
  let box = element;
  for (; !box.getAttribute("id") && box.parentElement; box = box.parentElement) inwards.unshift(box);
  let name = box.getAttribute("id") ? `#${box.getAttribute("id")}` : "";
  for (const step of inwards.slice(0, 3)) {
    name += `>${[...(step.parentElement?.children ?? [])].indexOf(step)}`;
    box = step;
  }
  return { box, name: cut(name) };
}

/** @param {string} name */
function cut(name) {
  return /** @type {RegExpExecArray} */ (CUT.exec(name))[0];
}

/**
 * What an element is called where people read it: its zone's name, or what it says, or what it is.
 * @param {Element} element @param {string} name  its anchor's
 */
export function labelOf(element, name) {
  if (element instanceof HTMLElement && element.dataset.heatZone) return name;
  const said = (element.getAttribute("aria-label") || element.getAttribute("alt") || ownText(element) || element.getAttribute("title") || "").trim();
  const words = said.replace(/\s+/g, " ");
  if (words) return `“${words.length > 40 ? `${words.slice(0, 38)} …` : words}”`;
  return element.id ? `#${element.id}` : `<${element.localName}>`;
}

/** What it says, if that is a line and not half a page. Fields keep what was typed to themselves. @param {Element} element */
function ownText(element) {
  const text = element.textContent ?? "";
  return text.length < 200 ? text : "";
}
