/** What the overlay says: numbers, ages, and how things stand. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { tickText } from "../../src/isotherm/web/overlay/legend.js";
import { lastMovement, noticeOf, statusOf } from "../../src/isotherm/web/overlay/status.js";
import { CSS } from "../../src/isotherm/web/overlay/styles.js";
import { age, briefCount, delay, place, plural, rate, samples, share, span } from "../../src/isotherm/web/overlay/words.js";

/** A moment at which all is well. */
function moment(changed = {}) {
  return {
    line: { phase: "live", heardAtMs: 10_000, retryAtMs: 0 },
    choices: { kind: "move", device: "desktop" },
    newest: { windowMs: 300_000, quietMs: 500, people: 2 },
    lagMs: 40,
    warm: 12,
    host: "https://heat.example",
    ownDevice: "desktop",
    nowMs: 10_250,
    ...changed,
  };
}

test("numbers in words", () => {
  assert.deepEqual([samples(1, "move"), samples(4321, "click")], ["1 move", "4,321 clicks"]);
  assert.deepEqual([samples(1, "rage"), samples(2, "rage"), plural("rage")], ["1 rage click", "2 rage clicks", "rage clicks"]);
  assert.deepEqual([samples(1, "dead"), plural("dead")], ["1 dead click", "dead clicks"]);
  assert.deepEqual([briefCount(9999), briefCount(12_345), briefCount(1_240_000)], ["9,999", "12.3K", "1.24M"]);
  assert.deepEqual([rate(0), rate(0.02), rate(3.84), rate(11.5), rate(146.2)], ["0", "<0.1", "3.8", "12", "146"]);
  assert.deepEqual([share(0, 0), share(1, 5000), share(49, 1000), share(5, 5)], ["0 %", "<0.1 %", "4.9 %", "100 %"]);
  assert.deepEqual([age(900), age(12_300), age(65_000), age(3_720_000)], ["0 s", "12 s", "1 min 05 s", "1 h 02 min"]);
  assert.deepEqual([delay(-5), delay(40), delay(2_400), delay(12_000)], ["<0.1 s", "<0.1 s", "2.4 s", "12 s"]);
  assert.deepEqual([span(300_000), span(10_000), span(3_600_000), span(90_000)], ["5 min", "10 s", "1 h", "90 s"]);
  assert.deepEqual([place(1, 1), place(1, 9), place(3, 1200)], ["the only warm tile", "the hottest of 9", "rank 3 of 1,200"]);
});

test("the legend's counts grow, and none is written twice", () => {
  const ticks = (hottest, curve) => [0, 0.25, 0.5, 0.75, 1].map((part) => tickText(part, hottest, curve));
  assert.deepEqual(ticks(66, "lifted"), ["1", "4", "17", "37", "66"]);
  assert.deepEqual(ticks(100, "linear"), ["1", "25", "50", "75", "100"]);
  assert.deepEqual(ticks(2, "lifted"), ["1", "", "", "", "2"]);
  assert.deepEqual(ticks(1, "lifted"), ["", "", "", "", "1"]);
  assert.deepEqual(ticks(0, "lifted"), ["", "", "", "", ""]);
});

test("the pipeline's lag turns amber above a second, the last movement never does", () => {
  assert.deepEqual(statusOf(moment({ lagMs: 1000 })), { tone: "good", text: "Live", aside: "1.0 s behind", asideTone: "" });
  assert.deepEqual(statusOf(moment({ lagMs: 2400 })), { tone: "warn", text: "Live", aside: "2.4 s behind", asideTone: "warn" });
  const quiet = moment({ newest: { windowMs: 300_000, quietMs: 12_000 } });
  assert.equal(statusOf(quiet).tone, "good");
  assert.equal(lastMovement(quiet), "Last movement 12 s ago");
});

test("the age of the last movement goes on between frames", () => {
  assert.equal(lastMovement(moment()), "Moving now");
  assert.equal(lastMovement(moment({ nowMs: 13_500 })), "Last movement 4 s ago");
  assert.equal(lastMovement(moment({ newest: { windowMs: 300_000, quietMs: null } })), "No movement yet");
});

