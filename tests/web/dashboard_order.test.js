/** Pages stand hottest first, and nobody jumps about. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Order } from "../../src/isotherm/web/dashboard/order.js";

const T = 1_700_000_000_000;

/** Feeds rates, once a second, and gives the order at the end. */
function after(seconds, ratesAt, { order = new Order(), held = false, from = 0 } = {}) {
  for (let s = from; s <= from + seconds; s += 1) {
    order.update(Object.entries(ratesAt(s)).map(([key, rate]) => ({ key, rate })), T + 1000 * s, held);
  }
  return order;
}

test("what is seen first is sorted exactly", () => {
  assert.deepEqual(after(0, () => ({ a: 3, b: 30, c: 3.1 })).keys, ["b", "c", "a"]);
});

test("pages about as hot as each other keep their places, however their rates cross", () => {
  const order = after(0, () => ({ a: 10.2, b: 10, c: 1 }));
  after(120, (s) => ({ a: 10 + 1.4 * Math.sin(s), b: 10 - 1.4 * Math.sin(s), c: 1 }), { order, from: 1 });
  assert.deepEqual(order.keys, ["a", "b", "c"]);
});

test("a page that becomes clearly hotter passes, within seconds", () => {
  const order = after(0, () => ({ a: 10, b: 9, c: 1 }));
  after(20, () => ({ a: 10, b: 9, c: 40 }), { order, from: 1 });
  assert.deepEqual(order.keys, ["c", "a", "b"]);
});

test("a burst of one second moves nobody", () => {
  const order = after(0, () => ({ a: 10, b: 8 }));
  after(1, (s) => ({ a: 10, b: s === 1 ? 14 : 8 }), { order, from: 1 });
  assert.deepEqual(order.keys, ["a", "b"]);
});

test("a rate on the edge of a band does not swing to and fro", () => {
  // Bands' edges lie at 0.05 · √2ⁿ: 12.8 is one.
  const order = after(0, () => ({ a: 12.85, b: 13.5 }));
  const orders = new Set();
  for (let s = 1; s < 200; s += 1) {
    order.update([{ key: "a", rate: s % 10 < 5 ? 12.4 : 13.2 }, { key: "b", rate: 13.5 }], T + 1000 * s, false);
    orders.add(order.keys.join());
  }
  assert.deepEqual([...orders], ["b,a"]);
});

test("a chain of small differences does not hide a hot page", () => {
  const rates = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, 1 + 0.01 * i]));
  const order = new Order();
  order.update(Object.keys(rates).map((key) => ({ key, rate: 3 })), T, false);
  after(60, () => rates, { order, from: 1 });
  const seen = order.keys.map((key) => rates[key]);
  assert.ok(seen[0] > 3.9, `the hottest page has ${seen[0]}`);
  assert.ok(seen[499] < 1.7, `the coldest page has ${seen[499]}`);
});

test("while the list is held nobody moves: who comes goes to the end, who leaves leaves", () => {
  const order = after(0, () => ({ a: 10, b: 5, c: 1 }));
  after(30, () => ({ a: 1, c: 100, d: 500 }), { order, held: true, from: 1 });
  assert.deepEqual(order.keys, ["a", "c", "d"]);
  after(1, () => ({ a: 1, c: 100, d: 500 }), { order, from: 32 });
  assert.deepEqual(order.keys, ["d", "c", "a"]);
});

test("pages without a sample a second stand behind all others, in a steady order", () => {
  const order = after(10, () => ({ a: 0, b: 2, c: 0 }));
  assert.deepEqual(order.keys, ["b", "a", "c"]);
});
