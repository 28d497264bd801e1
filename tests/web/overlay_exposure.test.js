/** The look by what is in view: where its lines stand, and what it says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { briefTime, describeBand, labelTops, longestOf, marksOf } from "../../src/isotherm/web/overlay/exposure.js";
import { noticeOf } from "../../src/isotherm/web/overlay/status.js";

/** @param {(number | null)[]} shares @param {number | null} [fold] */
const exposureOf = (shares, fold = null) => ({
  start: 0,
  end: 300_000,
  people: 20,
  fold,
  bands: shares.map((share) => ({ share, seconds: share === null ? null : 10 * share, people: share === null ? null : 20 * share })),
});

test("a line stands below the last band that so many people had in view", () => {
  const marks = marksOf(exposureOf([1, 1, 0.9, 0.75, 0.7, 0.4, 0.3, 0.25, 0.2, 0], 0.33));
  assert.deepEqual(marks, [
    { at: 0.33, text: "Average first screen ends here", kind: "fold" },
    { at: 0.4, text: "75 % of people got to here", kind: "reach" },
    { at: 0.5, text: "50 % of people got to here", kind: "reach" },
    { at: 0.8, text: "25 % of people got to here", kind: "reach" },
  ]);
});

test("lines that fall together are one, of most people; where all saw the end it says so", () => {
  assert.deepEqual(marksOf(exposureOf([1, 1, 0.1, 0])).map(({ at, text }) => [at, text]), [[0.5, "75 % of people got to here"]]);
  assert.deepEqual(marksOf(exposureOf([1, 0.9])).map(({ at, text }) => [at, text]), [[1, "75 % of people got to the end"]]);
});

test("whoever jumps over a part of the page got as far as where he landed; what is hidden or empty has no line", () => {
  assert.deepEqual(marksOf(exposureOf([1, 0.2, 0.2, 0.8, 0.2])).map(({ at }) => at), [0.8]);
  assert.deepEqual(marksOf(exposureOf([null, null])), []);
  assert.deepEqual(marksOf({ ...exposureOf([0, 0]), people: 0 }), []);
  assert.equal(longestOf(exposureOf([null, 0.5, 0.2]).bands), 5);
  assert.equal(longestOf([]), 0);
});

test("labels lie above their lines, none over another, none above the page", () => {
  assert.deepEqual(labelTops([5, 300, 310, 315, 900], 22), [0, 278, 300, 322, 878]);
});

test("a band says how long and by how many it was in view", () => {
  const band = { seconds: 250, people: 31, share: 0.8378 };
  assert.deepEqual(describeBand(band, 37), { figure: "In view for 4 min 10 s, by 31 people", detail: "84 % of the 37 who were on this page" });
  assert.equal(describeBand({ seconds: 2, people: 1, share: 1 }, 1).detail, "100 % of the one who was on this page");
  assert.deepEqual(describeBand({ seconds: 0, people: 0, share: 0 }, 37), { figure: "Nobody got here", detail: "of 37 people on this page" });
  assert.equal(describeBand({ seconds: null, people: null, share: null }, null).figure, "Seen by too few to tell");
});

test("times are short where there is little room", () => {
  assert.deepEqual([0, 0.6, 45, 119, 250, 7199, 36_000].map(briefTime), ["<1 s", "1 s", "45 s", "119 s", "4 min", "120 min", "10 h"]);
});

test("what the look says stands instead of what the heat would say, and not before a line that is down", () => {
  const nothing = { tone: "plain", title: "Nobody looked here", text: "", action: "", label: "" };
  const at = {
    line: { phase: "live", heardAtMs: 0, retryAtMs: 0 },
    choices: { kind: "move", device: "all", range: "live", look: "scroll" },
    newest: { windowMs: 300_000 },
    warm: 0,
    warmElements: null,
    waits: false,
    host: "https://heat.example",
    nowMs: 10_000,
  };
  assert.equal(noticeOf({ ...at, scroll: nothing })?.title, "Nobody looked here");
  assert.equal(noticeOf({ ...at, scroll: null }), null);
  assert.equal(noticeOf(at)?.title, "No heat here yet");
  assert.equal(noticeOf({ ...at, scroll: nothing, line: { phase: "refused", heardAtMs: 0, retryAtMs: 0 } })?.title, "This view is not let in");
});
