/** What a viewer chose, where it is kept and what goes before it. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { View } from "../../src/isotherm/web/overlay/view.js";

const ANY = { range: "any", span: { fromMs: 1, toMs: 2 } };

beforeEach(() => {
  const kept = new Map();
  globalThis.sessionStorage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
});

test("a range that the address names goes before what was chosen in the tab, and stays when the page is loaded again", () => {
  new View(1280).choose({ range: "today", kind: "click" });
  assert.deepEqual([new View(1280, ANY).choices.range, new View(1280).choices.range], ["any", "any"]);
  assert.deepEqual([new View(1280).choices.span, new View(1280).choices.kind], [ANY.span, "click"]);
});

test("a range that the opener tells is for a tab in which nothing was chosen yet", () => {
  assert.equal(new View(1280, {}, { range: "hour" }).choices.range, "hour");
  new View(1280).choose({ range: "live" });
  assert.equal(new View(1280, {}, { range: "hour" }).choices.range, "live");
});
