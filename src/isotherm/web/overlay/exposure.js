// @ts-check
/**
 * What is known of how far people scroll, in words and in places. Pure: from `GET /api/exposure`'s answer to lines, labels and tips.
 *
 * A *band* is a row of the page's grid, of the whole width. A line stands at the lower edge of the last band that so many people had in
 * view: all of them got at least so far. Where two lines fall together, the one of more people says it for both.
 */

import { age, count, people as persons } from "./words.js";

/**
 * @typedef {{seconds: number | null, people: number | null, share: number | null}} Band  null: too few people had it in view to be told
 * @typedef {{start: number, end: number, people: number | null, fold: number | null, bands: Band[]}} Exposure
 * @typedef {{at: number, text: string, kind: "reach" | "fold"}} Mark  `at`: a part of the page's height
 */

/** Lines are drawn for so many of all people. */
const SHARES = [0.75, 0.5, 0.25];

/** The time of the band that was longest in view, seconds; 0: none was. @param {readonly Band[]} bands */
export function longestOf(bands) {
  return Math.max(0, ...bands.map(({ seconds }) => seconds ?? 0));
}

/**
 * The lines to be drawn, from the top.
 * @param {Exposure} exposure
 * @returns {Mark[]}
 */
export function marksOf({ bands, fold }) {
  /** @type {Mark[]} */
  const marks = fold === null ? [] : [{ at: fold, text: "Average first screen ends here", kind: "fold" }];
  const taken = new Set();
  for (const part of SHARES) {
    const last = bands.map(({ share }) => (share ?? 0) >= part).lastIndexOf(true);
    if (last < 0 || taken.has(last)) continue;
    taken.add(last);
    marks.push({ at: (last + 1) / bands.length, text: `${100 * part} % of people got to ${last + 1 === bands.length ? "the end" : "here"}`, kind: "reach" });
  }
  return marks.sort((one, other) => one.at - other.at);
}

/**
 * Where labels of lines begin: each above its line, none over another, none above the page.
 * @param {readonly number[]} lines  from the top, CSS pixels in the document
 * @param {number} height  of a label
 * @returns {number[]}
 */
export function labelTops(lines, height) {
  let free = 0;
  return lines.map((line) => {
    const top = Math.max(free, line - height);
    free = top + height;
    return top;
  });
}

/**
 * What a band says.
 * @param {Band} band @param {number | null} everybody  people who had any of the page in view
 */
export function describeBand({ seconds, people, share }, everybody) {
  if (seconds === null || people === null || share === null) return { figure: "Seen by too few to tell", detail: "So few people are not told apart here" };
  if (people === 0) return { figure: "Nobody got here", detail: everybody ? `of ${persons(everybody)} on this page` : "" };
  const all = everybody ?? people;
  return {
    figure: `In view for ${age(1000 * seconds)}, by ${persons(people)}`,
    detail: `${Math.round(100 * share)} % of ${all === 1 ? "the one who was" : `the ${count(all)} who were`} on this page`,
  };
}

/** A time for a narrow place: `"45 s"`, `"6 min"`, `"3 h"`. @param {number} seconds */
export function briefTime(seconds) {
  if (seconds < 0.5) return "<1 s";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${count(Math.round(seconds / 3600))} h`;
}
