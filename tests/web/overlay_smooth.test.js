/** The smooth look says what the tiles say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Smoother } from "../../src/isotherm/web/shared/heat/smooth.js";

const GRID = 50;

/** @param {Record<number, number>} heat */
function counts(heat) {
  const all = new Uint32Array(GRID * GRID);
  for (const [cell, count] of Object.entries(heat)) all[Number(cell)] = count;
  return all;
}

/** The tile in which the landscape is highest. */
function top({ size, values }) {
  const at = values.indexOf(Math.max(...values));
  const factor = size / GRID;
  return Math.floor(Math.floor(at / size) / factor) * GRID + Math.floor((at % size) / factor);
}

for (const tallness of [0.5, 1, 2, 6.25]) {
  test(`a lone spot stays in its tile where tiles are ${tallness} times higher than wide`, () => {
    for (const cell of [20 * GRID + 30, 7 * GRID + 25, 33 * GRID + 8]) {
      assert.equal(top(new Smoother().landscape(counts({ [cell]: 90 }), GRID, tallness)), cell);
    }
  });

  test(`no heat is made or lost inside the page at ${tallness}`, () => {
    const { size, values } = new Smoother().landscape(counts({ [25 * GRID + 25]: 40, [24 * GRID + 20]: 2 }), GRID, tallness);
    const sum = values.reduce((all, value) => all + value, 0) / (size / GRID) ** 2;
    assert.ok(Math.abs(sum - 42) < 0.01, `${sum}`);
  });
}

test("an even page is even", () => {
  const { values, hottest } = new Smoother().landscape(new Uint32Array(GRID * GRID).fill(7), GRID, 2);
  assert.ok(Math.abs(hottest - 7) < 1e-3);
  assert.ok(values.every((value) => Math.abs(value - 7) < 1e-3));
});

test("nothing is negative, nothing is hotter than the hottest tile", () => {
  const random = new Uint32Array(GRID * GRID).map((_, i) => (i * 2654435761) % 97);
  const { values, hottest } = new Smoother().landscape(random, GRID, 3);
  assert.ok(values.every((value) => value >= 0 && value <= hottest + 1e-4));
  assert.ok(hottest <= 96 + 1e-4);
});

for (const tallness of [1 / 3, 3, 9]) test(`a spot is as broad as it is high on the screen at ${tallness}`, () => {
  const { size, values } = new Smoother().landscape(counts({ [25 * GRID + 25]: 100 }), GRID, tallness);
  let [x2, y2, sum] = [0, 0, 0];
  values.forEach((value, at) => {
    const [x, y] = [((at % size) + 0.5) / (size / GRID) - 25.5, (Math.floor(at / size) + 0.5) / (size / GRID) - 25.5];
    x2 += value * x * x;
    y2 += value * y * y;
    sum += value;
  });
  const [broad, high] = [Math.sqrt(x2 / sum), tallness * Math.sqrt(y2 / sum)];
  assert.ok(Math.abs(broad / high - 1) < 0.05, `${broad} × ${high} tiles' widths`);
});

test("the finest grid is not made finer", () => {
  assert.equal(new Smoother().landscape(new Uint32Array(200 * 200), 200, 1).size, 200);
});

test("one smoother serves grids that change", () => {
  const smoother = new Smoother();
  smoother.landscape(new Uint32Array(16), 4, 1);
  assert.equal(smoother.landscape(counts({ 1275: 3 }), GRID, 1).size % GRID, 0);
});
