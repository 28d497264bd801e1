/** Ranges of time, as they are chosen, asked for, and kept in an address. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { localOf, queryOf, rangeOf, spanOf } from "../../src/isotherm/web/dashboard/ranges.js";
import { rangeOf as rangeOfOverlay, spanOf as spanOfOverlay } from "../../src/isotherm/web/overlay/spans.js";

const NOW = 1_700_000_000_000;
const RANGES = [{ name: "live" }, { name: "hour" }, { name: "today" }, { name: "any", from: NOW - 5, to: null }, { name: "any", from: NOW - 5, to: NOW }];

test("a range in an address is the range that was chosen", () => {
  for (const range of RANGES) assert.deepEqual(rangeOf(new URLSearchParams(queryOf(range))), range);
});

test("what is no range is the live window", () => {
  for (const query of ["", "from=x", "range=all", "to=5", "from=-5", "from=1e9"]) assert.equal(rangeOf(new URLSearchParams(query)).name, "live");
  assert.deepEqual(rangeOf(new URLSearchParams("from=9&to=3")), { name: "any", from: 9, to: null });
});

test("the server is asked for times", () => {
  assert.equal(spanOf(RANGES[0], NOW), null);
  assert.deepEqual(spanOf(RANGES[1], NOW), { from: String(NOW - 3_600_000) });
  const midnight = new Date(Number(spanOf(RANGES[2], NOW).from));
  assert.deepEqual([midnight.getHours(), midnight.getMinutes(), midnight.getDate()], [0, 0, new Date(NOW).getDate()]);
  assert.deepEqual(spanOf(RANGES[4], NOW), { from: String(NOW - 5), to: String(NOW) });
});

test("a time in a field is the reader's own", () => {
  assert.equal(new Date(localOf(NOW)).getTime(), NOW - (NOW % 60_000));
});

test("the overlay reads a range as the dashboard names it", () => {
  for (const range of RANGES) {
    const { range: name = "live", span = null } = rangeOfOverlay(new URLSearchParams(queryOf(range)).toString(), NOW);
    const [here, there] = [spanOf(range, NOW), spanOfOverlay(name, NOW, span)];
    assert.deepEqual(there && { from: String(there.fromMs), to: String(there.toMs) }, here && { to: String(NOW), ...here });
  }
  for (const query of ["", "from=x", "range=all", "to=5", "from=-5", "from=1e9", "from=9&to=3"]) assert.deepEqual(rangeOfOverlay(query, NOW), {}, query);
});