test("silence is told in seconds, a lost line with its next try", () => {
  assert.equal(statusOf(moment({ line: { phase: "silent", heardAtMs: 10_000, retryAtMs: 0 }, nowMs: 18_200 })).text, "No word for 8 s");
  const lost = statusOf(moment({ line: { phase: "lost", heardAtMs: 10_000, retryAtMs: 13_000 } }));
  assert.deepEqual([lost.tone, lost.aside], ["bad", "next try in 3 s"]);
});

test("each trouble reads well, and says what to do", () => {
  const refused = noticeOf(moment({ line: { phase: "refused", heardAtMs: 0, retryAtMs: 0 }, newest: null }));
  assert.match(refused.text, /^heat\.example answers, but .* Open the heat map again from the dashboard\.$/);
  const blocked = noticeOf(moment({ line: { phase: "blocked", heardAtMs: 0, retryAtMs: 0 }, newest: null }));
  assert.match(blocked.text, /Add wss:\/\/heat\.example to connect-src/);
  const down = noticeOf(moment({ line: { phase: "lost", heardAtMs: 10_000, retryAtMs: 20_000 }, nowMs: 22_000 }));
  assert.equal(down.text, "heat.example does not answer. What you see is 12 s old.");
  assert.equal(down.action, "redial");
});

test("a break of less than three seconds is no notice", () => {
  assert.equal(noticeOf(moment({ line: { phase: "lost", heardAtMs: 10_000, retryAtMs: 10_600 } })), null);
});

test("a page without heat says so, and offers all devices only where there are others", () => {
  const here = noticeOf(moment({ warm: 0 }));
  assert.equal(here.text, "Nobody on a desktop has moved on this page in the last 5 min. It shows as soon as somebody does.");
  assert.equal(here.action, "all-devices");
  const all = noticeOf(moment({ warm: 0, choices: { kind: "click", device: "all" } }));
  assert.match(all.text, /^Nobody has clicked on this page/);
  assert.equal(all.action, "");
  const calm = noticeOf(moment({ warm: 0, choices: { kind: "rage", device: "all" } }));
  assert.match(calm.text, /^Nobody has clicked in a rage .* A rage click is one of three within a second on one spot\.$/);
  const alive = noticeOf(moment({ warm: 0, choices: { kind: "dead", device: "all" } }));
  assert.match(alive.text, /^Nobody has clicked in vain .* A dead click is one after which nothing on the page changed\.$/);
});

test("a past without an answer is told as that, not as one in which nobody came", () => {
  const range = { warm: 0, past: true, waits: false, failed: false, choices: { kind: "move", device: "all", range: "hour" } };
  assert.match(noticeOf(moment(range)).text, /^Nobody moved on this page in that time/);
  assert.match(noticeOf(moment({ ...range, failed: true })).text, /^heat\.example did not answer/);
  assert.match(noticeOf(moment({ ...range, past: false, failed: true })).text, /in the last 5 min/);
});

test("an empty moment of the past is not called empty now, and a difference with nothing says so", () => {
  const live = { kind: "move", device: "all", range: "live" };
  assert.match(noticeOf(moment({ warm: 0, past: true, back: true, choices: live })).title, /in this range/);
  assert.match(noticeOf(moment({ warm: 0, past: true, back: false, choices: live })).title, /now/);
  assert.match(noticeOf(moment({ warm: 4, alone: true, choices: live })).title, /Nothing to compare with/);
  assert.equal(noticeOf(moment({ warm: 4, alone: true, waits: true, choices: live })), null);
});

test("heat of another device class says how to see it in its place", () => {
  assert.match(noticeOf(moment({ choices: { kind: "move", device: "mobile" } })).text, /narrower than 768 px/);
  assert.equal(noticeOf(moment({ choices: { kind: "move", device: "all" } })), null);
  assert.equal(noticeOf(moment()), null);
});

test("the panel's colours are the house's own", () => {
  const tokens = readFileSync(new URL("../../src/isotherm/web/shared/tokens.css", import.meta.url), "utf8");
  const read = (css) => new Map([...css.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value]));
  const house = read(tokens);
  for (const [name, value] of read(CSS)) if (name !== "--sans") assert.equal(value, house.get(name), name);
});
