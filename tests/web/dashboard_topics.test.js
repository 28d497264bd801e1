/** Topics: a list that can be stopped, a line for each value, columns as the tables that they are, the pipeline as a graph. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { KEPT, MessageStore, idOf } from "../../src/isotherm/web/dashboard/message_store.js";
import { summary } from "../../src/isotherm/web/dashboard/message_words.js";
import { graphOf } from "../../src/isotherm/web/dashboard/pipeline_graph.js";
import { heatOf, shapeOf } from "../../src/isotherm/web/dashboard/value_shape.js";
import { unpack } from "../../src/isotherm/web/shared/columns.js";

const message = (offset, key = "default/p/1") => ({ topic: "heatmap", key, partition: 0, offset, time: 1_700_000_000_000 + offset, value: {} });
const offsets = (store) => store.shown.map(({ offset }) => offset);

test("the newest message stands on top, and only so many are kept", () => {
  const store = new MessageStore();
  for (let offset = 0; offset < KEPT + 50; offset += 1) store.push(message(offset));
  assert.equal(store.shown.length, KEPT);
  assert.equal(store.shown[0].offset, KEPT + 49);
});

test("while it is stopped the list stands as it was shown last, and what comes is counted", () => {
  const store = new MessageStore();
  store.push(message(1));
  assert.deepEqual(offsets(store), [1]);
  store.push(message(2));
  store.stop(true);
  store.push(message(3));
  assert.deepEqual(offsets(store), [1]);
  assert.equal(store.newer, 2);
  store.stop(false);
  assert.deepEqual(offsets(store), [3, 2, 1]);
  assert.equal(store.newer, 0);
});

test("a lost line leaves a stopped list as it is; another topic does not", () => {
  const store = new MessageStore();
  store.push(message(1));
  assert.deepEqual(offsets(store), [1]);
  store.stop(true);
  store.restart();
  assert.deepEqual(offsets(store), [1]);
  store.clear();
  assert.deepEqual(offsets(store), []);
});

test("no two messages of a topic have one name", () => {
  assert.notEqual(idOf(message(1)), idOf(message(2)));
  assert.notEqual(idOf(message(1, "a")), idOf(message(1, "b")));
});

test("each topic's value has a line of its own", () => {
  const clickstream = { v: 1, pages: ["default/p/1"], sessions: ["a", "b"], samples: { x: [1, 2, 3], y: [1, 2, 3] } };
  const grouped = { site: "default", path: "/p/1", visitors: 3, pane: [7, 7, 8], tile: [1, 2, 3], count: [4, 1, 1] };
  const heatmap = { value: { 25: { 25: 1, 26: 4 }, 3: { 0: 1 } }, "grid-size": 50, kind: "move", device: "desktop" };
  assert.deepEqual([clickstream, grouped, heatmap, { ...heatmap, changes: true }, { error: "expected an object" }, { type: "click", relative_path: "/" }].map(summary), [
    "3 samples of 2 sessions on default/p/1",
    "6 samples on 3 tiles, 2 panes; 3 visitors",
    "move, desktop: 3 warm tiles, whole",
    "move, desktop: 3 changed tiles",
    "expected an object",
    "click on /",
  ]);
});

test("a tick says what time it is; one of no time is its JSON", () => {
  assert.equal(summary({ tick: 1_700_000_000_250, v: 1 }), "tick: it is 22:13:20.250 UTC");
  assert.equal(summary({ tick: 1e300 }), '{"tick":1e+300}');
});

test("what is unknown is its JSON, cut to a line", () => {
  assert.equal(summary({ a: [1] }), '{"a":[1]}');
  assert.equal(summary("x".repeat(500)).length, 161);
  assert.equal(summary(null), "null");
});

test("columns of numbers of one length become one table; the rest stay fields", () => {
  const { fields, table } = shapeOf({ path: "/p/1", kinds: ["move", "click"], pane: [1, 1, 2], tile: [5, 6, 7], count: [1, 1, 9], visitors: 3 });
  assert.deepEqual(fields.map(([name]) => name), ["path", "kinds", "visitors"]);
  assert.deepEqual(table, { names: ["pane", "tile", "count"], rows: [[1, 5, 1], [1, 6, 1], [2, 7, 9]] });
});

test("words are columns too where nothing else is in the object", () => {
  assert.deepEqual(shapeOf({ kind: ["move", "click"], x: [1, 2] }).table, { names: ["kind", "x"], rows: [["move", 1], ["click", 2]] });
});

test("an object without columns has no table", () => {
  assert.equal(shapeOf({ a: 1, b: [1, 2] }).table, null);
  assert.equal(shapeOf({}).table, null);
});

test("the classic heat map becomes levels: x from the left, y from the top, relative to the hottest", () => {
  const heat = heatOf({ value: { 2: { 0: 10, 1: 5 } }, "grid-size": 3 });
  assert.deepEqual([...heat.levels], [0, 0, 255, 0, 0, 128, 0, 0, 0]);
  assert.equal(heatOf({ value: { 2: 1 }, "grid-size": 3 }), null);
  assert.equal(heatOf({ value: {}, "grid-size": 1e9 }), null);
});

test("packed columns are read as docs/wire.md says", () => {
  assert.deepEqual(unpack("<HgAKPAo8C"), [640, 655, 655]);
  assert.deepEqual(unpack("<B"), []);
  for (const bad of ["HgAKPAo8C", "<Qaaaa", "<H!!", "<Hgg==", "<constructor", 7, null]) assert.equal(unpack(bad), null, String(bad));
});

const topic = (name, more = {}) => ({
  name, partitions: 1, messages: 10, messages_per_second: 2, bytes_per_second: 2048, newest_ms: null, lag: null, ...more,
});
const NAMES = ["clickstream", "clickstream-group-by-page", "heatmap", "clickstream-dead-letter"];

test("the graph has stages and topics in the order of the data's way", () => {
  const { way, dead } = graphOf(NAMES.map((name) => topic(name)), null);
  assert.deepEqual(way.map(({ name }) => name), [
    "tracker", "gateway", "clickstream", "group by", "clickstream-group-by-page", "aggregator", "heatmap", "live", "overlay",
  ]);
  assert.equal(dead.name, "clickstream-dead-letter");
});

test("a prefix changes nothing, and other topics stand besides", () => {
  const { way, dead, others } = graphOf([...NAMES, "isotherm-interest"].map((name) => topic(`shop-${name}`)), null);
  assert.equal(way[2].name, "shop-clickstream");
  assert.equal(dead.name, "shop-clickstream-dead-letter");
  assert.deepEqual(others.map(({ name }) => name), ["shop-isotherm-interest"]);
});

test("a stage that is behind says so", () => {
  const { way } = graphOf([topic("clickstream", { lag: 1200 }), ...NAMES.slice(1).map((name) => topic(name))], null);
  assert.equal(way[3].says, "1,200 behind");
});

test("bytes that nobody weighed are not shown as none", () => {
  const { way } = graphOf([topic("clickstream", { bytes_per_second: null })], null);
  assert.equal(way.find(({ name }) => name === "clickstream").says, "10 in all");
});
