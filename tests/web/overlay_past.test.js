/** Looking back: which spans, which parts, what is told of differences. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LookBack } from "../../src/isotherm/web/overlay/lookback.js";
import { Reel } from "../../src/isotherm/web/overlay/reel.js";
import { heatOf } from "../../src/isotherm/web/overlay/past.js";
import { DAY_MS, HOUR_MS, lastDay, localText, MINUTE_MS, partsOf, PLAY_MS, spanBefore, spanOf, trailOf } from "../../src/isotherm/web/overlay/spans.js";
import { compare, describe } from "../../src/isotherm/web/overlay/tip.js";
import { length, moments, people, points } from "../../src/isotherm/web/overlay/words.js";
import { differenceOf } from "../../src/isotherm/web/shared/heat/difference.js";
import { divergingScale, divergingShades, opacityOfDifference, paintDifference, STEPS } from "../../src/isotherm/web/shared/heat/diverging.js";

const NOON = new Date(2026, 4, 20, 12, 30).getTime();

test("ranges are what they are called", () => {
  assert.equal(spanOf("live", NOON, null), null);
  assert.deepEqual(spanOf("hour", NOON, null), { fromMs: NOON - HOUR_MS, toMs: NOON });
  assert.deepEqual(spanOf("today", NOON, null), { fromMs: new Date(2026, 4, 20).getTime(), toMs: NOON });
  assert.deepEqual(spanOf("any", NOON, { fromMs: 5, toMs: 9 }), { fromMs: 5, toMs: 9 });
  assert.deepEqual(spanOf("any", NOON, { fromMs: 9, toMs: 5 }), { fromMs: NOON - DAY_MS, toMs: NOON });
  const midnight = new Date(2026, 4, 20).getTime();
  assert.ok(spanOf("today", midnight, null).toMs > midnight);
});

test("a day that nobody picked yet has the minute that is under way in it, since a new page has no other", () => {
  assert.deepEqual(lastDay(NOON + 1), { fromMs: NOON + MINUTE_MS - DAY_MS, toMs: NOON + MINUTE_MS });
  assert.deepEqual(lastDay(NOON), { fromMs: NOON - DAY_MS, toMs: NOON });
});

test("a range is held against what lies right before it, today against the same hours of yesterday", () => {
  assert.deepEqual(spanBefore("hour", { fromMs: 100, toMs: 160 }), { fromMs: 40, toMs: 100 });
  assert.deepEqual(spanBefore("today", { fromMs: DAY_MS, toMs: DAY_MS + HOUR_MS }), { fromMs: 0, toMs: HOUR_MS });
});

test("a range is played in parts that the server knows, at most 290, whatever its length", () => {
  for (const [lengthMs, part] of [[HOUR_MS, "1m"], [DAY_MS, "5m"], [7 * DAY_MS, "1h"], [400 * DAY_MS, "2d"]]) {
    assert.equal(partsOf({ fromMs: 0, toMs: lengthMs }), part);
  }
  assert.ok(PLAY_MS === 20_000 && trailOf(288) * 5 < 120 && trailOf(1) === 1);
});

test("a time reads back as it was picked", () => {
  assert.equal(new Date(localText(NOON)).getTime(), NOON);
});

test("the reel shows the parts that end at its place", () => {
  let moves = 0;
  const reel = new Reel(() => (moves += 1));
  assert.equal(reel.heat, null);
  const steps = Array.from({ length: 40 }, (_, i) => ({ endMs: (i + 1) * MINUTE_MS, cells: [i % 4], counts: [i + 1] }));
  reel.load({ startMs: 0, endMs: 40 * MINUTE_MS, stepMs: MINUTE_MS, grid: 2, steps });
  assert.equal(reel.place, 40);
  assert.deepEqual([...reel.heat.counts], [0, 0, 39, 40]);
  reel.seek(1);
  assert.deepEqual([...reel.heat.counts], [1, 0, 0, 0]);
  assert.deepEqual(reel.span, { fromMs: 0, toMs: MINUTE_MS });
  reel.seek(99);
  assert.deepEqual([reel.place, moves], [40, 2]);
});

test("the reel plays on from its place to the end, from the start when it is there, and stops", (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const places = [];
  const reel = new Reel(() => places.push(reel.place));
  const steps = Array.from({ length: 4 }, (_, i) => ({ endMs: i, cells: [], counts: [] }));
  reel.load({ startMs: 0, endMs: 4, stepMs: 1, grid: 2, steps });
  reel.play();
  context.mock.timers.tick(PLAY_MS);
  assert.deepEqual(places, [1, 2, 3, 4, 4]);
  assert.equal(reel.playing, false);
  reel.seek(2);
  reel.play();
  assert.equal(reel.place, 2);
  reel.stop();
});

/** Looks back on a past that answers when, and what, the test says. */
function lookingBack(windowMs = () => 5 * MINUTE_MS) {
  const asked = [];
  const range = (subject, fromMs, toMs) => new Promise((answer) => asked.push({ fromMs, toMs, answer }));
  const lookBack = new LookBack({ past: { available: true, range, steps: range }, windowMs, onChange: () => {}, signal: new AbortController().signal });
  const choose = (choices) => lookBack.choose({ page: "/", kind: "move", device: "all" }, { range: "live", span: null, against: null, compare: false, reel: false, ...choices });
  const answer = async (found) => {
    for (const one of asked.splice(0)) one.answer(found);
    await new Promise(setImmediate);
  };
  return { lookBack, asked, choose, answer };
}

