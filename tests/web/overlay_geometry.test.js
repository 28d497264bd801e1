/** Tiles and pixels agree with the server's rule. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { cellAt, cellBox, deviceOf } from "../../src/isotherm/web/shared/heat/geometry.js";

const PAGE = { width: 1280, height: 8000 };

test("a place falls into the tile floor(G·x/width), floor(G·y/height)", () => {
  assert.equal(cellAt(0, 0, PAGE, 50), 0);
  assert.equal(cellAt(25.59, 0, PAGE, 50), 0);
  assert.equal(cellAt(25.6, 0, PAGE, 50), 1);
  assert.equal(cellAt(640, 4000, PAGE, 50), 25 * 50 + 25);
});

test("outside is clamped to the edge", () => {
  assert.equal(cellAt(-3, -3, PAGE, 50), 0);
  assert.equal(cellAt(1280, 8000, PAGE, 50), 2499);
  assert.equal(cellAt(5000, 90000, PAGE, 50), 2499);
});

test("the middle of every tile's box falls into that tile, for odd sizes too", () => {
  for (const page of [PAGE, { width: 389, height: 1717.5 }]) {
    for (const grid of [1, 7, 50]) {
      for (let cell = 0; cell < grid * grid; cell += 1) {
        const { left, top, width, height } = cellBox(cell, page, grid);
        assert.equal(cellAt(left + width / 2, top + height / 2, page, grid), cell);
      }
    }
  }
});

test("boxes cover the page without gaps", () => {
  const last = cellBox(2499, PAGE, 50);
  assert.equal(last.left + last.width, PAGE.width);
  assert.equal(last.top + last.height, PAGE.height);
  const [here, next] = [cellBox(10, PAGE, 50), cellBox(11, PAGE, 50)];
  assert.ok(Math.abs(here.left + here.width - next.left) < 1e-9);
});

test("device classes turn at 768 and 1024", () => {
  assert.deepEqual([320, 767, 768, 1023, 1024, 2560].map(deviceOf), ["mobile", "mobile", "tablet", "tablet", "desktop", "desktop"]);
});
