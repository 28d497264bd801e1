/** Heat by elements: what is told adds up to a picture, and points become blots where they are. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Blots, highestOf, STEP } from "../../src/isotherm/web/shared/heat/blots.js";
import { placeOf, SpotHeat } from "../../src/isotherm/web/shared/heat/spots.js";

const pack = (numbers) => `<H${Buffer.from(Uint16Array.from(numbers).buffer).toString("base64")}`;

/** @param {[string, number, number, number][]} spots  name, near, cell, count */
function told(spots, whole) {
  const names = [...new Set(spots.map(([name]) => name))];
  const column = (i) => pack(spots.map((spot) => spot[i]));
  return {
    end: 1, whole, side: 250, "near-grid": [32, 256], names,
    element: pack(spots.map(([name]) => names.indexOf(name))), near: column(1), cell: column(2), count: column(3),
  };
}

test("the whole, then changes: counts are those told last, cold spots and elements go", () => {
  const heat = new SpotHeat();
  assert.equal(heat.apply(told([["a", 0, 1, 5]], false)), false, "changes of something unknown");
  assert.equal(heat.apply(told([["a", 0, 1, 5], ["a", 7, 1, 2], ["__proto__", 0, 3, 1]], true)), true);
  const still = heat.frozen();
  assert.equal(heat.apply(told([["a", 0, 1, 6], ["a", 7, 1, 0], ["__proto__", 0, 3, 0], ["b", 0, 0, 4]], false)), true);
  assert.deepEqual([...heat.elements.keys()], ["a", "b"]);
  assert.deepEqual([...(heat.elements.get("a") ?? [])], [[1, 6]]);
  assert.equal(heat.total, 10);
  assert.equal(still.total, 8);
  assert.equal(heat.apply(told([], false)), false);
  assert.equal(heat.apply({ ...told([], true), cell: "no column" }), false);
  heat.apply(told([], true));
  assert.equal(heat.total + heat.elements.size, 0);
});

test("a spot's place is the middle of its part of the element and of the document", () => {
  assert.deepEqual(placeOf(33 * 65536 + 251, { side: 250, columns: 32, rows: 256 }), {
    x: 1.5 / 250, y: 1.5 / 250, nearX: 1.5 / 32, nearY: 1.5 / 256,
  });
});

for (const [x, y] of [[200, 120], [201.7, 118.3], [60, 300]]) {
  test(`a lone blot lies where it was told, to half a pixel, as high as its count: ${x}, ${y}`, () => {
    const blots = new Blots();
    blots.draw([{ x: 9, y: 9, count: 3 }], 400, 400);
    const highest = blots.draw([{ x, y, count: 7 }], 400, 400);
    let [sum, across, down] = [0, 0, 0];
    blots.values.forEach((value, at) => {
      sum += value;
      across += value * ((at % blots.width) + 0.5) * STEP;
      down += value * (Math.floor(at / blots.width) + 0.5) * STEP;
    });
    assert.ok(Math.hypot(across / sum - x, down / sum - y) < 0.5);
    assert.ok(highest > 6 && highest < 7.01, `${highest}`);
    assert.ok(Math.abs(highestOf([{ x, y, count: 7 }]) - 7) < 1e-9);
  });
}

test("the scale's end is about the highest blot, wherever points lie", () => {
  const points = Array.from({ length: 400 }, (_, i) => ({ x: 150 + 40 * Math.sin(i * 7), y: 150 + 40 * Math.cos(i * 3), count: 1 + (i % 3) }));
  const highest = new Blots().draw(points, 300, 300);
  const about = highestOf(points);
  assert.ok(about > 0.75 * highest && about < 1.6 * highest, `${about} for ${highest}`);
  assert.ok(Math.abs(highestOf(points.map((point) => ({ ...point, y: point.y - 5000 }))) / about - 1) < 0.3, "out of sight too");
});
