/** What is wrong is said in words that help: refusals, and the pipeline's health. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { healthOf } from "../../src/isotherm/web/dashboard/health.js";
import { search } from "../../src/isotherm/web/dashboard/overview.js";
import { explainRecent } from "../../src/isotherm/web/dashboard/refusals.js";

const NOW = 1_700_000_000_000;
const PIPELINE = {
  visitors: 3, connections: 3, viewers: 1, samples_per_second: 12, messages_per_second: 3, accepted: 100, lag_ms: 14, ready: true, why: null,
  window_ms: 300_000, hop_ms: 250, grid_size: 50, runtime: "embedded",
};

test("a foreign origin is named, with the option that lets it in", () => {
  const [said] = explainRecent([{ reason: "origin", detail: "https://other.example", count: 3, last_ms: NOW - 4000 }], NOW);
  assert.equal(said.what, "3 messages from https://other.example refused: this server takes no events from that site.");
  assert.equal(said.command, "isotherm serve --origin https://other.example");
  assert.equal(said.since, "4.0 s ago");
});

test("an unknown key and another version each say what to do", () => {
  const said = explainRecent(
    [{ reason: "site", detail: "shpo", count: 1, last_ms: NOW }, { reason: "version", detail: "2", count: 1, last_ms: NOW - 1 }],
    NOW,
  );
  assert.match(said[0].what, /no site with the key “shpo”/);
  assert.match(said[0].todo, /data-site/);
  assert.match(said[1].todo, /cache/);
});

test("every other reason says why, with the server's own detail; one that this page does not know is told as it came", () => {
  const refusal = (reason, detail) => ({ reason, detail, count: 2, last_ms: NOW });
  const said = explainRecent([refusal("invalid", "expected `x`"), refusal("full", ""), refusal("some_new", "like this")], NOW);
  assert.deepEqual(said.map(({ what }) => what), [
    "2 messages refused: not well formed (expected `x`).", "2 messages refused: the server could not take them.", "2 messages refused: some new (like this).",
  ]);
});

test("a viewer with a wrong token is no trouble with events", () => {
  assert.deepEqual(explainRecent([{ reason: "token", detail: "", count: 9, last_ms: NOW }], NOW), []);
});

test("the newest trouble comes first, and what is ten minutes old is no news", () => {
  const refusal = (detail, age) => ({ reason: "invalid", detail, count: 1, last_ms: NOW - age });
  const said = explainRecent([refusal("old", 600_001), refusal("older", 5000), refusal("newer", 10)], NOW);
  assert.deepEqual(said.map(({ what }) => what.match(/\((\w+)\)/)[1]), ["newer", "older"]);
});

test("health is one word: live, behind, not ready, silent, no connection", () => {
  const words = [
    healthOf("connecting", null, 0), healthOf("lost", null, 0), healthOf("open", PIPELINE, 900), healthOf("open", { ...PIPELINE, lag_ms: 2300 }, 0),
    healthOf("open", { ...PIPELINE, ready: false, why: "the disk is full" }, 0), healthOf("open", PIPELINE, 6000), healthOf("lost", PIPELINE, 0),
  ];
  assert.deepEqual(words.map(({ word }) => word), ["Connecting", "No connection", "Live", "2.3 s behind", "Not ready", "Silent", "No connection"]);
  assert.deepEqual(words.map(({ tone }) => tone), ["", "bad", "good", "warn", "bad", "warn", "bad"]);
  assert.equal(words[4].why, "the disk is full");
});

test("lag is amber above one second, not at it", () => {
  assert.equal(healthOf("open", { ...PIPELINE, lag_ms: 1000 }, 0).tone, "good");
  assert.equal(healthOf("open", { ...PIPELINE, lag_ms: 1001 }, 0).tone, "warn");
});

test("a search finds pages that have all its words, in path, site or origin", () => {
  const page = (path, origin = null) => ({ site: "default", path, origin, visitors: 1, samples_per_second: 1, samples: 1, quiet_ms: 0 });
  const pages = [page("/p/Laptop"), page("/p/console", "https://shop.example"), page("/cart")];
  const found = (query) => search(pages, query).map(({ path }) => path);
  assert.deepEqual(found("laptop"), ["/p/Laptop"]);
  assert.deepEqual(found("p shop"), ["/p/console"]);
  assert.deepEqual(found(" "), ["/p/Laptop", "/p/console", "/cart"]);
  assert.deepEqual(found("nothing"), []);
});
