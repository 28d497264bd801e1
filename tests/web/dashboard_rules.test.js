/** Rules and zones in words, and between what is typed and what the server is told. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, because, fires, hotSpans, ruleOf, typedOf } from "../../src/isotherm/web/dashboard/rule_words.js";
import { besideThePage, inOrder, kindOf, percent, trendOf } from "../../src/isotherm/web/dashboard/zone_words.js";

const RULE = {
  name: "popular", site: "default", page: "/shop/", zone: "product-*", metric: "share", at_least: 0.25, release: 0.2, hold_ms: 3000,
  people: 5, cooldown_ms: 30_000, in_page: true,
};

test("a rule that is typed is the rule that was shown", () => {
  for (const rule of [RULE, { ...RULE, metric: "clicks", at_least: 12, release: null, zone: null, in_page: false, hold_ms: 250, site: "berlin" }]) {
    assert.deepEqual(ruleOf(typedOf(rule)), { rule });
  }
});

test("what is no number, and what is missing, is told at its field", () => {
  const typed = typedOf(RULE);
  assert.equal(ruleOf({ ...typed, at_least: "a lot" }).field, "at_least");
  assert.equal(ruleOf({ ...typed, hold: "-1" }).field, "hold");
  assert.equal(ruleOf({ ...typed, page: " " }).field, "page");
  assert.equal(ruleOf({ ...typed, zone: "" }).field, "zone");
  assert.equal(ruleOf({ ...typed, zone: "", whole: "on", metric: "people" }).rule.zone, null);
  assert.equal(ruleOf({ ...typed, at_least: "12,5" }).rule.at_least, 0.125);
});

test("a rule reads as a sentence", () => {
  assert.equal(fires(RULE), "has at least 25 % of the page’s attention for 3 s, with 5 people or more");
  assert.equal(fires({ ...RULE, metric: "people", at_least: 12, hold_ms: 0 }), "has at least 12 people");
  assert.equal(fires({ ...RULE, metric: "unseen", at_least: 0 }), "has at most 0 people who see it for 3 s, while the page has 5 people or more");
  assert.equal(amount("share", 0.1234), "12.3 %");
});

test("what fired says why", () => {
  const told = { type: "hot", metric: "share", value: 0.31, people: 7, why: "share 0.31 ≥ 0.25" };
  assert.equal(because(told), "31 % of the page’s attention, 7 people");
  assert.equal(because({ ...told, type: "cooled", value: 0, people: 0, why: "the rule was taken away" }), "the rule was taken away");
});

test("hot spans go from hot to cooled, a zone at a time; what has not cooled lasts until now", () => {
  const fired = [
    { type: "hot", zone: "a", at: 10 },
    { type: "hot", zone: "b", at: 20 },
    { type: "cooled", zone: "a", at: 30 },
    { type: "cooled", zone: "c", at: 31 },
    { type: "hot", zone: "a", at: 40 },
  ];
  assert.deepEqual(hotSpans(fired, 100), [
    { zone: "a", from: 10, to: 30, open: false },
    { zone: "b", from: 20, to: 100, open: true },
    { zone: "a", from: 40, to: 100, open: true },
  ]);
});

test("names of zones are names, links, or places", () => {
  assert.deepEqual(["add-to-bag", "/p/lamp", "#main>0>2", ">1>0", "#bag", "a > b", "über uns"].map(kindOf), [
    "named", "link", "place", "place", "place", "named", "named",
  ]);
});

test("what all parts of a page share is no part's trend", () => {
  const fresh = [{ zone: "a", samples: 30, trend: 5 }, { zone: "b", samples: 20, trend: 5 }];
  assert.deepEqual(besideThePage(fresh).map(trendOf).map(({ word }) => word), ["steady", "steady"]);
  const moved = [{ zone: "a", samples: 30, trend: 2.5 }, { zone: "b", samples: 30, trend: 7.5 }];
  assert.deepEqual(besideThePage(moved).map(({ trend }) => trend), [0.5, 1.5]);
  assert.deepEqual(besideThePage([{ samples: 9, trend: 0 }]), [{ samples: 9, trend: 0 }], "a page that has gone quiet");
  assert.deepEqual(besideThePage([]), []);
});

test("a trend is a word, and none where there is too little", () => {
  assert.deepEqual(trendOf({ trend: 1.1, samples: 500 }), { word: "steady", tone: "" });
  assert.deepEqual(trendOf({ trend: 2, samples: 500 }), { word: "up 100 %", tone: "up" });
  assert.deepEqual(trendOf({ trend: 5, samples: 500 }), { word: "just began", tone: "up" });
  assert.deepEqual(trendOf({ trend: 0, samples: 500 }), { word: "gone quiet", tone: "down" });
  assert.deepEqual(trendOf({ trend: 5, samples: 3 }), { word: "too few to tell", tone: "" });
  assert.deepEqual([0, 0.0004, 0.042, 0.31, 1].map(percent), ["0 %", "under 0.1 %", "4.2 %", "31 %", "100 %"]);
});

const row = (zone, share, more = {}) => ({ zone, share, samples: 100, people: 1, clicks: 0, trend: 1, ...more });

test("the table stands by the figures that are read in it, whatever they were a moment ago", () => {
  const rows = [row("a", 0.101), row("b", 0.104), row("c", 0.31), row("d", 0.046), row("e", 0.047)];
  assert.deepEqual(inOrder([], rows, "share", false), ["c", "b", "a", "e", "d"]);
  assert.deepEqual(inOrder(["d", "e", "a", "b", "c"], rows, "share", false), ["c", "a", "b", "e", "d"], "10 % and 10 % keep their places");
  assert.deepEqual(inOrder(["a", "gone", "c"], rows, "share", true), ["a", "c", "b", "e", "d"], "held: who comes stands at the end");
});

test("counts are told apart to the last one", () => {
  const rows = [row("a", 0.1, { clicks: 12_341 }), row("b", 0.1, { clicks: 12_343 }), row("c", 0.1, { clicks: 12_342 })];
  assert.deepEqual(inOrder(["a", "b", "c"], rows, "clicks", false), ["b", "c", "a"]);
});

test("by trend: just began, up, steady or too few to tell, down, gone quiet", () => {
  const rows = [
    row("quiet", 0.1, { trend: 0 }), row("down", 0.1, { trend: 0.5 }), row("steady", 0.1, { trend: 0.9 }), row("few", 0.1, { trend: 5, samples: 3 }),
    row("up", 0.1, { trend: 1.5 }), row("new", 0.1, { trend: 9 }), row("new too", 0.1, { trend: 5 }),
  ];
  assert.deepEqual(inOrder([], rows, "trend", false), ["new", "new too", "up", "few", "steady", "down", "quiet"]);
});
