/** Numbers and times as people read them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { roundAbove, spanOf } from "../../src/isotherm/web/shared/chart_scale.js";
import { bytes, clock, count, plural, quiet, rate, span } from "../../src/isotherm/web/shared/format.js";

test("counts have all digits as long as they fit", () => {
  assert.deepEqual([0, 999, 2310, 99_999, 100_000, 1_234_567].map(count), ["0", "999", "2,310", "99,999", "100.0K", "1.2M"]);
});

test("rates have one digit behind the point, until there are too many before it", () => {
  assert.deepEqual([0, 0.04, 11.83, 999.9, 999.96, 12_500].map(rate), ["0.0", "0.0", "11.8", "999.9", "1,000", "12,500"]);
});

test("spans of time have one unit", () => {
  const spans = { 14: "14 ms", 999: "999 ms", 2300: "2.3 s", 12_000: "12 s", 59_600: "1 min", 300_000: "5 min", 7_200_000: "2 h", 200_000_000: "2 d" };
  assert.deepEqual(Object.keys(spans).map((ms) => span(Number(ms))), Object.values(spans));
});

test("a page that was quiet for a moment moves; later it tells whole seconds", () => {
  assert.deepEqual([120, 5999, 6400, 12_345, 61_000].map(quiet), [
    "moving now", "moving now", "last movement 6 s ago", "last movement 12 s ago", "last movement 1 min ago",
  ]);
});

test("sizes go up in steps of 1,024", () => {
  assert.deepEqual([0, 1023, 20_480, 1_500_000].map(bytes), ["0 B", "1023 B", "20.0 KiB", "1.4 MiB"]);
});

test("times of day have milliseconds", () => assert.match(clock(1_700_000_000_042), /^\d\d:\d\d:\d\d\.042$/));

test("one page, two pages", () => assert.deepEqual([plural(1, "page"), plural(2, "page"), plural(2, "person", "people")], ["1 page", "2 pages", "2 people"]));

test("a chart's upper edge is a round number that holds still", () => {
  assert.deepEqual([0, 0.4, 1, 1.1, 4, 23, 180, 347, 5000].map(roundAbove), [1, 1, 1, 2, 5, 30, 200, 500, 5000]);
});

test("a chart looks back two minutes at most, half a minute at least", () => {
  assert.deepEqual(spanOf(995, 1000), [970, 1000]);
  assert.deepEqual(spanOf(950, 1000), [950, 1000]);
  assert.deepEqual(spanOf(100, 1000), [880, 1000]);
});
