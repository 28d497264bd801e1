/** The counts of a page: what frames make of them, and what can be asked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Heat } from "../../src/isotherm/web/shared/heat/heat.js";

const keyframe = (at, counts, cells = 9) => ({ key: true, cells, at: Uint16Array.from(at), counts: Uint8Array.from(counts) });
const changes = (at, counts, cells = 9) => ({ ...keyframe(at, counts, cells), key: false });

test("a keyframe says all: what it does not name is cold", () => {
  const heat = new Heat();
  heat.apply(keyframe([0, 4], [3, 5]));
  heat.apply(keyframe([4], [6]));
  assert.deepEqual([...heat.counts], [0, 0, 0, 0, 6, 0, 0, 0, 0]);
  assert.equal(heat.grid, 3);
});

test("changes are the new counts, and zero is cold", () => {
  const heat = new Heat();
  heat.apply(keyframe([0, 4], [3, 5]));
  heat.apply(changes([0, 8], [0, 2]));
  assert.deepEqual([...heat.counts], [0, 0, 0, 0, 5, 0, 0, 0, 2]);
  assert.deepEqual([heat.total, heat.hottest, heat.warm], [7, 5, 2]);
});

test("changes before a keyframe, or of another size, change nothing", () => {
  const heat = new Heat();
  assert.equal(heat.apply(changes([0], [1])), false);
  assert.equal(heat.known, false);
  heat.apply(keyframe([0], [1]));
  assert.equal(heat.apply(changes([0], [9], 16)), false);
  assert.equal(heat.counts[0], 1);
});

test("apply tells whether there is anything new to draw", () => {
  const heat = new Heat();
  assert.equal(heat.apply(keyframe([], [])), true);
  assert.equal(heat.apply(keyframe([], [])), false);
  assert.equal(heat.apply(changes([], [])), false);
  assert.equal(heat.apply(changes([1], [1])), true);
});

test("a server that came back with another grid begins anew", () => {
  const heat = new Heat();
  heat.apply(keyframe([0], [1]));
  heat.apply(keyframe([15], [2], 16));
  assert.equal(heat.grid, 4);
  assert.equal(heat.total, 2);
});

test("equal counts share a rank", () => {
  const heat = new Heat();
  heat.apply(keyframe([0, 1, 2, 3], [5, 9, 5, 1]));
  assert.deepEqual([0, 1, 2, 3].map((cell) => heat.rank(cell)), [2, 1, 2, 4]);
});

test("the hottest cells come hottest first, equals from the top of the page", () => {
  const heat = new Heat();
  heat.apply(keyframe([0, 1, 2, 8], [5, 9, 5, 9]));
  assert.deepEqual(heat.hottestCells(3), [1, 8, 0]);
});

test("frozen heat stays as it was", () => {
  const heat = new Heat();
  heat.apply(keyframe([0], [5]));
  const frozen = heat.frozen();
  heat.apply(changes([0], [6]));
  assert.deepEqual([frozen.counts[0], frozen.hottest, frozen.total], [5, 5, 5]);
});