const FOUND = { startMs: 0, endMs: 9, heat: heatOf(2, [0], [3]), people: { total: 2, by: Uint32Array.of(2, 0, 0, 0), error: 0 } };

test("who goes back to the live heat waits for nothing, and what was on its way is thrown away", async () => {
  const { lookBack, asked, choose, answer } = lookingBack();
  choose({ range: "hour" });
  assert.equal(lookBack.waits, true);
  choose({ range: "live" });
  assert.equal(lookBack.waits, false);
  await answer(FOUND);
  assert.equal(lookBack.heat, null);
  lookBack.tick(true);
  assert.equal(asked.length, 1, "who is on the tile is asked for again");
});

test("a past that does not answer is no empty one: what was there stays, and it is asked again", async (context) => {
  context.mock.timers.enable({ apis: ["Date"], now: NOON });
  const { lookBack, asked, choose, answer } = lookingBack();
  choose({ range: "hour" });
  await answer(FOUND);
  assert.deepEqual([lookBack.failed, lookBack.heat.total], [false, 3]);
  context.mock.timers.tick(MINUTE_MS);
  lookBack.tick(false);
  await answer(null);
  assert.deepEqual([lookBack.failed, lookBack.heat.total], [true, 3]);
  choose({ range: "any", span: { fromMs: 5, toMs: 9 } });
  assert.deepEqual([lookBack.failed, lookBack.heat], [false, null]);
  await answer(null);
  context.mock.timers.tick(MINUTE_MS);
  lookBack.tick(false);
  assert.equal(asked.length, 1);
  await answer(FOUND);
  assert.equal(lookBack.failed, false);
});

test("the live window is held against one of its own length, as soon as that is known", async () => {
  let windowMs = 0;
  const { lookBack, asked, choose } = lookingBack(() => windowMs);
  choose({ compare: true });
  assert.equal(asked.length, 0);
  windowMs = 10 * MINUTE_MS;
  lookBack.tick(false);
  assert.equal(asked[0].toMs - asked[0].fromMs, windowMs);
});

test("numbers of people that are estimates say so", async () => {
  const { lookBack, choose, answer } = lookingBack();
  choose({ range: "hour" });
  await answer({ ...FOUND, people: { ...FOUND.people, error: 0.02 } });
  assert.equal(people(lookBack.people, lookBack.peopleAreNear), "≈ 2 people");
  assert.equal(describe(0, lookBack.heat, "move", lookBack.peopleOn(0), lookBack.peopleAreNear).figure, "≈ 2 people, 3 moves");
});

