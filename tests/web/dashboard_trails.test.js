/** What the charts draw is what was seen in the last two minutes, and nothing of pages that are gone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Trails } from "../../src/isotherm/web/dashboard/trails.js";

const T = 1_700_000_000_000;

test("a trail grows by what is seen and forgets what is older than two minutes", () => {
  const trails = new Trails();
  for (let s = 0; s <= 300; s += 1) trails.record(T + 1000 * s, [["a", s]]);
  const { at, value } = trails.of("a");
  assert.equal(at[0], T / 1000 + 180);
  assert.equal(value.at(-1), 300);
  assert.equal(at.length, 121);
});

test("a page that is gone leaves no trail; one that comes back begins anew", () => {
  const trails = new Trails();
  trails.record(T, [["a", 1], ["b", 2]]);
  trails.record(T + 1000, [["b", 3]]);
  assert.deepEqual(trails.of("a"), { at: [], value: [] });
  trails.record(T + 2000, [["a", 5]]);
  assert.deepEqual(trails.of("a").value, [5]);
});

test("a clock that was set back begins a trail anew: a chart's time only goes forward", () => {
  const trails = new Trails();
  trails.record(T, [["a", 1]]);
  trails.record(T - 60_000, [["a", 2]]);
  assert.deepEqual(trails.of("a").value, [2]);
});
