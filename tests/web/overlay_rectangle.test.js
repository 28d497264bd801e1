/** Which parts of a page belong to a rectangle that is drawn over it, and in what words they are counted. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { liesIn, wordsOf } from "../../src/isotherm/web/overlay/rectangle.js";

const RECTANGLE = { left: 100, top: 100, width: 200, height: 100 };
const inIt = (left, top, width, height, holds = false) => liesIn({ box: { left, top, width, height }, holds }, RECTANGLE);

test("a part belongs to a rectangle when half of it lies in it", () => {
  assert.ok(inIt(120, 120, 20, 20) && inIt(100, 100, 200, 100) && inIt(90, 120, 20, 20));
  assert.ok(!inIt(89, 120, 20, 20));
  assert.ok(!inIt(0, 0, 50, 50) && !inIt(80, 120, 20, 20));
});

test("a part that holds others belongs to it when most of it does", () => {
  assert.ok(inIt(100, 100, 250, 100, true) && !inIt(100, 100, 251, 100, true));
  assert.ok(inIt(100, 100, 300, 100) && !inIt(100, 100, 300, 100, true));
});

test("what is not drawn at all, or nowhere, belongs to none", () => {
  assert.ok(!inIt(150, 150, 0, 0) && !inIt(150, 150, 20, 0));
});

test("parts are counted in words", () => {
  assert.deepEqual([0, 1, 100, 137].map((n) => wordsOf(n, 100)), ["Nothing in it yet", "1 part", "100 parts", "137 parts: too many"]);
});