test("a difference is one of shares: the same picture with twice the visitors is none", () => {
  const before = heatOf(2, [0, 1], [10, 30]);
  assert.equal(differenceOf(heatOf(2, [0, 1], [20, 60]), before).most, 0);
  const { values, most } = differenceOf(heatOf(2, [0, 3], [1, 1]), before);
  assert.deepEqual([...values], [0.25, -0.75, 0, 0.5]);
  assert.equal(most, 0.75);
  assert.equal(differenceOf(heatOf(2, [], []), before), null);
  assert.equal(differenceOf(before, heatOf(3, [0], [1])), null);
  const now = heatOf(2, [0, 3], [1, 1]);
  assert.deepEqual(compare(1, now, before, "move"), { figure: "−75.0 points", detail: "0.0 % of all moves, 75.0 % before" });
});

/** CIE lightness L*, 0 … 100. */
function lightness([red, green, blue]) {
  const linear = (channel) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4);
  const y = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y;
}

/** As eyes without red cones (protan) or green ones (deutan) see it: Viénot, Brettel, Mollon 1999, on linear light. */
function seenBy(kind, colour) {
  const matrix = { protan: [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]], deutan: [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]] }[kind];
  const light = colour.map((channel) => (channel / 255) ** 2.2);
  return matrix.map((row) => 255 * Math.max(0, row.reduce((sum, part, i) => sum + part * light[i], 0)) ** (1 / 2.2));
}

for (const ground of ["light", "dark"]) {
  test(`differences on a ${ground} page: larger is further from the ground, and less and more are told apart by everybody`, () => {
    const colour = divergingScale(ground);
    const towards = ground === "dark" ? 1 : -1;
    for (const sign of [-1, 1]) {
      const steps = [0.1, 0.3, 0.5, 0.7, 0.9, 1].map((part) => lightness(colour(sign * part)) * towards);
      for (let i = 1; i < steps.length; i += 1) assert.ok(steps[i] > steps[i - 1]);
    }
    for (const part of [0.2, 0.5, 1]) {
      for (const kind of ["protan", "deutan"]) {
        const [less, more] = [seenBy(kind, colour(-part)), seenBy(kind, colour(part))];
        // Yellow against blue is what such eyes tell best.
        assert.ok(Math.abs(less[2] - less[0] - (more[2] - more[0])) > 60, `${kind} at ${part}: ${less} and ${more}`);
      }
    }
  });
}

test("what did not change is clear, and a difference that is there never is", () => {
  const table = divergingShades("light");
  const pixels = new Uint32Array(4);
  paintDifference(Float32Array.of(0, 1e-6, -1e-6, 1), 1, table, pixels);
  assert.deepEqual([pixels[0], pixels[3]], [0, table[2 * STEPS]]);
  assert.ok(pixels[1] === table[STEPS + 1] && pixels[2] === table[STEPS - 1] && pixels[1] !== 0);
  assert.equal(opacityOfDifference(0), 0);
});

test("people and differences in words", () => {
  assert.deepEqual([people(1), people(1234)], ["1 person", "1,234 people"]);
  assert.deepEqual([points(0), points(0.012), points(-0.0004), points(0.00001)], ["no change", "+1.2 points", "−0.04 points", "+0.01 points"]);
  assert.deepEqual([length(61 * MINUTE_MS), length(DAY_MS + 60_000), length(9 * DAY_MS)], ["61 min", "24 h", "9 d"]);
  const heat = heatOf(2, [0, 1], [212, 1]);
  assert.equal(describe(0, heat, "move", 37).figure, "37 people, 212 moves");
  assert.equal(describe(0, heat, "move").figure, "212 moves");
  assert.match(moments({ fromMs: NOON, toMs: NOON + HOUR_MS }), /12:30 – 13:30$/);
});
