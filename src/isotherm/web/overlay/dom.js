// @ts-check
/**
 * Elements, made one by one.
 *
 * The overlay stands on other people's pages, under their Content-Security-Policy and Trusted Types: no markup as text (`innerHTML`
 * may be forbidden), no style attributes, no inline handlers. What comes from outside is only ever text.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined> | null} attributes  `true` sets it empty; `false` leaves it out
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * An SVG of shapes, each `[tag, attributes]`.
 * @param {string} viewBox @param {string} className
 * @param {readonly (readonly [string, Record<string, string | number>])[]} shapes
 */
export function drawing(viewBox, className, shapes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, String(value));
    svg.append(shape);
  }
  return svg;
}

/**
 * Sets a text only where it is another one: numbers tick four times a second, most of them to what they were.
 * @param {Node} node @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Sets a property only where it is another one: an attribute that is set anew, also to what it is, has the browser look at styles, and that
 * costs a frame of its own.
 * @template {object} Target
 * @template {keyof Target} Name
 * @param {Target} target @param {Name} name @param {Target[Name]} value
 */
export function set(target, name, value) {
  if (target[name] !== value) target[name] = value;
}
